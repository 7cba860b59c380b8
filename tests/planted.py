"""A library of photos in planted groups, rows only, for tests of themes and the map."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from django.utils import timezone

from gallery.models import Embedding, EmbeddingModel, Photo
from search.understanding.library_vectors import LibraryVectors
from search.understanding.themes import runs
from search.understanding.themes.steps import finish
from tests.alike import photo


def vectors(
    groups: int, each: int, dim: int = 16, seed: int = 0, noise: float = 0.08
) -> np.ndarray:
    """Return unit vectors, the groups one after another, around directions of their own."""
    chance = np.random.default_rng(seed)
    centres = np.linalg.qr(chance.normal(size=(dim, dim)))[0][:groups]
    rows = np.repeat(centres, each, axis=0) + noise * chance.normal(size=(groups * each, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def library(rows: np.ndarray) -> LibraryVectors:
    """Return these vectors as a library that is on no disk."""
    ids = np.array([f"{number:032x}".encode() for number in range(len(rows))])
    return LibraryVectors(ids, rows.shape[1], "", rows.astype(np.float16), np.arange(len(rows)))


def store(owner: Any, model: EmbeddingModel, rows: np.ndarray, **fields: Any) -> list[Photo]:
    """Store a photo of `owner` for each vector.

    Their ids are the same in each run: the order of a library, and with it where clusters and maps
    begin, is that of its ids.
    """
    number = Photo.objects.filter(owner=owner).count()
    chance = random.Random(f"{owner.username} {number}")
    photos = [photo(owner, id=UUID(int=chance.getrandbits(128)), **fields) for _ in rows]
    made = []
    for each, vector in zip(photos, rows, strict=True):
        row = Embedding(photo=each, model=model, state=Embedding.State.INDEXED)
        row.compared_at = timezone.now()
        row.set_vector(vector)
        made.append(row)
    Embedding.objects.bulk_create(made)
    return photos


def draw(model: EmbeddingModel) -> int:
    """Draw and complete all maps that are due; return how many."""
    done = 0
    for due in list(runs.due(model)):
        finish((runs.drawing if due.draw else runs.placing)(model, due))
        done += 1
    return done


def group_of(photos: Sequence[Photo], each: int) -> dict[str, int]:
    """Return the planted group of each photo, by its id as hex."""
    return {photo.pk.hex: place // each for place, photo in enumerate(photos)}
