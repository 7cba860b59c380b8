"""Parts of photos: searched as terms of a query, and found as small things in large pictures."""

from __future__ import annotations

from search.regions.boxes import Box
from search.regions.cropping import crop_vector
from search.regions.finding import RegionHit, closest
from search.regions.scale import of as scale_of
from search.regions.windows import Heat, heat

__all__ = ["Box", "Heat", "RegionHit", "closest", "crop_vector", "heat", "scale_of"]
