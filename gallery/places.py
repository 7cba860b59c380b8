"""Where photos were taken: degrees, and the town that they belong to."""

from __future__ import annotations

from gallery import gazetteer
from gallery.models import Photo

COLUMNS = ("latitude", "longitude", "place", "place_id")
"""The columns of `Photo` that `put_at` sets together."""


def put_at(photo: Photo, degrees: tuple[float, float] | None) -> None:
    """Set where a photo was taken, as latitude and longitude or None; the photo is not saved.

    The nearest town follows from it. Whatever changes the place of a photo goes this way.
    """
    photo.latitude, photo.longitude = degrees or (None, None)
    town = gazetteer.nearest(*degrees) if degrees else None
    photo.place = town.label if town else ""
    photo.place_id = town.id if town else None
