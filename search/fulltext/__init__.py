"""Full-text search in file names, captions, tags, albums, cameras and lenses."""

from __future__ import annotations

from search.fulltext.checks import faults, make_anew
from search.fulltext.lookup import Said, WordHit, saying, search, without
from search.fulltext.upkeep import catch_up, refresh

__all__ = [
    "Said",
    "WordHit",
    "catch_up",
    "faults",
    "make_anew",
    "refresh",
    "saying",
    "search",
    "without",
]
