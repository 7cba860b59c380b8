"""The frozen towers' features of captioned photos and of class names, computed once."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from timm.data import ImageNetInfo

from search.vectors.embedders import starter

logger = logging.getLogger(__name__)

BATCH = 16
VIEWS = ("plain", "flipped", "cropped")
"""Versions of each training photo: as it is, mirrored, and a random part with other colours."""

CAPTIONS = 5
"""Captions used of each photo."""

CLASS_TEXTS = 24
"""Texts kept of each class of the classifier; shorter lists are repeated."""

PROMPTS = ("{}", "a photo of a {}", "a picture of the {} .", "a {} in the scene .")

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Captioned:
    """Features of photos: `views` (views, n, width), and of their `captions` (n, 5, width)."""

    views: torch.Tensor
    captions: torch.Tensor


@dataclass(frozen=True)
class Classes:
    """The classifier's weight `rows` (1000, 1280) and features of its `texts` (1000, 24, 384)."""

    rows: torch.Tensor
    texts: torch.Tensor


@dataclass(frozen=True)
class Listing:
    """The photos of one split, in order, each with its captions."""

    photos: list[Path]
    captions: list[list[str]]


def read(folder: Path, cache: Path) -> tuple[Captioned, Captioned, Classes]:
    """Return the features of the train split, of the dev split, and of the classes.

    Features in `cache` are not computed again; delete the folder when the photos or towers change.
    """
    cache.mkdir(parents=True, exist_ok=True)
    train, dev = listing(folder, "train"), listing(folder, "dev")
    return (
        _captioned(train, VIEWS, cache / "train"),
        _captioned(dev, VIEWS[:1], cache / "dev"),
        Classes(_classifier_rows(), _kept(cache / "classes.pt", _class_texts)),
    )


def listing(folder: Path, split: str) -> Listing:
    """Read `captions.csv`; photos with fewer captions than others repeat theirs."""
    captions: dict[str, list[str]] = {}
    with (folder / "captions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == split:
                captions.setdefault(row["image"], []).append(row["caption"])
    return Listing(
        [folder / "images" / name for name in captions],
        [list(islice(cycle(texts), CAPTIONS)) for texts in captions.values()],
    )


def image_features(pictures: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return the image tower's features, shape (n, width), of pictures (3, size, size)."""
    tower = starter.bare(frozenset({"image"})).visual.to(memory_format=torch.channels_last)
    found, waiting = [], iter(pictures)
    with torch.inference_mode():
        while batch := list(islice(waiting, BATCH)):
            stacked = torch.stack(batch).contiguous(memory_format=torch.channels_last)
            found.append(tower.features(stacked))
            if len(found) % 100 == 0:
                logger.info("%d pictures", len(found) * BATCH)
    return torch.cat(found)


def text_features(texts: list[str]) -> torch.Tensor:
    """Return the text tower's features, shape (n, width)."""
    tower, tokenizer = starter.bare(frozenset({"text"})).text, starter.tokenizer()
    # Texts of similar length share a batch, so that little padding is computed.
    order = sorted(set(texts), key=len)
    found: dict[str, torch.Tensor] = {}
    with torch.inference_mode():
        for start in range(0, len(order), 128):
            batch = order[start : start + 128]
            found.update(zip(batch, tower.features(tokenizer(batch)), strict=True))
    return torch.stack([found[text] for text in texts])


def view(photo: Path, kind: str, random: np.random.Generator) -> torch.Tensor:
    """Return one view of a photo as the tower takes it, shape (3, size, size)."""
    size = (starter.IMAGE_SIZE, starter.IMAGE_SIZE)
    with Image.open(photo) as image:
        picture = image.convert("RGB")
    box = _part(random, picture.size) if kind == "cropped" else None
    pixels = np.asarray(picture.resize(size, Image.Resampling.BICUBIC, box=box)) / np.float32(255)
    if kind == "cropped":
        pixels = _recoloured(pixels, random)
    if kind == "flipped" or (kind == "cropped" and random.random() < 0.5):
        pixels = pixels[:, ::-1]
    return torch.from_numpy(pixels.transpose(2, 0, 1) * 2 - 1)


def _part(random: np.random.Generator, size: tuple[int, int]) -> Box:
    """Return a random box of half the picture's area or more."""
    area, aspect = random.uniform(0.5, 1), np.exp(random.uniform(-0.25, 0.25))
    width, height = min(1, np.sqrt(area * aspect)), min(1, np.sqrt(area / aspect))
    left, top = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
    corners = np.array([left, top, left + width, top + height]) * np.array(size * 2)
    return (corners[0], corners[1], corners[2], corners[3])


def _recoloured(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Change contrast and brightness a little; make one picture in ten grey."""
    changed = (pixels - 0.5) * random.uniform(0.8, 1.2) + 0.5 + random.uniform(-0.1, 0.1)
    if random.random() < 0.1:
        changed = changed.mean(axis=2, keepdims=True).repeat(3, axis=2)
    return changed.clip(0, 1).astype(np.float32)


def _captioned(photos: Listing, views: Iterable[str], stem: Path) -> Captioned:
    features = [
        _kept(Path(f"{stem}-{kind}.pt"), lambda kind=kind: _view_features(photos, kind))
        for kind in views
    ]
    texts = [text for five in photos.captions for text in five]
    captions = _kept(Path(f"{stem}-captions.pt"), lambda: text_features(texts))
    return Captioned(torch.stack(features), captions.view(len(photos.photos), CAPTIONS, -1))


def _view_features(photos: Listing, kind: str) -> torch.Tensor:
    random = np.random.default_rng(0)
    return image_features(view(photo, kind, random) for photo in photos.photos)


def _classifier_rows() -> torch.Tensor:
    checkpoint = torch.load(starter.packaged(starter.IMAGE_TOWER), weights_only=True)
    rows: torch.Tensor = checkpoint["_fc.weight"]
    return rows


def _class_texts() -> torch.Tensor:
    texts = [
        text for label in ImageNetInfo().label_descriptions(detailed=True) for text in _texts(label)
    ]
    return text_features(texts).unflatten(0, (-1, CLASS_TEXTS))


def _texts(label: str) -> list[str]:
    """Return the texts of a class from `name, other name: definition`."""
    names, _, definition = label.partition(": ")
    texts = [prompt.format(name) for name in names.split(", ") for prompt in PROMPTS]
    texts += [f"a {names.split(', ')[0]} , {definition}", definition]
    return list(islice(cycle(texts), CLASS_TEXTS))


def _kept(file: Path, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
    """Return the tensor in a file, computing and writing it first if it is not there."""
    if not file.exists():
        logger.info("computing %s", file.name)
        torch.save(compute(), file)
    kept: torch.Tensor = torch.load(file, weights_only=True)
    return kept
