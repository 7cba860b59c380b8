"""The albums of many photos at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from uuid import UUID

from django.db.models import Count

from gallery.models import InAlbum
from gallery.slices import slices


def album_counts(photo_ids: Collection[UUID]) -> Counter[UUID]:
    """Return in how many albums each photo is; 0 for those in none."""
    found: Counter[UUID] = Counter()
    for some in slices(photo_ids):
        rows = InAlbum.objects.filter(photo_id__in=some)
        counted = rows.values("photo_id").annotate(number=Count("album_id"))
        found.update({row["photo_id"]: row["number"] for row in counted})
    return found
