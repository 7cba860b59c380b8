"""The starter model: a small dual encoder that needs no download.

The image tower EfficientNet-Lite2 and the text tower all-MiniLM-L6-v2 come from two Python
packages that carry the published weights. The heads that bring both into one space are stored
beside this file. `load` returns an open_clip model, so the code that serves open_clip models serves
this one. Nothing heavy is imported before `load` is called.
"""

from __future__ import annotations

from collections.abc import Set

from search.vectors.embedders.base import LoadedModel, Tower
from search.vectors.embedders.starter.weights import DIM

__all__ = ["DIM", "load"]

BOTH: frozenset[Tower] = frozenset({"image", "text"})


def load(towers: Set[Tower] = BOTH) -> LoadedModel:
    """Load the starter model with the given towers, from local files only.

    The model is an `open_clip.CustomTextCLIP`: `encode_image((n, 3, size, size) float)` and
    `encode_text((n, length) int64)` give rows (n, DIM), of unit length with `normalize=True`.

    Raises `ModelUnavailable` when a weight file is missing or is not the one that this version was
    made for.
    """
    from search.vectors.embedders.starter import towers as assembly

    model, tokenizer = assembly.assemble(frozenset(towers))
    return LoadedModel(model, DIM, dict(assembly.PREPROCESS_CFG), tokenizer)
