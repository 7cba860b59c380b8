"""The starter model's towers and heads, and how open_clip puts them together."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import open_clip
import torch
from django.utils.translation import gettext as _
from open_clip.model import set_model_preprocess_cfg
from open_clip.tokenizer import HFTokenizer
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from search.vectors.embedders.base import ModelUnavailable, Tower
from search.vectors.embedders.starter import weights
from search.vectors.embedders.starter.weights import DIM

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

MEMBERS = 4
MEMBER_DIM = 256
REFINED_DROPOUT = 0.3

IMAGE_PARTS = (1280, 208, 208, 352, 352)
"""Widths of the parts of an image's features: the mean of the last layer's activations, then the
mean and the deviation, over the picture, of the inputs and outputs of the last block. The earlier
layers say less about kinds of things and more about scenes and actions."""

TEXT_PARTS = (384,)
"""The mean of the token vectors."""

StateDict = dict[str, torch.Tensor]


class Head(nn.Module):
    """Maps features (n, sum(parts)) to embeddings (n, DIM), not of unit length.

    It is a committee: each member has its own layers and is trained on its own, which makes fewer
    errors than one head of the same size. From the members' embeddings side by side, `mix` keeps
    the DIM directions of largest variance, so that the dot product of two embeddings is very nearly
    the mean of the members' cosines.
    """

    def __init__(self, parts: tuple[int, ...], dropout: float = 0.0) -> None:
        super().__init__()
        self.parts = parts
        self.members = nn.ModuleList(Member(sum(parts), dropout) for _number in range(MEMBERS))
        self.mix = nn.Linear(MEMBERS * MEMBER_DIM, DIM, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.mix(self.unmixed(features))
        return mixed

    def unmixed(self, features: torch.Tensor) -> torch.Tensor:
        """Return the members' embeddings side by side, unit rows of MEMBERS * MEMBER_DIM."""
        return torch.cat(self.each(features), dim=-1) / MEMBERS**0.5

    def each(self, features: torch.Tensor) -> list[torch.Tensor]:
        """Return the members' own unit embeddings, each (n, MEMBER_DIM)."""
        standard = torch.cat(
            [_standardised(part) for part in features.split(self.parts, dim=-1)], dim=-1
        )
        return [functional.normalize(member(standard), dim=-1) for member in self.members]


class Member(nn.Module):
    """A projection, one residual layer on it, and a normalisation."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(width, MEMBER_DIM)
        self.refine = nn.Linear(MEMBER_DIM, MEMBER_DIM)
        self.norm = nn.LayerNorm(MEMBER_DIM)
        self.dropout = nn.Dropout(dropout)
        self.refined_dropout = nn.Dropout(REFINED_DROPOUT if dropout else 0.0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        projected = self.project(self.dropout(features))
        refined = self.refine(functional.gelu(projected))
        normal: torch.Tensor = self.norm(projected + self.refined_dropout(refined))
        return normal


class ImageTower(nn.Module):
    """A timm EfficientNet and its head: pictures (n, 3, height, width) to (n, DIM)."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = Head(IMAGE_PARTS)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features = self.features(pixels)
        return self.head(features.to(self.head.mix.weight.dtype))

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return pooled features, shape (n, sum(IMAGE_PARTS)), float32."""
        trunk = self.trunk
        early = trunk.blocks[:-1](trunk.bn1(trunk.conv_stem(pixels)))
        late = trunk.blocks[-1](early)
        last = trunk.bn2(trunk.conv_head(late)).flatten(2).float().mean(dim=2)
        return torch.cat([last, *_moments(early), *_moments(late)], dim=1)


class TextTower(nn.Module):
    """A text encoder and its head: token ids (n, length) to (n, DIM).

    It reads only the columns that hold more than padding. The tokenizer pads to a fixed length and
    attention ignores padding, so the embedding is the same for less work.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.encoder.proj = nn.Identity()
        self.head = Head(TEXT_PARTS)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(tokens))  # type: ignore[no-any-return]

    def features(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the mean of the token vectors, shape (n, 384)."""
        used = (tokens != self.encoder.config.pad_token_id).any(dim=0)
        return self.encoder(tokens[:, used])  # type: ignore[no-any-return]


def _moments(activations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean and the standard deviation over the picture, each (n, channels)."""
    flat = activations.flatten(2).float()
    return flat.mean(dim=2), flat.std(dim=2)


def _standardised(part: torch.Tensor) -> torch.Tensor:
    """Return features of zero mean and unit variance over the part.

    A picture's features are replaced by their signed roots, because a few strong ones would
    dominate the rest. A text's features have no such tails.
    """
    if part.shape[-1] != TEXT_PARTS[0]:
        part = part.sign() * part.abs().sqrt()
    return functional.layer_norm(part, part.shape[-1:])


# --- putting it together --------------------------------------------------------------------------


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
    """Return the model with the packages' weights and untrained heads."""
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
    # The checkpoint names its tensors in another way than timm, but lists them in the same order
    # and shapes.
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
            _(
                "The starter model's heads do not fit this version (%(name)s); install the "
                "project again."
            )
            % {"name": unexpected[0]}
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
