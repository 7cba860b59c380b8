"""From decoded pictures to checked vectors; what fails, fails alone."""

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
    """Why one row got no vector. A refusal that is not `final` is worth another try later."""

    reason: Reason
    detail: str = ""
    final: bool = False


def embed(embedder: Embedder, pictures: Sequence[Pixels]) -> list[Vectors | Refusal]:
    """Return one unit vector, shape (dim,), or a refusal per picture.

    A batch that does not fit on the device, or that fails for any other reason, is halved until
    the part that fails is one picture.
    """
    if not pictures:
        return []
    heartbeat.progress()
    try:
        rows = embedder.embed_images(pictures)
    except DeviceOutOfMemory as error:
        failure = Refusal(Reason.GPU_OOM, str(error))
    except Exception as error:
        # Any fault of the model library must cost the picture that causes it and no other.
        logger.exception("The model failed on a batch of %d pictures.", len(pictures))
        failure = Refusal(Reason.BAD_VECTOR, f"{type(error).__name__}: {error}")
    else:
        return [_checked(row, embedder.dim) for row in rows]
    if len(pictures) == 1:
        return [failure]
    middle = len(pictures) // 2
    return embed(embedder, pictures[:middle]) + embed(embedder, pictures[middle:])


def _checked(row: Vectors, dim: int) -> Vectors | Refusal:
    """Return the row if it is a finite unit vector of `dim` numbers; the index takes any."""
    if row.shape != (dim,):
        return Refusal(Reason.BAD_VECTOR, f"shape {row.shape} instead of ({dim},)", final=True)
    if not np.isfinite(row).all():
        return Refusal(Reason.BAD_VECTOR, "not finite", final=True)
    norm = float(np.linalg.norm(row))
    if abs(norm - 1.0) >= NORM_TOLERANCE:
        return Refusal(Reason.BAD_VECTOR, f"length {norm:.4f} instead of 1", final=True)
    return row.astype(np.float32, copy=False)
