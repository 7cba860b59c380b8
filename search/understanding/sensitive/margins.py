"""Suspicion by texts: the best text of a kind against the best of what only looks like it.

A photo of a beach is close to "a naked person", and closer to "a woman in a bikini". What counts is
by how much the first is ahead, in units of `Background.unit`, so that a cut means the same to
every model. `benchmarks/sensitive.py` chose the cuts and measures them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.models.sensitive import Kind
from gallery.sensitive import Treatment
from search.relevance.background import Background, Vectors

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Texts:
    """What describes a kind, what is harmless, and how many units the first must be ahead.

    The cuts come from one half of 3,000 ordinary photos (`benchmarks/sensitive.py`), so that at
    most 1 % of each sort of the other half is suspected of anything.
    """

    unsafe: tuple[str, ...]
    harmless: tuple[str, ...]
    cut: float


_ANYTHING = ("a person", "people", "an animal", "a thing", "a landscape")
OWN_CUT = 2.0
"""The cut of own kinds, of which nobody can know how rare they are."""

_COMMON = {
    Kind.NUDITY.value: Texts(
        unsafe=(
            "a nude person",
            "a naked woman",
            "a naked man",
            "people having sex",
            "a pornographic picture",
            "bare breasts",
            "a topless woman",
            "naked buttocks",
        ),
        harmless=(
            "a woman in a bikini",
            "a man in swimming trunks",
            "a shirtless man playing sport",
            "a person in underwear",
            "people at the beach",
            "a baby in the bath",
            "a statue of a person",
            "a painting of a person",
            "a close-up of a face",
            "a wrestler",
            "a dancer",
            "a person in sportswear",
            *_ANYTHING,
        ),
        cut=2.0,
    ),
    Kind.VIOLENCE.value: Texts(
        unsafe=(
            "a bloody wound",
            "a dead body",
            "a corpse covered in blood",
            "a person being beaten",
            "a person being shot",
            "blood and gore",
            "a mutilated body",
            "a severe injury",
        ),
        harmless=(
            "red paint",
            "tomato sauce on a plate",
            "people playing sport",
            "wrestlers in a match",
            "a person lying on the ground and resting",
            "a toy gun",
            "a halloween costume",
            "raw meat",
            "a fallen cyclist",
            "a dog biting a toy",
            "a red flower",
            "a boxer",
            *_ANYTHING,
        ),
        cut=2.0,
    ),
    Kind.DOCUMENTS.value: Texts(
        unsafe=(
            "a passport",
            "an identity card",
            "a credit card",
            "a bank card with a chip",
            "a bank statement",
            "a letter from a bank",
            "an account statement with an IBAN",
        ),
        # The starter model sees that something is paper with writing, but hardly which paper.
        # Against a receipt and a page of a book it finds none of them. `paper_likeness` does.
        harmless=(),
        cut=3.25,
    ),
}


def texts_of(treatment: Treatment) -> Texts:
    """Return the texts of a kind; own kinds without texts are never suspected."""
    if not treatment.own:
        return _COMMON[treatment.kind]
    return Texts(treatment.prompts, (*treatment.harmless, *_ANYTHING), OWN_CUT)


def margins(vectors: Vectors, texts: Texts, both: Vectors, background: Background) -> Scores:
    """Return how far photos are ahead in what a kind is suspected by, in units, shape (n,).

    `vectors` (n, dim) are photos, `both` (k, dim) the unsafe and then the harmless texts as unit
    vectors. Without harmless texts, the mean of the unsafe ones is compared with what photos of
    the library usually have of it.
    """
    unsafe, harmless = both[: len(texts.unsafe)], both[len(texts.unsafe) :]
    if len(harmless):
        ahead = (vectors @ unsafe.T).max(axis=1) - (vectors @ harmless.T).max(axis=1)
    else:
        mean = unsafe.mean(axis=0)
        mean /= max(float(np.linalg.norm(mean)), 1e-6)
        ahead = vectors @ mean - background.typical(mean)
    return np.asarray(ahead / background.unit, np.float32)
