"""Full-text search in file names, captions, tags, albums, cameras and lenses."""

from __future__ import annotations

from search.fulltext.hits import TextHit, TextQuery, exclude_texts, photos_with_text, search
from search.fulltext.upkeep import catch_up, faults, rebuild, refresh

__all__ = [
    "TextHit",
    "TextQuery",
    "catch_up",
    "exclude_texts",
    "faults",
    "photos_with_text",
    "rebuild",
    "refresh",
    "search",
]
