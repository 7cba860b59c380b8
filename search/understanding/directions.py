"""Label texts as vectors: the styles in which a label is worded, each a mean of embeddings.

No style is best for all collections, which is why the evaluation page compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
from django.utils.translation import gettext_lazy as _

from gallery.slices import slices
from search.relevance.background import Vectors
from search.vectors import embedders
from search.vectors.embedders.phrasing import wordings as usual_wordings


class Style(StrEnum):
    """A prompt style."""

    BARE = "bare"
    PHOTO_OF = "photo_of"
    WORDINGS = "wordings"
    DICTIONARY = "dictionary"


TITLES = {
    Style.BARE: _("The bare name"),
    Style.PHOTO_OF: _("“This is a photo of …”"),
    Style.WORDINGS: _("Several wordings"),
    Style.DICTIONARY: _("With its meaning in a dictionary"),
}

_BATCH = 32  # texts embedded together; a query in between waits for one batch only


@cache
def meanings() -> dict[str, str]:
    """Return the meanings of the words of `meanings.txt`, a line each: word, tab, meaning."""
    lines = Path(__file__).with_name("meanings.txt").read_text("utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines)


def texts_of(name: str, wordings: Sequence[str], style: Style) -> list[str]:
    """Return the texts whose mean embedding stands for a label.

    `wordings` are a person's own; `{}` in them stands for the name. A dictionary text is the
    name with its meaning, and the name alone where no meaning is known.
    """
    if style == Style.BARE:
        return [name]
    if style == Style.PHOTO_OF:
        return [f"This is a photo of {name}"]
    if style == Style.DICTIONARY:
        meaning = meanings().get(name.casefold())
        return [f"{name}, {meaning}"] if meaning else [name]
    own = [wording.replace("{}", name) for wording in wordings]
    return own or usual_wordings(name)


def directions(key: str, texts: Sequence[Sequence[str]]) -> Vectors:
    """Return one unit vector for each group of texts, (len(texts), dim), with the model `key`.

    Raises `ModelUnavailable`.
    """
    model = embedders.text_embedder(key)
    # A batch is padded to its longest text, so texts of one length go together.
    each = sorted(dict.fromkeys(text for group in texts for text in group), key=len)
    rows = [model.embed_texts(batch) for batch in slices(each, _BATCH)]
    known = dict(zip(each, np.concatenate(rows), strict=True)) if rows else {}
    means = [np.mean([known[text] for text in group], axis=0) for group in texts]
    found = np.asarray(means, np.float32).reshape(-1, model.dim)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)
    return found
