"""Fill the database of DATA_DIR with photos of which some are duplicates, ready to be compared.

Most photos have a made-up vector and only a fingerprint, cut from real photos, so that comparing
meets what it meets in a gallery: neighbours by embedding that turn out to be other pictures. One
photo in ten is in a pair, a changed copy or a frame of a burst in turn, with real renditions.

Run by the other benchmarks:
DATA_DIR=... python -m benchmarks.fill_duplicates OWNER COUNT PHOTOS compare|group
With `group`, the photos are three to a group and the groups are made at once.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import bursts
from benchmarks.transforms import EDITS, opened

if TYPE_CHECKING:
    from gallery.models import Photo

BATCH = 1000
CLUSTERS = 500
PAIRED = 10
"""One photo in so many is in a pair."""

GROUP = 3
DIM = 512
NOISE = (0.4, 1.2)
"""Length of a vector's own part, added to its cluster's centre. It brings 3 to 4 of the 39 others
within 0.75, as many as 20,000 real photos would have, judging by 7,091 of people and sport."""

PAIR_NOISE = 0.25
RENDITION = 512  # pixels


def main(owner_name: str, count: int, photos: Path, purpose: str) -> None:
    """Write `count` photos of `owner_name`, made of the pictures in the folder `photos`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    import django

    django.setup()
    from django.contrib.auth import get_user_model

    owner = get_user_model().objects.get(username=owner_name)
    sources = [opened(path) for path in sorted(photos.glob("*.jpg"))]
    assert sources, "no photos to cut pictures from"
    pictures = _pictures(sources, count, paired=purpose == "compare")
    ids: list[UUID] = []
    while some := list(itertools.islice(pictures, BATCH)):
        ids += _save(owner.pk, some, len(ids))
    if purpose == "group":
        _group(owner.pk, ids)


def _pictures(
    sources: list[Image.Image], count: int, *, paired: bool
) -> Iterator[tuple[Image.Image, NDArray[np.float32], bool]]:
    """Yield `count` pictures with their vectors, and whether they need a rendition."""
    rng, noise = random.Random(1), np.random.default_rng(1)
    centres = _unit(noise.normal(size=(CLUSTERS, DIM)))
    number = 0
    while number < count:
        # Neighbours by embedding are parts of different photos.
        source = sources[(number // CLUSTERS * 7 + number) % len(sources)]
        centre = centres[number % CLUSTERS]
        own = _unit(noise.normal(size=DIM)) * rng.uniform(*NOISE)
        if paired and number % (2 * PAIRED) == 0:
            turn = number // (2 * PAIRED)
            # Pairs are of different pictures: a half of each photo, then the other half of each.
            scene = _half(sources[turn % len(sources)], turn // len(sources))
            for image in _pair(scene, turn, rng, noise):
                near = _unit(noise.normal(size=DIM)) * PAIR_NOISE
                yield image, _unit(centre + own + near), True
            number += 2
        else:
            yield _part(source, rng), _unit(centre + own), False
            number += 1


def _unit(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / length, np.float32)


def _part(image: Image.Image, rng: random.Random) -> Image.Image:
    """Return a small part of a photo, mirrored or not: a picture of its own."""
    width, height = image.width // 3, image.height // 3
    left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    part = image.crop((left, top, left + width, top + height)).resize((96, 96))
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else part


def _half(image: Image.Image, number: int) -> Image.Image:
    """Return the left half for even numbers, else the right one, at the size of a rendition."""
    left = image.width // 2 * (number % 2)
    part = image.crop((left, 0, left + image.width // 2, image.height))
    scale = RENDITION / max(part.size)
    return part.resize((round(part.width * scale), round(part.height * scale)))


def _pair(
    image: Image.Image, number: int, rng: random.Random, noise: np.random.Generator
) -> list[Image.Image]:
    """Return a picture and a changed copy of it, or two frames of a burst."""
    if number % 2:
        pixels = np.asarray(image)
        return [
            bursts.frame(pixels, view, noise) for view in (bursts.View(), bursts.random_view(rng))
        ]
    copy = EDITS[number // 2 % len(EDITS)].change(image, rng).convert("RGB")
    copy.thumbnail((RENDITION, RENDITION))
    return [image, copy]


def _save(
    owner_id: int, made: list[tuple[Image.Image, NDArray[np.float32], bool]], first: int
) -> list[UUID]:
    from gallery import files
    from gallery.decoding.fingerprint import fingerprint_of
    from gallery.models import Embedding, EmbeddingModel, Fingerprint, Photo
    from search.duplicates.find.candidates import turned_hashes
    from search.vectors.embedders.catalog import STARTER_KEY

    model, _ = EmbeddingModel.objects.get_or_create(
        key=STARTER_KEY, defaults={"dim": DIM, "state": EmbeddingModel.State.ACTIVE}
    )
    greys = np.stack([fingerprint_of(np.asarray(image)) for image, _, _ in made])
    hashes = turned_hashes(greys)[:, 0]
    photos, rows = [], []
    for place, (image, vector, _) in enumerate(made):
        photo = _photo(owner_id, first + place, image)
        photo.phash = f"{int(hashes[place]):016x}"
        row = Embedding(photo=photo, model=model, state=Embedding.State.EMBEDDED)
        row.set_vector(vector)
        photos.append(photo)
        rows.append(row)
    Photo.objects.bulk_create(photos)
    Embedding.objects.bulk_create(rows)
    Fingerprint.objects.bulk_create(
        Fingerprint(photo=photo, grey=grey.tobytes())
        for photo, grey in zip(photos, greys, strict=True)
    )
    for photo, (image, _, needs_rendition) in zip(photos, made, strict=True):
        if needs_rendition:
            out = BytesIO()
            image.save(out, "WEBP", quality=80)
            files.write_atomically(files.thumbnail(photo.pk), out.getvalue())
    return [photo.pk for photo in photos]


def _photo(owner_id: int, number: int, image: Image.Image) -> Photo:
    from django.utils import timezone

    from gallery.models import Photo

    return Photo(
        owner_id=owner_id,
        sha256=uuid4().hex * 2,
        size=2_000_000 + number,
        format="JPEG",
        extension="jpg",
        name=f"made-up-{number}.jpg",
        width=image.width * 8,
        height=image.height * 8,
        shown_at=timezone.now() - timedelta(minutes=10 * number),
        wall_at=timezone.now() - timedelta(minutes=10 * number),
        decoded_at=timezone.now(),
    )


def _group(owner_id: int, ids: list[UUID]) -> None:
    """Make edges between every three photos that follow each other, and groups of them."""
    from django.utils import timezone

    from gallery.models import Embedding, EmbeddingModel
    from search.duplicates.groups import groups
    from search.duplicates.models import DuplicateEdge, Kind

    model = EmbeddingModel.objects.get()
    DuplicateEdge.objects.bulk_create(
        DuplicateEdge(
            owner_id=owner_id,
            first_id=min(pair),
            second_id=max(pair),
            kind=Kind.SAME_PICTURE,
            closeness=0.97 + 0.00001 * (start % 1000),
            model=model,
        )
        for start in range(0, len(ids) - GROUP + 1, GROUP)
        for pair in itertools.combinations(ids[start : start + GROUP], 2)
    )
    Embedding.objects.update(compared_at=timezone.now())
    groups.regroup_all(owner_id)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
