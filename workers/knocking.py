"""The cheap question that finds work which nobody rang for."""

from __future__ import annotations

from gallery.models import Embedding, EmbeddingModel, Photo
from workers import duplicates, pipeline, projection, withdrawal


def is_work_due() -> bool:
    """Tell whether rows are due, vectors or comparing wait, or photos are to leave the index.

    Such rows are written by commands in other processes, or become due as time passes. While
    this process drains, it finds due rows by itself.
    """
    if Photo.objects.exclude(deleted_at=None).exists() or withdrawal.is_due():
        return True
    if pipeline.is_draining():
        return False
    return _is_indexing_due() or duplicates.is_comparing_due()


def _is_indexing_due() -> bool:
    wanted = EmbeddingModel.objects.wanted()
    if Embedding.objects.filter(model__in=wanted).due().exists():
        return True
    waiting = projection.waiting().filter(model__in=wanted)
    return not projection.is_paused() and waiting.exists()
