"""What the frozen parts of the towers give for photos and texts, computed once and kept.

Photos are kept as the output of the early layers, texts as what each encoder gives before the
layers that are trained.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from search.vectors.embedders import starter
from search.vectors.embedders.starter.e5 import E5Tokenizer
from search.vectors.embedders.starter.towers import (
    EVERY_LAYERS,
    TEXT_WIDTH,
    ImageTower,
    TextTower,
)

logger = logging.getLogger(__name__)

VIEWS = ("plain", "cropped-1", "cropped-2", "cropped-3")
"""Versions of each training photo: as it is, and random parts of it with other colours. The mirror
image of each is as good as free: the early layers' output is mirrored instead."""

CAPTIONS = 5
"""Captions used of each photo."""

TUNED_LAYERS = 2
"""Last layers of e5 that are trained."""

LONGEST = 44
"""Tokens of a text that e5 is trained on at most."""

BATCH = 16
EARLY_SHAPE = (208, 8, 8)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Listing:
    """The photos of one split, in order, each with its captions."""

    photos: list[Path]
    captions: list[list[str]]


def listing(folder: Path, split: str) -> Listing:
    """Read `captions.csv`; photos with fewer captions than others repeat theirs."""
    captions: dict[str, list[str]] = {}
    for row in rows(folder / "captions.csv"):
        if row["split"] == split:
            captions.setdefault(row["image"], []).append(row["caption"])
    return Listing(
        [folder / "images" / name for name in captions],
        [list(islice(cycle(texts), CAPTIONS)) for texts in captions.values()],
    )


def rows(file: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# --- photos ---------------------------------------------------------------------------------------


def early_maps(
    tower: ImageTower, photos: Sequence[Path], kind: str, file: Path
) -> NDArray[np.float16]:
    """Return the early layers' output for one view of each photo, (n, 208, 8, 8), from a file."""
    if not file.exists():
        logger.info("computing %s", file.name)
        random = np.random.default_rng(VIEWS.index(kind))
        pictures = (view(photo, kind, random) for photo in photos)
        np.save(file, np.concatenate(list(_early(tower, pictures))))
    kept: NDArray[np.float16] = np.load(file, mmap_mode="r")
    return kept


def _early(tower: ImageTower, pictures: Iterable[torch.Tensor]) -> Iterable[NDArray[np.float16]]:
    waiting = iter(pictures)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        while batch := list(islice(waiting, BATCH)):
            stacked = torch.stack(batch).contiguous(memory_format=torch.channels_last)
            yield tower.early(stacked).half().contiguous().numpy()


def view(photo: Path, kind: str, random: np.random.Generator) -> torch.Tensor:
    """Return one view of a photo as the tower takes it, shape (3, size, size)."""
    size = (starter.IMAGE_SIZE, starter.IMAGE_SIZE)
    with Image.open(photo) as image:
        picture = image.convert("RGB")
    box = None if kind == "plain" else _part(random, picture.size)
    resized = picture.resize(size, Image.Resampling.BICUBIC, box=box)
    pixels: NDArray[np.float32] = np.asarray(resized, np.float32) / np.float32(255)
    if kind != "plain":
        pixels = _recoloured(pixels, random)
    return torch.from_numpy(pixels.transpose(2, 0, 1) * 2 - 1)


def _part(random: np.random.Generator, size: tuple[int, int]) -> Box:
    """Return a random box of half the picture's area or more."""
    area, aspect = random.uniform(0.5, 1), np.exp(random.uniform(-0.25, 0.25))
    width, height = min(1, np.sqrt(area * aspect)), min(1, np.sqrt(area / aspect))
    left, top = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
    corners = np.array([left, top, left + width, top + height]) * np.array(size * 2)
    return (corners[0], corners[1], corners[2], corners[3])


def _recoloured(pixels: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Change contrast and brightness a little; make one picture in ten grey."""
    changed = (pixels - 0.5) * random.uniform(0.8, 1.2) + 0.5 + random.uniform(-0.1, 0.1)
    if random.random() < 0.1:
        changed = changed.mean(axis=2, keepdims=True).repeat(3, axis=2)
    return changed.clip(0, 1).astype(np.float32)


def in_batches(
    run: Callable[[torch.Tensor], torch.Tensor], maps: NDArray[np.float16]
) -> torch.Tensor:
    """Return what `run` gives for the early layers' output, without gradients, float32."""
    found = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(maps), 64):
            found.append(run(as_input(maps[start : start + 64])).float())
    return torch.cat(found)


def as_input(maps: NDArray[np.float16]) -> torch.Tensor:
    """Return early layers' output as the last layers take it."""
    copied = torch.from_numpy(np.array(maps, np.float32))
    return copied.contiguous(memory_format=torch.channels_last)


# --- texts ----------------------------------------------------------------------------------------


class English:
    """MiniLM's features of texts: `features` (n, TEXT_WIDTH), float32, one row for each text."""

    def __init__(self, tower: TextTower, tokenizer: Any, texts: Iterable[str], file: Path) -> None:
        self._rows = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        if not file.exists():
            logger.info("computing %s: %d texts", file.name, len(self._rows))
            np.save(file, _english_features(tower, tokenizer, list(self._rows)))
        self.features = torch.from_numpy(np.load(file)).float()
        if len(self.features) != len(self._rows):
            raise ValueError(f"{file} was made for other texts; delete it.")

    def rows(self, texts: Iterable[str]) -> torch.Tensor:
        """Return the numbers of these texts' rows."""
        return torch.tensor([self._rows[text] for text in texts])


def _english_features(tower: TextTower, tokenizer: Any, texts: list[str]) -> NDArray[np.float16]:
    found = np.zeros((len(texts), TEXT_WIDTH), np.float16)
    # Texts of similar length share a batch, so that little padding is computed.
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(order), 64):
            batch = order[start : start + 64]
            tokens = tokenizer([texts[number] for number in batch])
            found[batch] = tower.features(tokens).float().numpy()
    return found


class EveryLanguage:
    """What e5 gives for texts before its last layers: one row of tokens after another.

    `states` (tokens, TEXT_WIDTH) are the inputs of the tuned layers, `middle` (n, TEXT_WIDTH) the
    means of the layer in the middle.
    """

    def __init__(
        self, tower: TextTower, tokenizer: E5Tokenizer, texts: Iterable[str], stem: Path
    ) -> None:
        self._rows = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        files = [Path(f"{stem}-{name}.npy") for name in ("states", "middle", "lengths")]
        if not files[-1].exists():
            logger.info("computing %s: %d texts", stem.name, len(self._rows))
            ids = [tokenizer.ids(text)[:LONGEST] for text in self._rows]
            for file, kept in zip(files, _states(tower, tokenizer.pad, ids), strict=True):
                np.save(file, kept)
        self._states = torch.from_numpy(np.load(files[0], mmap_mode="c"))
        self._middle = torch.from_numpy(np.load(files[1])).float()
        self._lengths = np.load(files[2])
        self._starts = np.concatenate([[0], self._lengths.cumsum()])
        if len(self._lengths) != len(self._rows):
            raise ValueError(f"{stem}-*.npy were made for other texts; delete them.")

    def __contains__(self, text: str) -> bool:
        return text in self._rows

    def row(self, text: str) -> int:
        """Return the number of a text's row."""
        return self._rows[text]

    def features(self, layers: Callable[..., torch.Tensor], numbers: Sequence[int]) -> torch.Tensor:
        """Return the features of rows, (n, 2 * TEXT_WIDTH); `layers` may be in training."""
        wanted = np.asarray(numbers)
        order = np.argsort(self._lengths[wanted], kind="stable")
        means = torch.cat([layers(*self._padded(wanted[o])) for o in np.array_split(order, 8)])
        back = torch.empty(len(order), dtype=torch.long)
        back[torch.from_numpy(order)] = torch.arange(len(order))
        return torch.cat([means[back], self._middle[torch.from_numpy(wanted)]], dim=1)

    def _padded(self, numbers: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the states of rows (n, longest, TEXT_WIDTH) and their mask (n, longest)."""
        longest = int(self._lengths[numbers].max())
        states, mask = (
            torch.zeros(len(numbers), longest, TEXT_WIDTH),
            torch.zeros(len(numbers), longest),
        )
        for at, number in enumerate(numbers):
            start, length = self._starts[number], self._lengths[number]
            states[at, :length] = self._states[start : start + length]
            mask[at, :length] = 1
        return states, mask


def _states(
    tower: TextTower, pad: int, ids: list[list[int]]
) -> tuple[NDArray[np.float16], NDArray[np.float16], NDArray[np.int64]]:
    lengths = np.array([len(row) for row in ids])
    starts = np.concatenate([[0], lengths.cumsum()])
    states = np.zeros((starts[-1], TEXT_WIDTH), np.float16)
    middle = np.zeros((len(ids), TEXT_WIDTH), np.float16)
    order = np.argsort(lengths, kind="stable")
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(order), 96):
            batch = order[start : start + 96]
            longest = int(lengths[batch].max())
            tokens = torch.tensor([ids[n] + [pad] * (longest - len(ids[n])) for n in batch])
            layers, mask = tower.every_layers(tokens)
            before = layers[-1 - TUNED_LAYERS].float().numpy()
            weights = mask[..., None] / mask.sum(dim=1)[:, None, None]
            middle[batch] = (layers[EVERY_LAYERS[1]].float() * weights).sum(dim=1).numpy()
            for at, number in enumerate(batch):
                states[starts[number] : starts[number + 1]] = before[at, : lengths[number]]
    return states, middle, lengths
