"""Pictures as the input of a model: resized one by one, brought to numbers as a batch.

PyTorch is imported inside functions, so a process that embeds nothing never pays for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from search.vectors.embedders.base import Pixels, middle

if TYPE_CHECKING:
    import torch


class Preparation:
    """What a model with this `preprocess_cfg`, see `LoadedModel`, does to pictures.

    Pictures that are squashed, or cut to a square in their middle, are prepared here, with the same
    numbers as by open_clip. Its own preparation imports torchvision, which takes longer to import
    than PyTorch itself, and works on floats one picture at a time.
    """

    def __init__(self, cfg: dict[str, Any]) -> None:
        self._cfg = cfg
        size: int | Sequence[int] = cfg["size"]
        self.height, self.width = (size, size) if isinstance(size, int) else size
        self._scale: dict[torch.device, tuple[torch.Tensor, ...]] = {}
        squashed = cfg["resize_mode"] == "squash"
        square = cfg["resize_mode"] == "shortest" and self.height == self.width
        known = (squashed or square) and cfg["interpolation"] in ("bicubic", "bilinear")
        self._resize = (self._squashed if squashed else self._cut) if known else None

    def resized(self, pictures: Sequence[Pixels]) -> torch.Tensor:
        """Return pictures at the model's size, shape (n, 3, height, width).

        They are uint8; float32 and ready for the model if open_clip prepared them.
        """
        import torch

        if self._resize is None:
            if self._cfg["resize_mode"] == "shortest":
                pictures = [np.ascontiguousarray(middle(each)) for each in pictures]
            return torch.stack([self._by_open_clip(Image.fromarray(each)) for each in pictures])
        arrays = [np.asarray(self._resize(picture)) for picture in pictures]
        return torch.from_numpy(np.stack(arrays).transpose(0, 3, 1, 2))

    def numbers(self, batch: torch.Tensor) -> torch.Tensor:
        """Return a batch of `resized` pictures as the model's float32, on the same device."""
        import torch

        if batch.dtype != torch.uint8:
            return batch
        # Kept there: to send them anew each time would wait for all that a GPU has still to do.
        if batch.device not in self._scale:
            values = (torch.tensor(self._cfg[name]).view(-1, 1, 1) for name in ("mean", "std"))
            self._scale[batch.device] = tuple(each.float().to(batch.device) for each in values)
        mean, std = self._scale[batch.device]
        return batch.contiguous().float().div_(255).sub_(mean).div_(std)

    @cached_property
    def _resampling(self) -> Image.Resampling:
        return Image.Resampling[self._cfg["interpolation"].upper()]

    @cached_property
    def _by_open_clip(self) -> Callable[[Image.Image], torch.Tensor]:
        from open_clip.transform import PreprocessCfg, image_transform_v2

        prepare: Callable[[Image.Image], torch.Tensor]
        prepare = image_transform_v2(PreprocessCfg(**self._cfg), is_train=False)
        return prepare

    def _squashed(self, pixels: Pixels) -> Image.Image:
        return Image.fromarray(pixels).resize((self.width, self.height), self._resampling)

    def _cut(self, pixels: Pixels) -> Image.Image:
        """Return the middle square, after torchvision's `Resize` and `CenterCrop`."""
        whole, side = Image.fromarray(np.ascontiguousarray(middle(pixels))), self.width
        shortest = min(whole.size)
        width, height = (int(side * length / shortest) for length in whole.size)
        if whole.size != (width, height):
            whole = whole.resize((width, height), self._resampling)
        left, top = round((width - side) / 2), round((height - side) / 2)
        return whole.crop((left, top, left + side, top + side))
