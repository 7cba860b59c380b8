"""How well the hits of a query match: bands, measured against the background of the library."""

from search.relevance.bands import TOP, Background, Band, Bands, find_bands

__all__ = ["TOP", "Background", "Band", "Bands", "find_bands"]
