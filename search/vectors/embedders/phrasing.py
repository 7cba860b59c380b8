"""How a text is given to a text tower: its wordings, and no more padding than it needs.

"dog" alone is an unusual caption. The mean of a few wordings finds the right photo more often
(single words: R@10 rises by 2 to 3 points with the starter model, see
docs/explanation/relevance.md) and separates better what a library has from what it lacks. Longer
texts lose by it, so they stay as they are. So does any text that may not be English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from search.vectors.embedders.base import Embedder, Vectors

LONGEST = 3
"""The most words of a text that gets several wordings."""

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
    groups = [wordings(text) for text in texts]
    rows = model.embed_texts([wording for group in groups for wording in group])
    ends = pairwise(accumulate((len(group) for group in groups), initial=0))
    means = np.stack([rows[start:end].mean(axis=0) for start, end in ends])
    unit: Vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
    return unit.astype(np.float32)


class TokenTrim:
    """Cuts the padding behind the longest text of a batch, where that changes nothing.

    It changes nothing in two kinds of towers: where no token looks at a later one and the row of
    the end-of-text token is taken (CLIP's causal text towers,
    `open_clip.transformer.TextTransformer`), and where attention ignores padding
    (`open_clip.hf_model.HFTextEncoder`). All other towers get the full length.
    """

    def __init__(self, text: Any) -> None:
        self._mask: Any = None
        self._pad: int | None = None
        if hasattr(text, "cls_emb") and _is_causal(text):
            self._pad = text.pad_id
            self._mask = text.attn_mask
        elif hasattr(text, "config"):
            self._pad = getattr(text.config, "pad_token_id", None)

    def run(self, text: Any, tokens: Any) -> Any:
        """Return the output of the tower `text` for token ids, shape (n, length) int64."""
        if self._pad is None:
            return text(tokens)
        used = (tokens != self._pad).any(dim=0).nonzero()
        length = int(used.max()) + 1 if len(used) else 1
        if self._mask is not None:
            # The tower adds its mask as it is, without cutting it to the texts' length.
            text.attn_mask = self._mask[:length, :length].to(tokens.device)
        return text(tokens[:, :length])


def _is_causal(text: Any) -> bool:
    causal = text.attn_mask is not None and text.cls_emb is None
    return causal and text.pool_type in ("argmax", "eos")
