"""How a text is given to a text tower: its wordings, and no more padding than it needs.

"dog" alone is an unusual caption. The mean of a few wordings finds the right photo more often
(single words: R@10 rises by 2 to 3 points with the starter model, see
docs/explanation/relevance.md) and separates better what a library has from what it lacks. So that
"Dogs." finds what "a dog" finds, the wordings of a short text do not depend on number, article,
case and end punctuation, and those of a short list not on its order. Longer texts lose by several
wordings, so they keep one. So does any text that may not be English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from search.vectors.embedders.base import Embedder, Vectors
from search.vectors.embedders.plurals import plural, singular

LONGEST = 3
"""The most words of a text that gets several wordings, without its article."""
LONGEST_ITEM = 2
"""The same for each item of a list."""
MOST_ITEMS = 4

_ENGLISH = re.compile(r"[A-Za-z][A-Za-z' -]*")
_END = re.compile(r"(?<=\w)[\s.,;:!?…]+$")
_ARTICLE = re.compile(r"(?:an?|the|some)\s+(?=\w)", re.IGNORECASE)
_NO_ITEM = frozenset(
    "black white red green blue yellow pink purple brown grey gray rock".split()  # noqa: SIM905
)
"""What is seldom an item of a list: "black and white photo"."""
_BETWEEN_ITEMS = re.compile(r"\s*(?:[,;&+]|\band\b)[\s,;&+]*(?:and\s+)?", re.IGNORECASE)


def wordings(text: str) -> list[str]:
    """Return the texts whose mean embedding stands for a text, one to four of them."""
    plain = _END.sub("", text)
    if plain.isupper() and " " in plain:
        plain = plain.lower()
    if (items := _items(plain)) is not None:
        return _list_wordings(items)
    short = _ARTICLE.sub("", plain, count=1) if _ARTICLE.match(plain) else plain
    if not _is_short(short, LONGEST):
        return [plain]
    one, many = _numbers(short.lower())
    return list(
        dict.fromkeys((one, many, f"a photo of {one}", f"there is {_a(one)} in the picture"))
    )


def _is_short(text: str, words: int) -> bool:
    return _ENGLISH.fullmatch(text) is not None and len(text.split()) <= words


def _items(text: str) -> list[str] | None:
    """Return the items of a list of short things, in order of the alphabet; None for no list."""
    found = [_ARTICLE.sub("", item.lower(), count=1) for item in _BETWEEN_ITEMS.split(text)]
    if not 1 < len(found) <= MOST_ITEMS or not _NO_ITEM.isdisjoint(found):
        return None
    if not all(_is_short(item, LONGEST_ITEM) for item in found):
        return None
    return sorted({_numbers(item)[0] for item in found})


def _list_wordings(items: list[str]) -> list[str]:
    """Return a list in both orders, as single and as several things."""
    several = [_numbers(item)[1] for item in items]
    return [
        f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else said[0]
        for said in (items, items[::-1], several, several[::-1])
    ]


def _numbers(text: str) -> tuple[str, str]:
    """Return a text about one thing and about several, which its last word tells."""
    before, _, last = text.rpartition(" ")
    one = singular(last)
    return f"{before} {one}".strip(), f"{before} {plural(one)}".strip()


def _a(thing: str) -> str:
    return f"an {thing}" if thing[0] in "aeiou" else f"a {thing}"


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
