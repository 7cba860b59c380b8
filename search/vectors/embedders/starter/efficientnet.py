"""EfficientNet-Lite2 (the Lite variant of arXiv:1905.11946), as its published weights need it.

The modules have the names that timm gives them, by which the starter model's own weights are
stored. timm itself takes seconds to import, and brings torchvision.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

STEM, LAST = 32, 1280
"""Channels behind the first and the last convolution."""

EXPANSION = 6
"""How many times as many channels a block has inside."""


class Stage(NamedTuple):
    """Blocks of one width; the first of them has the stride."""

    blocks: int
    kernel: int
    stride: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 16),
    Stage(3, 3, 2, 24),
    Stage(3, 5, 2, 48),
    Stage(4, 3, 2, 88),
    Stage(4, 5, 1, 120),
    Stage(5, 5, 2, 208),
    Stage(1, 3, 1, 352),
)


class EfficientNetLite2(nn.Module):
    """Pictures (n, 3, height, width) to the activations of the last layer, (n, LAST, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = SameConvolution(3, STEM, 3, 2)
        self.bn1 = Normalisation(STEM)
        widths = (STEM, *(stage.channels for stage in STAGES))
        self.blocks = nn.Sequential(
            *(
                _stage(stage, *around)
                for stage, around in zip(STAGES, pairwise(widths), strict=True)
            )
        )
        self.conv_head = nn.Conv2d(widths[-1], LAST, 1, bias=False)
        self.bn2 = Normalisation(LAST)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        last = self.blocks(self.bn1(self.conv_stem(pixels)))
        activations: torch.Tensor = self.bn2(self.conv_head(last))
        return activations


def _stage(stage: Stage, before: int, after: int) -> nn.Sequential:
    # The first stage, of one block, expands nothing.
    kind = ShortBlock if after == STAGES[0].channels else Block
    first = kind(before, after, stage.kernel, stage.stride)
    more = (kind(after, after, stage.kernel, 1) for _number in range(stage.blocks - 1))
    return nn.Sequential(first, *more)


class Block(nn.Module):
    """Expands, looks around in each channel, and projects; added to its input if it fits."""

    def __init__(self, before: int, after: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = EXPANSION * before
        self.conv_pw = nn.Conv2d(before, inner, 1, bias=False)
        self.bn1 = Normalisation(inner)
        self.conv_dw = _depthwise(inner, kernel, stride)
        self.bn2 = Normalisation(inner)
        self.conv_pwl = nn.Conv2d(inner, after, 1, bias=False)
        self.bn3 = Normalisation(after, active=False)
        self._is_added = before == after and stride == 1

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        inner = self.bn2(self.conv_dw(self.bn1(self.conv_pw(states))))
        found: torch.Tensor = self.bn3(self.conv_pwl(inner))
        return found + states if self._is_added else found


class ShortBlock(nn.Module):
    """Looks around in each channel and projects."""

    def __init__(self, before: int, after: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = _depthwise(before, kernel, stride)
        self.bn1 = Normalisation(before)
        self.conv_pw = nn.Conv2d(before, after, 1, bias=False)
        self.bn2 = Normalisation(after, active=False)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.bn2(self.conv_pw(self.bn1(self.conv_dw(states))))
        return found


class Normalisation(nn.BatchNorm2d):
    """A batch normalisation as TensorFlow has it, with the activation behind it, if any."""

    def __init__(self, channels: int, *, active: bool = True) -> None:
        super().__init__(channels, eps=1e-3)
        self.act: nn.Module = nn.ReLU6(inplace=True) if active else nn.Identity()

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        activations: torch.Tensor = self.act(super().forward(states))
        return activations


class SameConvolution(nn.Conv2d):
    """A convolution that pads as TensorFlow does: an odd pixel goes to the right and the bottom."""

    def __init__(
        self, before: int, after: int, kernel: int, stride: int, *, groups: int = 1
    ) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        height, width = (self._missing(side) for side in states.shape[-2:])
        padding = (width // 2, width - width // 2, height // 2, height - height // 2)
        return super().forward(functional.pad(states, padding))

    def _missing(self, side: int) -> int:
        """Return how many pixels a side lacks for an output of ceil(side / stride)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        return max((-(-side // stride) - 1) * stride + kernel - side, 0)


def _depthwise(channels: int, kernel: int, stride: int) -> nn.Conv2d:
    if stride > 1:
        return SameConvolution(channels, channels, kernel, stride, groups=channels)
    return nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
