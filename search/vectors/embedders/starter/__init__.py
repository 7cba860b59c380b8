"""The starter model: a small dual encoder that needs no download.

Image tower EfficientNet-Lite2 and text tower all-MiniLM-L6-v2 come from two Python packages
that carry the published weights; the heads that bring both into one space lie beside this
file. `load` gives an open_clip model, so whatever serves an open_clip model serves this one.
Nothing heavy is imported before `load` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any, NamedTuple

from search.vectors.embedders.base import Tower

if TYPE_CHECKING:
    import torch

KEY = "starter"
"""The model key: the name of this vector space."""

DIM = 512
"""Length of an embedding."""

BOTH: frozenset[Tower] = frozenset({"image", "text"})


class Starter(NamedTuple):
    """What `open_clip.create_model` and `open_clip.get_tokenizer` give for other models.

    `model` is an `open_clip.CustomTextCLIP` in eval mode, float32, on the CPU:
    `encode_image((n, 3, size, size) float) -> (n, DIM)` and
    `encode_text((n, length) int64) -> (n, DIM)`, both with `normalize=True` for unit rows.
    A tower that was not asked for is `None` (`model.visual` or `model.text`).

    `preprocess_cfg` is open_clip's, also at `model.visual.preprocess_cfg` where the image
    tower is loaded: `image_transform_v2(PreprocessCfg(**preprocess_cfg), is_train=False)`.

    `tokenizer` takes a list of texts and gives token ids, shape (n, length) int64; it is
    `None` where the text tower was not asked for.
    """

    model: Any
    preprocess_cfg: dict[str, Any]
    tokenizer: Callable[[list[str]], torch.Tensor] | None


def load(towers: Set[Tower] = BOTH) -> Starter:
    """Load the starter model with the given towers, from local files only.

    Raises `search.vectors.embedders.base.ModelUnavailable` when a weight file is missing or is not
    the one this version was made for.
    """
    from search.vectors.embedders.starter import towers as assembly

    model, tokenizer = assembly.assemble(frozenset(towers))
    return Starter(model, dict(assembly.PREPROCESS_CFG), tokenizer)
