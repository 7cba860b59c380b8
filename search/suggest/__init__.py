"""Suggestions for the search bar while somebody types."""

from __future__ import annotations

from search.suggest.suggestions import Suggestions, find_suggestions

__all__ = ["Suggestions", "find_suggestions"]
