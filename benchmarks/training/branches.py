"""The two branches of the image tower in training: features of photos and of made pictures."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from benchmarks.training.features import as_input
from benchmarks.training.pairs import Directions
from search.vectors.embedders.starter.efficientnet import Convolution
from search.vectors.embedders.starter.heads import Head
from search.vectors.embedders.starter.towers import (
    CLASSES,
    IMAGE_PARTS,
    ImageTower,
    evened,
)

REFINED_DROPOUT = 0.3
BLOCK_DROPOUT = 0.1
"""How often a residual block of the tuned layers is left out."""

KEPT = 0.95
"""Share of what is known about the directions of classes that stays at each step."""


class Branch(Protocol):
    """Gives the branch's features, as its head takes them, of photos and of made pictures.

    `learned` are the head and what else is trained.
    """

    head: Head
    learned: nn.ModuleList

    def photos(self, numbers: torch.Tensor) -> torch.Tensor: ...

    def classes(self, numbers: torch.Tensor) -> torch.Tensor: ...

    def groups(self) -> list[dict[str, Any]]:
        """Return what is trained besides the heads, as groups of an optimizer."""
        ...


class Frozen:
    """Features that stay as they are: only a head learns.

    `features` (views, n, width) are those of the photos, and `last` (n, 1280) what the published
    classifier was trained on, of the first view. `prepare` makes of features what the head takes.
    """

    def __init__(
        self,
        tower: ImageTower,
        features: torch.Tensor,
        last: torch.Tensor,
        prepare: Callable[[torch.Tensor], torch.Tensor],
        head: Head,
    ) -> None:
        self.head, self._features, self._prepare = head, features, prepare
        self.learned = nn.ModuleList([head])
        self._directions = Directions(tower.classifier.weight.detach(), last)
        self._directions.learn(last, features[0], keep=0)

    def photos(self, numbers: torch.Tensor) -> torch.Tensor:
        return self._prepare(self._any_view(numbers))

    def classes(self, numbers: torch.Tensor) -> torch.Tensor:
        others = torch.randint(self._features.shape[1], numbers.shape)
        return self._prepare(self._directions.pictures(numbers, self._any_view(others)))

    def groups(self) -> list[dict[str, Any]]:
        return []

    def _any_view(self, numbers: torch.Tensor) -> torch.Tensor:
        return self._features[torch.randint(len(self._features), numbers.shape), numbers]


def head_of_kinds() -> Head:
    """Return an untrained head for the probabilities of classes."""
    return Head(CLASSES, refined_dropout=REFINED_DROPOUT)


def head_of_captions() -> Head:
    """Return an untrained head for the features of the last layers."""
    return Head(sum(IMAGE_PARTS), dropout=0.4, refined_dropout=REFINED_DROPOUT)


class Tuned:
    """The last layers of the image tower, tuned together with a head that was trained before.

    `maps` are the early layers' output, one array (n, 208, 8, 8) for each view, and `features`
    (views, n, width) what the untuned layers make of it. `rates` are the learning rate and weight
    decay of the layers.
    """

    def __init__(
        self,
        tower: ImageTower,
        maps: Sequence[NDArray[np.float16]],
        features: torch.Tensor,
        head: Head,
        rates: tuple[float, float],
    ) -> None:
        self.head = head
        self.layers = trainable(copy.deepcopy(tower.tuned))
        self.learned = nn.ModuleList([self.head, self.layers])
        self._maps, self._last = maps, features[..., : IMAGE_PARTS[0]]
        self._rate, self._decay = rates
        self._directions = Directions(tower.classifier.weight.detach(), self._last[0])
        self._directions.learn(self._last[0], features[0], keep=0)
        self._seen = features[0]

    def photos(self, numbers: torch.Tensor) -> torch.Tensor:
        view = int(torch.randint(len(self._maps), ()))
        pictures = as_input(self._maps[view][numbers.numpy()])
        mirrored = torch.rand(len(numbers)) < 0.5
        pictures = torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)
        features: torch.Tensor = self.layers(pictures)
        self._seen = features.detach()
        self._directions.learn(self._last[view, numbers], self._seen, KEPT)
        return evened(features)

    def classes(self, numbers: torch.Tensor) -> torch.Tensor:
        """Return made pictures among the photos of the last call of `photos`."""
        photos = self._seen[torch.randint(len(self._seen), numbers.shape)]
        return evened(self._directions.pictures(numbers, photos))

    def groups(self) -> list[dict[str, Any]]:
        tuned = [weights for weights in self.layers.parameters() if weights.requires_grad]
        return [{"params": tuned, "lr": self._rate, "weight_decay": self._decay}]


def trainable(layers: nn.Module) -> nn.Module:
    """Prepare the last layers for training: all but their depthwise convolutions learn.

    The weight gradient of a depthwise convolution is slow out of proportion on a CPU.
    """
    for block in [*layers.middle, *layers.late]:
        block.conv_dw = FrozenDepthwise(block.conv_dw)
        if block.has_skip:
            block.drop_path = _LeftOut()
    return layers


class FrozenDepthwise(nn.Module):
    """A depthwise convolution of stride 1 whose weights do not learn."""

    def __init__(self, convolution: Convolution) -> None:
        super().__init__()
        self.register_buffer("weight", convolution.weight.detach())
        self.register_buffer("bias", convolution.bias.detach())
        self._clips = convolution.clips

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        dtype = torch.bfloat16
        found: torch.Tensor = _Depthwise.apply(
            pictures.to(dtype), self.weight.to(dtype), self.bias.to(dtype)
        )
        return functional.hardtanh(found, 0.0, 6.0) if self._clips else found


class _Depthwise(torch.autograd.Function):
    """The gradient of its input is a depthwise convolution with the flipped kernel."""

    @staticmethod
    def forward(
        ctx: Any, pictures: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(weight)
        half, groups = weight.shape[-1] // 2, pictures.shape[1]
        return functional.conv2d(pictures, weight, bias, padding=half, groups=groups)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:  # type: ignore[override]
        (weight,) = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        flipped = weight.flip(2, 3).contiguous()
        half, groups = weight.shape[-1] // 2, gradient.shape[1]
        return functional.conv2d(gradient, flipped, padding=half, groups=groups), None, None


class _LeftOut(nn.Module):
    """Leaves a residual block out for a whole batch now and then, while it is trained."""

    def forward(self, change: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return change
        left_out = bool(torch.rand(()) < BLOCK_DROPOUT)
        return change * (0.0 if left_out else 1 / (1 - BLOCK_DROPOUT))
