"""Full-text search in file names, captions, tags, albums, cameras and lenses."""

from __future__ import annotations

from search.words.checking import faults, make_anew
from search.words.finding import Said, WordHit, saying, search, without
from search.words.upkeep import catch_up, refresh

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
