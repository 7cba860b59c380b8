"""The `Embedder` port: pictures and texts as vectors of one space.

Beside it stands what an adapter does to pixels before the model and to rows after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""One upright RGB picture, shape (height, width, 3), dtype uint8."""

Vectors = NDArray[np.float32]
"""Embeddings, shape (n, dim), dtype float32, each row of unit length."""

Tower = Literal["image", "text"]

LONGEST_ASPECT = 16
"""Pictures longer than this many times their width are cut to their middle: enlarging their
short side to the model's input would otherwise need gigabytes."""


DAMAGED_WEIGHTS = "damaged_weights"
WRONG_WEIGHTS = "wrong_weights"
UNAVAILABLE = "model_unavailable"
"""Codes of `ModelUnavailable`; those of the self-test are in `self_test.Fault`."""


class ModelUnavailable(Exception):
    """A model cannot be loaded. The message is one sentence that says why and what to do.

    `code` says the same to programs.
    """

    def __init__(self, message: object, code: str = UNAVAILABLE) -> None:
        super().__init__(str(message))
        self.code = code


class DeviceOutOfMemory(Exception):
    """A batch does not fit on the device; a smaller one may."""


@runtime_checkable
class Embedder(Protocol):
    """Turns pictures and texts into unit vectors of one space.

    `key` names the space: vectors of different keys are never compared. `device` and
    `device_reason` say where the model runs and why there, `batch` how many pictures it should be
    given at once.
    """

    key: str
    dim: int
    device: str
    device_reason: str
    batch: int

    def embed_images(self, images: Sequence[Pixels]) -> Vectors:
        """Return one unit row per picture, shape (len(images), dim).

        Raises `DeviceOutOfMemory` when the batch does not fit. A picture without a usable
        embedding gives a row with NaN; the caller fails that photo alone.
        """

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row per text, shape (len(texts), dim)."""


@dataclass(frozen=True)
class LoadedModel:
    """A model in the form that open_clip gives it, on the CPU, float32, in eval mode.

    `model` has the towers `visual` and `text`; one that was not requested is None.
    `preprocess_cfg` has all fields of open_clip's `PreprocessCfg`.
    `tokenizer` turns a list of texts into token ids, shape (n, length) int64; it is None without
    the text tower. `checkpoint` is the file of the weights, None for those that come with Scry.
    """

    model: Any
    dim: int
    preprocess_cfg: dict[str, Any]
    tokenizer: Callable[[list[str]], Any] | None
    checkpoint: Path | None = None


def is_picture(pixels: Pixels) -> bool:
    """Return whether a model can take these pixels."""
    return (
        pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.size > 0
    )


def middle(pixels: Pixels) -> Pixels:
    """Return the middle of a very long picture; the model sees only its centre square."""
    height, width = pixels.shape[:2]
    longest = LONGEST_ASPECT * min(height, width)
    top, left = max(0, (height - longest) // 2), max(0, (width - longest) // 2)
    return pixels[top : top + longest, left : left + longest]


def embeddings_of(output: Any) -> Any:
    """Return a tower's embeddings alone: some towers, such as CoCa's, return tokens as well."""
    return output[0] if isinstance(output, tuple) else output


def unit_rows(rows: Vectors) -> Vectors:
    """Return rows of unit length, float32; a row that is zero or not finite becomes all NaN."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        lengths[~np.isfinite(lengths) | (lengths == 0)] = np.nan
        unit: Vectors = (rows / lengths).astype(np.float32)
    return unit
