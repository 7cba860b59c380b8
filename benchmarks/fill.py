"""Fill the database of DATA_DIR with photos that have generated vectors and no files.

The rows stay in the state `embedded`, so the gallery projects them into its index at its start.
Vectors lie around those of the photos that are there already, where there are some, else around
random ones. With `--facts` the photos have varied cameras, dates, places, sizes, colours, albums
and tags (`benchmarks.photo_facts`).

Run by the other benchmarks: DATA_DIR=... python -m benchmarks.fill OWNER COUNT DIM [--facts]
"""

from __future__ import annotations

import os
import random as dice_of
import sys
from datetime import timedelta
from typing import Any
from uuid import uuid4

import numpy as np

from benchmarks import photo_facts

BATCH = 5000
NOISE = 0.6
"""Length of what a vector gets beside that of the photo it lies around."""


def main(owner_name: str, count: int, dim: int, *, varied: bool = False) -> None:
    """Write `count` photos of `owner_name`, ten minutes apart, with clustered unit vectors.

    With `varied` they differ in everything that filters use.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from gallery.models import Embedding, EmbeddingModel, Photo
    from search.vectors.embedders.catalog import STARTER_KEY

    owner = get_user_model().objects.get(username=owner_name)
    model, _ = EmbeddingModel.objects.get_or_create(
        key=STARTER_KEY, defaults={"dim": dim, "state": EmbeddingModel.State.ACTIVE}
    )
    random = np.random.default_rng(0)
    stored = Embedding.objects.filter(model=model).exclude(vector=None)[:500]
    real = [vector for row in stored if (vector := row.get_vector()) is not None]
    centres = np.array(real) if real else random.normal(size=(500, model.dim))
    spread = NOISE / model.dim**0.5 if real else 1.0
    dice = dice_of.Random(0)
    now = timezone.now()
    for start in range(0, count, BATCH):
        photos, rows = [], []
        for number in range(start, min(start + BATCH, count)):
            fields: dict[str, Any] = {
                "size": 1,
                "format": "JPEG",
                "width": 500,
                "height": 375,
                "shown_at": now - timedelta(minutes=10 * number),
                "wall_at": now - timedelta(minutes=10 * number),
            }
            if varied:
                fields = photo_facts.facts(number, now, dice)
            photo = Photo(
                owner=owner,
                sha256=uuid4().hex * 2,
                extension="jpg",
                name=f"generated-{number}.jpg",
                decoded_at=now,
                **fields,
            )
            vector = centres[number % len(centres)] + spread * random.normal(size=model.dim)
            row = Embedding(photo=photo, model=model, state=Embedding.State.EMBEDDED)
            row.set_vector((vector / np.linalg.norm(vector)).astype(np.float32))
            photos.append(photo)
            rows.append(row)
        Photo.objects.bulk_create(photos)
        Embedding.objects.bulk_create(rows)
        if varied:
            photo_facts.collect(owner, photos, dice)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), varied="--facts" in sys.argv[4:])
