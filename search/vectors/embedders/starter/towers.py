"""Puts the starter model together, through open_clip: towers from packages, heads from here."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.model import set_model_preprocess_cfg
from open_clip.tokenizer import HFTokenizer
from safetensors.torch import load_file
from torch import nn

from search.vectors.embedders.base import ModelUnavailable, Tower
from search.vectors.embedders.starter import weights
from search.vectors.embedders.starter.heads import ImageTower, TextTower

CONFIG = Path(__file__).with_name("scry-starter.json")

IMAGE_SIZE = 256
"""Pixels each way. The picture is squashed to a square: nothing at its edges is lost."""

PREPROCESS_CFG: dict[str, Any] = {
    "size": IMAGE_SIZE,
    "mode": "RGB",
    # EfficientNet-Lite's own normalisation: pixels to [-1, 1].
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
    "interpolation": "bicubic",
    "resize_mode": "squash",
    "fill_color": 0,
}

StateDict = dict[str, torch.Tensor]


def assemble(towers: frozenset[Tower]) -> tuple[nn.Module, Callable[..., torch.Tensor] | None]:
    """Return the model with the given towers, in eval mode, and its tokenizer.

    Raises `ModelUnavailable` when a weight file is missing, damaged or of another version.
    """
    heads = load_file(weights.checked(weights.HEADS_FILE, weights.HEADS_SHA256))
    model = bare(towers)
    for tower, module in (("image", model.visual), ("text", model.text)):
        if module is not None:
            _overlay(module, heads, prefix=f"{tower}.")
    return model.eval(), tokenizer() if "text" in towers else None


def bare(towers: frozenset[Tower]) -> nn.Module:
    """Return the model with the packages' weights and heads that are not yet trained."""
    text_file = weights.packaged(weights.TEXT_TOWER)
    open_clip.add_model_config(CONFIG)
    text_cfg = json.loads(CONFIG.read_text(encoding="utf-8"))["text_cfg"]
    with _without_factory_warnings():
        model = open_clip.create_model(
            CONFIG.stem,
            pretrained_text=False,
            force_preprocess_cfg=PREPROCESS_CFG,
            # The text tower's architecture is read from the package's folder, never a hub.
            text_cfg=text_cfg | {"hf_model_name": str(text_file.parent)},
        )
    model.visual = _image_tower(model.visual) if "image" in towers else None
    model.text = _text_tower(model.text, text_file) if "text" in towers else None
    return model.eval()


def tokenizer() -> Callable[..., torch.Tensor]:
    """Return MiniLM's tokenizer: a list of texts to ids, shape (n, 128) int64, padded."""
    folder = weights.packaged(weights.TEXT_TOWER).parent
    return HFTokenizer(str(folder), context_length=128, local_files_only=True)


def _image_tower(visual: nn.Module) -> nn.Module:
    state = _read_checkpoint(weights.packaged(weights.IMAGE_TOWER))
    # The checkpoint names its tensors otherwise than timm does, but lists them in the same
    # order and shapes.
    names = list(visual.trunk.state_dict())
    visual.trunk.load_state_dict(dict(zip(names, state.values(), strict=False)))
    tower = ImageTower(visual.trunk)
    set_model_preprocess_cfg(tower, PREPROCESS_CFG)
    return tower


def _text_tower(encoder: nn.Module, file: Path) -> nn.Module:
    state = {
        name: tensor
        for name, tensor in load_file(file).items()
        if not name.startswith("pooler.") and not name.endswith("position_ids")
    }
    encoder.transformer.load_state_dict(state)
    return TextTower(encoder)


def _read_checkpoint(path: Path) -> StateDict:
    state: StateDict = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _overlay(module: nn.Module, heads: StateDict, *, prefix: str) -> None:
    """Load the trained tensors named `prefix`... into `module`, all of which must exist there."""
    state = {name.removeprefix(prefix): t for name, t in heads.items() if name.startswith(prefix)}
    unexpected = module.load_state_dict(state, strict=False).unexpected_keys
    if unexpected:
        raise ModelUnavailable(
            f"The starter model's heads do not fit this version ({unexpected[0]}); install the"
            " project again."
        )


@contextmanager
def _without_factory_warnings() -> Iterator[None]:
    """Drop open_clip's warning that weights are missing: they are loaded right after."""
    root = logging.getLogger()

    def not_from_factory(record: logging.LogRecord) -> bool:
        return record.module != "factory"

    root.addFilter(not_from_factory)
    try:
        yield
    finally:
        root.removeFilter(not_from_factory)
