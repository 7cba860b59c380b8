"""Training of the text tower's second half: e5 learns from MiniLM's heads and from the photos.

Whatever MiniLM places in the space by an English text, e5 learns to place there by a text of the
same meaning in any language: captions of the same photo, translated sentences, names of things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.training.branches import REFINED_DROPOUT
from benchmarks.training.contrast import descend
from benchmarks.training.features import TUNED_LAYERS, EveryLanguage, LastLayers
from search.vectors.embedders.starter.heads import Head
from search.vectors.embedders.starter.towers import (
    BRANCHES,
    TEXT_WIDTH,
    TextTower,
    standardised,
)

PHOTOS = 128
"""Photos in a step, each with one caption."""

SCALE = 25.0
"""The fixed scale of the loss, about where that of the other branches ends."""


@dataclass(frozen=True)
class Lesson:
    """Texts in any language with the meaning that they share.

    `texts` are the numbers of e5's rows, one list for each meaning; `meanings` (n, TEXT_WIDTH) are
    MiniLM's features of it in English. A step takes `share` of them.
    """

    texts: Sequence[Sequence[int]]
    meanings: torch.Tensor
    share: int

    def draw(self, random: np.random.Generator) -> tuple[list[int], torch.Tensor]:
        """Return one text for each of `share` meanings, and the meanings."""
        chosen = random.choice(len(self.texts), min(self.share, len(self.texts)), replace=False)
        return [int(random.choice(self.texts[at])) for at in chosen], self.meanings[chosen]


@dataclass(frozen=True)
class PhotoTexts:
    """Captions of photos: rows of e5 in `other` languages and in `english`, one list a photo."""

    other: Sequence[Sequence[int]]
    english: Sequence[Sequence[int]]
    meanings: torch.Tensor

    def draw(self, photos: torch.Tensor, random: np.random.Generator) -> list[int]:
        """Return one caption for each photo, three of four in another language than English."""
        return [
            int(random.choice(self.other[at] or self.english[at]))
            if random.random() < 0.75
            else int(random.choice(self.english[at]))
            for at in photos.tolist()
        ]


def train(
    tower: TextTower,
    every: EveryLanguage,
    photos: PhotoTexts,
    pictures: Callable[[torch.Tensor], list[torch.Tensor]],
    lessons: Sequence[Lesson],
    epochs: int,
    seed: int,
) -> tuple[LastLayers, nn.ModuleDict]:
    """Return the tuned layers and the heads, averaged over the last steps of the run.

    `pictures` gives the fixed embeddings of photos by each member of the branch "captions".
    """
    assert tower.every is not None
    random = np.random.default_rng(seed)
    layers = LastLayers(tower.every.encoder.layer[-TUNED_LAYERS:]).float().train()
    heads = nn.ModuleDict({name: Head(2 * TEXT_WIDTH, 0.1, REFINED_DROPOUT) for name in BRANCHES})
    both = nn.ModuleList([layers, heads])
    groups = [
        {"params": heads.parameters(), "lr": 3e-3, "weight_decay": 0.2},
        {"params": layers.parameters(), "lr": 1.5e-4, "weight_decay": 0.01},
    ]
    steps = len(photos.english) // PHOTOS

    def losses() -> Iterator[torch.Tensor]:
        for _epoch in range(epochs):
            order = torch.randperm(len(photos.english))
            for chosen in order[: steps * PHOTOS].split(PHOTOS):
                drawn = [lesson.draw(random) for lesson in lessons]
                numbers = photos.draw(chosen, random) + [row for rows, _ in drawn for row in rows]
                meanings = torch.cat([photos.meanings[chosen], *(known for _, known in drawn)])
                with torch.autocast("cpu", torch.bfloat16):
                    read = standardised(every.features(layers, numbers))
                    loss = _loss(heads, tower.english_heads, read, meanings, pictures(chosen))
                yield loss

    kept = descend(both, groups, losses(), steps * epochs)
    return kept[0], kept[1]


def _loss(
    heads: nn.ModuleDict,
    teachers: nn.ModuleDict,
    read: torch.Tensor,
    meanings: torch.Tensor,
    pictures: list[torch.Tensor],
) -> torch.Tensor:
    total = torch.zeros(())
    for name in BRANCHES:
        with torch.no_grad():
            known = teachers[name].each(standardised(meanings))
        for member, (own, taught) in enumerate(zip(heads[name].each(read), known, strict=True)):
            total = total + _contrast(own, taught)
            if name == "captions":
                total = total + _contrast(own[:PHOTOS], pictures[member])
    return total


def _contrast(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the symmetric InfoNCE loss of unit rows that belong together."""
    logits = SCALE * left.float() @ right.float().T
    own = torch.arange(len(logits))
    return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2
