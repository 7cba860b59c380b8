"""What the jobs do that look at photos with the model that answers queries."""

from __future__ import annotations

from collections.abc import Callable

from gallery.models import Embedding, EmbeddingModel
from gallery.models.embeddings import EmbeddingModelQuerySet
from workers import (
    compare_photos,
    draw_maps,
    embed_parts,
    suspect_photos,
)

Until = Callable[[], bool]
"""A job asks this after each step, and ends if the answer is True."""


def active_model() -> EmbeddingModelQuerySet:
    """Return the model that answers queries, or none before the first was chosen."""
    return EmbeddingModel.objects.filter(state=EmbeddingModel.State.ACTIVE)


def lack_calibration() -> bool:
    """Tell whether the closeness of duplicates was not measured for the model yet."""
    return any(map(compare_photos.is_unmeasured, active_model()))


def lack_comparison() -> bool:
    """Tell whether photos were not compared with the others yet."""
    return any(Embedding.objects.to_compare(model).exists() for model in active_model())


def compare_due(until: Until) -> int:
    return sum(compare_photos.compare_due(model, stop=until) for model in active_model())


def lack_parts() -> bool:
    """Tell whether photos have no embeddings of their parts yet."""
    return any(map(embed_parts.is_wanted, active_model()))


def embed_due_parts(until: Until) -> int:
    return sum(embed_parts.make_due(model, stop=until) for model in active_model())


def lack_suspicion() -> bool:
    """Tell whether photos were not looked at for sensitive pictures yet."""
    return any(map(suspect_photos.is_wanted, active_model()))


def suspect_due(until: Until) -> int:
    return sum(suspect_photos.look(model, stop=until) for model in active_model())


def lack_maps() -> bool:
    """Tell whether somebody's map is to be drawn."""
    return any(map(draw_maps.is_wanted, active_model()))


def draw_due_maps(until: Until) -> int:
    return sum(draw_maps.draw_due(model, stop=until) for model in active_model())
