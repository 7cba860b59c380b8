"""From decoded pictures to checked vectors; a picture that fails costs no other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gallery.reasons import Reason
from search.vectors.embedders.base import DeviceOutOfMemory, Embedder, Pixels, Vectors
from workers import heartbeat

logger = logging.getLogger(__name__)

NORM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Refusal:
    """Why a row got no vector. Unless it is `final`, another try may help."""

    reason: Reason
    detail: str = ""
    final: bool = False


def embed(embedder: Embedder, pictures: Sequence[Pixels]) -> list[Vectors | Refusal]:
    """Return a unit vector, shape (dim,), float32, or a refusal for each picture.

    A batch that fails, because it does not fit on the device or for any other reason, is halved
    until only one picture fails.
    """
    if not pictures:
        return []
    heartbeat.progress()
    try:
        rows = embedder.embed_images(pictures)
    except DeviceOutOfMemory as error:
        failure = Refusal(Reason.GPU_OOM, str(error))
    except Exception as error:
        # Whatever the model library raises must cost only the picture that causes it.
        logger.exception("The model failed on a batch of %d pictures.", len(pictures))
        failure = Refusal(Reason.BAD_VECTOR, f"{type(error).__name__}: {error}")
    else:
        return [_checked(row, embedder.dim) for row in rows]
    if len(pictures) == 1:
        return [failure]
    middle = len(pictures) // 2
    return embed(embedder, pictures[:middle]) + embed(embedder, pictures[middle:])


def _checked(row: Vectors, dim: int) -> Vectors | Refusal:
    """Return the row if it is a finite unit vector of `dim` numbers; the index would take any."""
    if row.shape != (dim,):
        return Refusal(Reason.BAD_VECTOR, f"shape {row.shape} instead of ({dim},)", final=True)
    if not np.isfinite(row).all():
        return Refusal(Reason.BAD_VECTOR, "not finite", final=True)
    norm = float(np.linalg.norm(row))
    if abs(norm - 1.0) >= NORM_TOLERANCE:
        return Refusal(Reason.BAD_VECTOR, f"length {norm:.4f} instead of 1", final=True)
    return row.astype(np.float32, copy=False)
