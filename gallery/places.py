"""Where photos were taken: degrees, and the town that they belong to."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count

from gallery import gazetteer
from gallery.gazetteer import Town
from gallery.models import Photo, PhotoQuerySet

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


@dataclass(frozen=True)
class PhotographedTown:
    """A town, and how many photos were taken there."""

    town: Town
    photos: int


def photographed_towns(photos: PhotoQuerySet) -> list[PhotographedTown]:
    """Return the towns where photos were taken, those with the most photos first."""
    located = photos.exclude(place_id=None).order_by()
    # Counting rows lets the database use its index alone.
    counts = dict(located.values_list("place_id").annotate(photos=Count("*")))
    towns = gazetteer.towns(counts).values()
    found = [PhotographedTown(town, counts[town.id]) for town in towns]
    return sorted(found, key=lambda each: (-each.photos, each.town.label))
