"""Facets: what the photos of a result have in common, with counts."""

from __future__ import annotations

from search.facets.facets import Facet, FacetValue, facets

__all__ = ["Facet", "FacetValue", "facets"]
