"""How certain a sentence is, in numbers: its share among others, and its band alone.

The shares come from the cosine similarities by softmax. `SHARPNESS` makes them honest: of ten
captions, the first is claimed with 0.913 and right in 91.5 % of cases with the starter model, and
the calibration error is at most 0.019 among 2 to 200 captions (`python -m benchmarks.sentences`).
The sentences share all certainty: where none of them fits, the least wrong one still gets most of
it. So each has the band that it would have as a query, too.
"""

from __future__ import annotations

import numpy as np

from search.relevance import Background, Band, evidence
from search.relevance.background import Vector

SHARPNESS = 2.0
"""Of the shares, per deviation of a photo's scores for many texts (`Background.unit`)."""


def probabilities(scores: Vector, unit: float) -> Vector:
    """Return the share of the certainty of each sentence, from its cosine similarity, (n,)."""
    powers = np.exp((scores - scores.max()) * (SHARPNESS / unit))
    shares: Vector = powers / powers.sum()
    return shares


def band_of(
    background: Background, text: Vector, photo: Vector, total: int, *, foreign: bool = False
) -> Band:
    """Return the band of one photo for a text, among `total` photos.

    The photo has the rank that it would have as a hit. It is estimated from a sample.
    """
    known = background.features(text, photo[None])
    others, _leads = background.leads(text)
    rank = 1 + float((others > float(photo @ text)).mean()) * total
    known[:, 2] = np.log(rank - 0.5)
    known[:, 3] = known[:, 1] * known[:, 2]
    found = float(evidence.of_features(known, total)[0]) + evidence.FOREIGN * foreign
    if found >= evidence.STRONG:
        return Band.STRONG
    return Band.LIKELY if found >= evidence.LIKELY else Band.WEAK
