"""The embeddings of parts of photos."""

from __future__ import annotations

import zlib

import numpy as np
from django.db import models
from django.db.models import Q
from numpy.typing import NDArray

from gallery.models.embeddings import Boxes, Embedding


class PhotoParts(models.Model):
    """The embeddings of parts of one photo with one model, made after the photo is searchable.

    A row belongs to one `generation` of its embedding and is out of date when that grew. It is
    written before the work, without boxes, and `tries` counts how often the work was begun.
    `indexed_at` is set once the index acknowledged and flushed the points of all parts, or when the
    photo turned out to have none. Boxes and vectors are float16, little-endian, with one CRC-32
    over both.
    """

    embedding = models.OneToOneField(
        Embedding, models.CASCADE, primary_key=True, related_name="parts"
    )
    generation = models.PositiveIntegerField()
    boxes = models.BinaryField()
    vectors = models.BinaryField()
    crc = models.BigIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    indexed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["embedding"], condition=Q(indexed_at=None), name="parts_to_index")
        ]

    def __str__(self) -> str:
        return f"parts of {self.embedding_id}"

    def set_parts(self, boxes: Boxes, vectors: NDArray[np.float32]) -> None:
        """Keep boxes (n, 4) and unit vectors (n, dim) with a checksum."""
        self.boxes = boxes.astype("<f2").tobytes()
        self.vectors = vectors.astype("<f2").tobytes()
        self.crc = zlib.crc32(self.boxes + self.vectors)

    def get_parts(self) -> tuple[Boxes, NDArray[np.float32]] | None:
        """Return boxes (n, 4) and unit vectors (n, dim) as float32; None if the CRC is wrong."""
        boxes, vectors = bytes(self.boxes), bytes(self.vectors)
        if zlib.crc32(boxes + vectors) != self.crc or not boxes:
            return None
        places = np.frombuffer(boxes, "<f2").astype(np.float32).reshape(-1, 4)
        rows = np.frombuffer(vectors, "<f2").astype(np.float32).reshape(len(places), -1)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return (places, rows / norms) if np.isfinite(norms).all() and norms.all() else None
