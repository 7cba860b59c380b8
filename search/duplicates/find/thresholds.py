"""How close photos must be to count as duplicates, as measured for each model."""

from __future__ import annotations

from dataclasses import dataclass

from gallery.models import EmbeddingModel


@dataclass(frozen=True)
class Thresholds:
    """Cosine similarities, all of one model.

    Pairs below `candidate` are not looked at unless their perceptual hashes are near. Similar
    shots need `burst` when they were taken within minutes of each other, `similar` within a day
    or when time is unknown, and `apart` when days or kilometres lie between them. Unless they
    are apart, `layout` is enough where the pictures lie well over each other, and `burst` where
    they do so roughly.
    """

    candidate: float
    layout: float
    burst: float
    similar: float
    apart: float


MEASURED = {
    "starter": Thresholds(candidate=0.75, layout=0.8, burst=0.86, similar=0.95, apart=0.97),
}
"""From `manage.py calibrate_duplicates`, which measures any other model in its own gallery."""

CAREFUL = Thresholds(candidate=0.8, layout=0.93, burst=0.95, similar=0.97, apart=0.985)
"""For models that nobody measured: rather a pair too few than one too many."""


def of(model: EmbeddingModel) -> Thresholds:
    """Return the thresholds measured for the model, or careful ones where none were measured."""
    if model.thresholds:
        return Thresholds(**model.thresholds)
    return MEASURED.get(model.key, CAREFUL)
