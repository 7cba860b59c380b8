"""How close photos must be to count as duplicates, as measured for each model."""

from __future__ import annotations

from dataclasses import dataclass

from gallery.models import EmbeddingModel


@dataclass(frozen=True)
class Thresholds:
    """Cosine similarities, all of one model.

    Pairs below `candidate` are not looked at unless their perceptual hashes are near. Similar
    shots need `burst` when they were taken within minutes of each other, `similar` when time is
    unknown, and `apart` when they were taken on different days.
    """

    candidate: float
    burst: float
    similar: float
    apart: float


def of(model: EmbeddingModel) -> Thresholds:
    """Return the thresholds measured for the model, or careful ones where none were measured."""
    return Thresholds(candidate=0.6, burst=0.85, similar=0.92, apart=0.96)
