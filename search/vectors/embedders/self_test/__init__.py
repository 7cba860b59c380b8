"""The self-test of a model: a few pictures and texts must find each other before it is used.

Weights can have the right shapes and mean nothing: noise, zeros, or the text tower of another
model. The test asks no more than any model that was trained on pictures with texts gives. It does
not measure how good a model is. PICTURES.md says where the pictures come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from search.vectors.embedders.base import Embedder, ModelUnavailable, Pixels, Vectors

CAPTIONS = {
    "astronaut": "an astronaut in an orange space suit",
    "bricks": "a brick wall",
    "cat": "a close-up of a cat",
    "clock": "a clock",
    "coffee": "a cup of coffee on a table",
    "coins": "old coins",
    "galaxies": "stars and galaxies in space",
    "grass": "grass",
    "horse": "the silhouette of a horse",
    "photographer": "a man with a camera on a tripod",
    "rocket": "a rocket launch at night",
    "text": "a page of text",
}
"""What each picture shows, by the name of its file."""

LEAST_AGREEMENT = 4.0
"""How far above chance the pairs must agree, in standard deviations. Towers that know nothing of
each other get there once in a thousand times. The starter model, which is smaller than any CLIP,
has 7.6; the most that twelve pairs can have is 11."""

MOST_ALIKE = 0.995
"""The greatest mean cosine of different pictures, and of different texts. CLIP has 0.4 to 0.9."""

NORM_TOLERANCE = 1e-3


class Fault(TextChoices):
    """Why a model is refused; the label is the sentence that people read."""

    NOT_FINITE = (
        "not_finite",
        _("it gives no usable numbers; its weights are damaged. Fetch them again."),
    )
    ALL_ALIKE = (
        "all_alike",
        _(
            "it takes all pictures or all texts to be the same; its weights are damaged or "
            "untrained."
        ),
    )
    NO_MATCH = (
        "no_match",
        _(
            "its pictures and texts do not find each other; its weights are untrained, damaged, or "
            "come from two different models."
        ),
    )


@dataclass(frozen=True)
class Probes:
    """Pictures, and for each the text that says what it shows."""

    pictures: Sequence[Pixels]
    texts: Sequence[str]


def probes() -> Probes:
    """Return the built-in pictures, 192 pixels each way, and their texts."""
    from PIL import Image

    folder = Path(__file__).parent
    pictures = []
    for name in CAPTIONS:
        with Image.open(folder / f"{name}.webp", formats=["WEBP"]) as image:
            pictures.append(np.asarray(image.convert("RGB")))
    return Probes(pictures, list(CAPTIONS.values()))


def require_sense(image: Embedder, text: Embedder, shown: Probes) -> None:
    """Raise `ModelUnavailable` unless the two towers of a model are sound and fit each other."""
    fault = fault_of(image.embed_images(shown.pictures), text.embed_texts(shown.texts))
    if fault is not None:
        message = _("%(model)s failed its self-test: %(why)s") % {
            "model": image.key,
            "why": fault.label,
        }
        raise ModelUnavailable(message, fault.value)


def fault_of(pictures: Vectors, texts: Vectors) -> Fault | None:
    """Return what is wrong with the embeddings (n, dim) of pictures and of their texts, or None."""
    for rows in (pictures, texts):
        norms = np.linalg.norm(rows, axis=1)
        if not np.isfinite(rows).all() or (abs(norms - 1) > NORM_TOLERANCE).any():
            return Fault.NOT_FINITE
    if max(_likeness(pictures), _likeness(texts)) > MOST_ALIKE:
        return Fault.ALL_ALIKE
    if pictures.shape != texts.shape or agreement(pictures, texts) < LEAST_AGREEMENT:
        return Fault.NO_MATCH
    return None


def agreement(pictures: Vectors, texts: Vectors) -> float:
    """Return how far the pairs are above chance, in standard deviations.

    It compares the sum of the cosines of the pairs with that of pairs drawn at random. What one
    picture or one text has in common with all others is taken away first: cones and scales of a
    model do not matter.
    """
    cosines = (pictures @ texts.T).astype(np.float64)
    apart = cosines - cosines.mean(axis=0) - cosines.mean(axis=1, keepdims=True) + cosines.mean()
    spread = float(np.sqrt((apart**2).sum() / (len(apart) - 1)))
    return float(np.trace(apart)) / spread if spread else 0.0


def _likeness(rows: Vectors) -> float:
    """Return the mean cosine of two different rows."""
    upper = np.triu_indices(len(rows), 1)
    return float((rows @ rows.T)[upper].mean())
