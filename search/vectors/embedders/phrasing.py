"""How a short text is put to a model: worded in several ways like the captions it learned from.

"dog" alone is an unusual caption. The mean of a few wordings finds the right photo more often
(single words: R@10 by 2 to 3 points with the starter model, see docs/explanation/relevance.md)
and is told from what a library lacks more surely. Longer texts lose by it and are left as they
are, and so is all that may not be English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from search.vectors.embedders.base import Embedder, Vectors

LONGEST = 3
"""Words of a text that is worded in several ways."""
_ENGLISH = re.compile(r"[A-Za-z][A-Za-z' -]*")


def wordings(text: str) -> list[str]:
    """Return the texts whose mean embedding stands for a text, the text itself first."""
    if not _ENGLISH.fullmatch(text) or len(text.split()) > LONGEST:
        return [text]
    article = "an" if text[0] in "aeiouAEIOU" else "a"
    return [text, f"a photo of {text}", f"there is {article} {text} in the picture"]


def embed_worded(model: Embedder, texts: Sequence[str]) -> Vectors:
    """Return one unit embedding for each text, shape (len(texts), dim), with one call."""
    if not texts:
        return np.empty((0, model.dim), np.float32)
    found = [wordings(text) for text in texts]
    rows = model.embed_texts([wording for group in found for wording in group])
    ends = pairwise(accumulate((len(group) for group in found), initial=0))
    means = np.stack([rows[start:end].mean(axis=0) for start, end in ends])
    unit: Vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
    return unit.astype(np.float32)
