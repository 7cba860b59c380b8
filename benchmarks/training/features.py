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
from torch import nn

from search.vectors.embedders import starter
from search.vectors.embedders.starter import StarterTokenizer
from search.vectors.embedders.starter.e5 import E5Tokenizer
from search.vectors.embedders.starter.towers import (
    ENGLISH_PAD,
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


class LastLayers(nn.Module):
    """The last layers of an encoder: states (n, length, width) and a mask to means (n, width)."""

    def __init__(self, layers: nn.ModuleList) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        attended = mask[:, None, None, :].bool()
        for layer in self.layers:
            states = layer(states, attended)
        weights = mask[..., None] / mask.sum(dim=1)[:, None, None]
        return (states.float() * weights).sum(dim=1)


class Texts:
    """What an encoder gives for texts before its last layers: one row of tokens after another.

    `states` (tokens, TEXT_WIDTH) are the inputs of the layers that are trained.
    """

    def __init__(self, texts: Iterable[str], stem: Path) -> None:
        self._rows = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        if not Path(f"{stem}-lengths.npy").exists():
            logger.info("computing %s: %d texts", stem.name, len(self._rows))
            for name, kept in self._computed(list(self._rows)).items():
                np.save(f"{stem}-{name}.npy", kept)
        self._states = torch.from_numpy(np.load(f"{stem}-states.npy", mmap_mode="c"))
        self._lengths = np.load(f"{stem}-lengths.npy")
        self._starts = np.concatenate([[0], self._lengths.cumsum()])
        if len(self._lengths) != len(self._rows):
            raise ValueError(f"{stem}-*.npy were made for other texts; delete them.")

    def __contains__(self, text: str) -> bool:
        return text in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, text: str) -> int:
        """Return the number of a text's row."""
        return self._rows[text]

    def rows(self, texts: Iterable[str]) -> torch.Tensor:
        """Return the numbers of these texts' rows."""
        return torch.tensor([self._rows[text] for text in texts])

    def _computed(self, texts: list[str]) -> dict[str, NDArray[Any]]:
        """Return the arrays to keep, by their names."""
        raise NotImplementedError

    def through(
        self, layers: Callable[..., torch.Tensor], wanted: NDArray[np.int64]
    ) -> torch.Tensor:
        """Return what `layers`, which may be in training, make of rows, (n, TEXT_WIDTH)."""
        order = np.argsort(self._lengths[wanted], kind="stable")
        means = torch.cat([layers(*self._padded(wanted[o])) for o in np.array_split(order, 8)])
        back = torch.empty(len(order), dtype=torch.long)
        back[torch.from_numpy(order)] = torch.arange(len(order))
        return means[back]

    def _padded(self, numbers: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the states of rows (n, longest, TEXT_WIDTH) and their mask (n, longest)."""
        longest = int(self._lengths[numbers].max(initial=0))
        states, mask = (
            torch.zeros(len(numbers), longest, TEXT_WIDTH),
            torch.zeros(len(numbers), longest),
        )
        for at, number in enumerate(numbers):
            start, length = self._starts[number], self._lengths[number]
            states[at, :length] = self._states[start : start + length]
            mask[at, :length] = 1
        return states, mask


class English(Texts):
    """MiniLM's texts: `features` (n, TEXT_WIDTH), float32, one row for each text.

    `layers` is the tower's own last layer. While it is trained, features come from it anew.
    """

    def __init__(
        self, tower: TextTower, tokenizer: StarterTokenizer, texts: Iterable[str], stem: Path
    ) -> None:
        self._transformer = tower.english.transformer
        self._tokenizer = tokenizer.english
        self.layers = LastLayers(self._transformer.encoder.layer[-1:])
        super().__init__(texts, stem)
        self.settle()

    @torch.no_grad()
    def settle(self) -> None:
        """Compute the features with the last layer as it is now."""
        self.layers.eval()
        with torch.autocast("cpu", torch.bfloat16):
            parts = np.array_split(np.arange(len(self)), -(-len(self) // 2048))
            self.features = torch.cat([self.through(self.layers, part) for part in parts])

    def read(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the features of rows of any shape, (..., TEXT_WIDTH)."""
        if not self.layers.training:
            return self.features[rows]
        wanted, places = rows.unique(return_inverse=True)
        return self.through(self.layers, wanted.numpy())[places]

    def _computed(self, texts: list[str]) -> dict[str, NDArray[Any]]:
        pad = ENGLISH_PAD
        ids = [[token for token in row if token != pad] for row in self._tokenizer(texts).tolist()]

        def layers(tokens: torch.Tensor) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
            mask = (tokens != pad).long()
            return self._transformer(mask, input_ids=tokens), mask

        found = _states(layers, pad, ids, tuned=len(self.layers.layers), middle=0)
        return {name: found[name] for name in ("states", "lengths")}


class EveryLanguage(Texts):
    """e5's texts; `middle` (n, TEXT_WIDTH) are the means of its layer in the middle."""

    def __init__(
        self, tower: TextTower, tokenizer: E5Tokenizer, texts: Iterable[str], stem: Path
    ) -> None:
        self._tower, self._tokenizer = tower, tokenizer
        super().__init__(texts, stem)
        self.middle = torch.from_numpy(np.load(f"{stem}-middle.npy")).float()

    def features(self, layers: Callable[..., torch.Tensor], numbers: Sequence[int]) -> torch.Tensor:
        """Return the features of rows, (n, 2 * TEXT_WIDTH); `layers` may be in training."""
        wanted = np.asarray(numbers)
        return torch.cat(
            [self.through(layers, wanted), self.middle[torch.from_numpy(wanted)]], dim=1
        )

    def _computed(self, texts: list[str]) -> dict[str, NDArray[Any]]:
        ids = [self._tokenizer.ids(text)[:LONGEST] for text in texts]
        pad = self._tokenizer.pad
        return _states(self._tower.every_layers, pad, ids, TUNED_LAYERS, EVERY_LAYERS[1])


def _states(
    layers: Callable[[torch.Tensor], tuple[tuple[torch.Tensor, ...], torch.Tensor]],
    pad: int,
    ids: list[list[int]],
    tuned: int,
    middle: int,
) -> dict[str, NDArray[Any]]:
    """Return the states before the last `tuned` of the layers, and the means of layer `middle`."""
    lengths = np.array([len(row) for row in ids])
    starts = np.concatenate([[0], lengths.cumsum()])
    states = np.zeros((starts[-1], TEXT_WIDTH), np.float16)
    means = np.zeros((len(ids), TEXT_WIDTH), np.float16)
    order = np.argsort(lengths, kind="stable")
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(order), 96):
            batch = order[start : start + 96]
            longest = int(lengths[batch].max())
            tokens = torch.tensor([ids[n] + [pad] * (longest - len(ids[n])) for n in batch])
            found, mask = layers(tokens)
            before = found[-1 - tuned].float().numpy()
            weights = mask[..., None] / mask.sum(dim=1)[:, None, None]
            means[batch] = (found[middle].float() * weights).sum(dim=1).numpy()
            for at, number in enumerate(batch):
                states[starts[number] : starts[number + 1]] = before[at, : lengths[number]]
    return {"states": states, "middle": means, "lengths": lengths}
