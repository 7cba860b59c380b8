"""The cheap question that finds work which nobody rang for."""

from __future__ import annotations

from gallery.models import Embedding, EmbeddingModel, Photo
from workers import projection


def is_work_due() -> bool:
    """Tell whether rows are due, vectors wait for the index, or deletions are unfinished.

    Such rows are written by commands in other processes, or become due as time passes.
    """
    wanted = EmbeddingModel.objects.wanted()
    return (
        Photo.objects.exclude(deleted_at=None).exists()
        or Embedding.objects.filter(model__in=wanted).due().exists()
        or (not projection.is_paused() and projection.waiting().filter(model__in=wanted).exists())
    )
