"""Which of a query's hits are worth showing: bands, measured against the query's background."""

from __future__ import annotations

from search.relevance.background import Background, Reference
from search.relevance.bands import Band, Cut, bands

__all__ = ["Background", "Band", "Cut", "Reference", "bands"]
