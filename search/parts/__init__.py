"""Parts of photos: searched as terms of a query, and found as small things in large pictures."""

from __future__ import annotations

from search.parts.boxes import Box
from search.parts.crops import Heat, crop_vector, heat
from search.parts.nearest import PartHit, closest
from search.parts.scale import scale_of

__all__ = ["Box", "Heat", "PartHit", "closest", "crop_vector", "heat", "scale_of"]
