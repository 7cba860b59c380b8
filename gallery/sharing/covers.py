"""Which photo stands for something that is shared: the first thing that others see of it."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q

from gallery.decoding.quality import ENGINE
from gallery.models import Photo, PhotoQuality, PhotoQuerySet

LOOKED_AT = 300
"""The newest photos, of which one is chosen."""
_MOST_CLIPPED = 0.25
"""More white or black than that is a page, a screen or a mistake."""
_SHARP = 0.35
_NOISY = 12.0


def cover_of(photos: PhotoQuerySet) -> Photo | None:
    """Return the newest of the fittest photos: from a camera, neither page nor screen, and wide.

    None while none of them can be shown.
    """
    seen = photos.exclude(decoded_at=None)
    newest = list(seen.newest_first().values_list("pk", flat=True)[:LOOKED_AT])
    fine = PhotoQuality.objects.filter(
        photo=OuterRef("pk"), engine=ENGINE, sharpness__gte=_SHARP, noise__lte=_NOISY,
        clipped_lights__lte=_MOST_CLIPPED, clipped_darks__lte=_MOST_CLIPPED,
    )  # fmt: skip
    ranked = seen.filter(pk__in=newest).annotate(
        is_fine=Exists(fine),
        is_taken=~Q(camera=""),
        is_wide=Q(width__gt=F("height")),
    )
    return ranked.order_by("-is_fine", "-is_taken", "-is_wide", "-shown_at", "-pk").first()
