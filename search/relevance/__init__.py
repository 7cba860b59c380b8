"""How well the hits of a query match: bands, judged photo by photo against fixed texts."""

from search.relevance.background import Background
from search.relevance.bands import TOP, Band, Bands, find_bands

__all__ = ["TOP", "Background", "Band", "Bands", "find_bands"]
