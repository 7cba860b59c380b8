"""EfficientNet-Lite2 (the Lite variant of arXiv:1905.11946), as its published weights need it.

The modules have the names that timm gives them, by which the starter model's own weights are
stored. timm itself takes seconds to import, and brings torchvision.
"""

from __future__ import annotations

from functools import cache
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
        self.conv_stem = Convolution(3, STEM, 3, 2)
        self.bn1 = Normalisation(STEM)
        widths = (STEM, *(stage.channels for stage in STAGES))
        self.blocks = nn.Sequential(
            *(
                _stage(stage, *around)
                for stage, around in zip(STAGES, pairwise(widths), strict=True)
            )
        )
        self.conv_head = Convolution(widths[-1], LAST)
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
        self.conv_pw = Convolution(before, inner)
        self.bn1 = Normalisation(inner)
        self.conv_dw = Convolution(inner, inner, kernel, stride, groups=inner)
        self.bn2 = Normalisation(inner)
        self.conv_pwl = Convolution(inner, after)
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
        self.conv_dw = Convolution(before, before, kernel, stride, groups=before)
        self.bn1 = Normalisation(before)
        self.conv_pw = Convolution(before, after)
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


class Convolution(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow does: an odd pixel goes to the end.

    With `clips`, numbers below 0 and above 6 are cut off: the activation, which costs next to
    nothing here and a fifth of the tower as a step of its own.
    """

    clips = False

    def __init__(
        self, before: int, after: int, kernel: int = 1, stride: int = 1, *, groups: int = 1
    ) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        (height, down, high), (width, across, wide) = map(self._fit, states.shape[-2:])
        found = self._convolve(states, (down, across))
        if (height, width) == (down, across):
            return found
        # The first row or column has a window more in front of it.
        top, left = int(down > height), int(across > width)
        return found[..., top : top + high, left : left + wide]

    def _fit(self, side: int) -> tuple[int, int, int]:
        """Return the pixels in front of a side, how many to pad both ends with, and the output.

        Where the end needs one more than the front, both ends get a stride more than the front:
        to pad one end alone takes longer than the convolution.
        """
        kernel, stride = self.kernel_size[0], self.stride[0]
        output = -(-side // stride)
        missing = max((output - 1) * stride + kernel - side, 0)
        front = missing // 2
        return front, front + stride * (missing % 2), output

    def _convolve(self, states: torch.Tensor, padding: tuple[int, int]) -> torch.Tensor:
        if self.clips and self._can_join(states):
            return _convolve_and_clip(self, states, padding)
        found = functional.conv2d(
            states, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )
        return functional.hardtanh_(found, 0.0, 6.0) if self.clips else found

    def _can_join(self, states: torch.Tensor) -> bool:
        """Tell whether the one step, which knows no gradients and one kind of number, fits."""
        is_plain = not torch.is_grad_enabled() and states.dtype == self.weight.dtype
        return is_plain and can_join(states.device, states.dtype)


def _convolve_and_clip(
    layer: nn.Conv2d, states: torch.Tensor, padding: tuple[int, int]
) -> torch.Tensor:
    """Convolve and cut off at 0 and 6 in one step, which torch's own compiler uses."""
    found: torch.Tensor = torch.ops.mkldnn._convolution_pointwise(
        states, layer.weight, layer.bias, padding, layer.stride, layer.dilation, layer.groups,
        "hardtanh", [0.0, 6.0], "",
    )  # fmt: skip
    return found


@cache
def can_join(device: torch.device, dtype: torch.dtype) -> bool:
    """Tell whether convolution and activation are one step here: on most processors they can be."""
    if device.type != "cpu":
        return False
    try:
        layer = nn.Conv2d(8, 8, 3).to(dtype)
        _convolve_and_clip(layer, torch.ones(1, 8, 8, 8, dtype=dtype), (1, 1))
    except (RuntimeError, AttributeError):  # This processor cannot, or this torch has no such step.
        return False
    return True
