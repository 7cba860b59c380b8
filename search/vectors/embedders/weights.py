"""Weight files on disk: where they lie, and whether they look like what they should be.

Only headers are read here, with the standard library; PyTorch reads the tensors.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from search.vectors.embedders.base import ModelUnavailable

SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")
"""File types that are read. Safetensors hold nothing but numbers and are preferred; the
others are pickles, of which PyTorch's `weights_only` reader takes only those that hold tensors."""

PREFERRED = ("open_clip_model", "open_clip_pytorch_model", "model", "pytorch_model")

_HEADER_LIMIT = 100_000_000  # Bytes; safetensors' own limit.

Shapes = dict[str, tuple[int, ...]]


def folder_of(weights: Path, key: str) -> Path:
    """Return the folder inside `weights` that holds the model `key`.

    A folder named like the architecture keeps several models apart; a folder without one
    holds a single model.
    """
    named = weights / key.partition("/")[0]
    return named if named.is_dir() else weights


def locate(weights: Path, key: str) -> Path:
    """Return the weight file for `key` in a file or folder; raise `ModelUnavailable`."""
    if weights.is_file():
        if weights.suffix not in SUFFIXES:
            raise ModelUnavailable(
                f"The weight file {weights} is of no type that is read; use one that ends in "
                f"{', '.join(SUFFIXES)}."
            )
        return weights
    if not weights.is_dir():
        raise ModelUnavailable(
            f"EMBEDDING_WEIGHTS names {weights}, which does not exist; correct the path or "
            "leave it empty to use the Hugging Face hub."
        )
    folder = folder_of(weights, key)
    files = sorted((file for file in folder.iterdir() if file.suffix in SUFFIXES), key=_rank)
    if not files:
        raise ModelUnavailable(
            f"There is no weight file for {key} in {folder}; put its open_clip_model.safetensors "
            "there."
        )
    return files[0]


def shapes(file: Path) -> Shapes:
    """Return the tensors' shapes from a safetensors header; raise `ModelUnavailable`."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _HEADER_LIMIT:
                raise ValueError("the header is too long")
            header = json.loads(stream.read(length))
            size = file.stat().st_size - 8 - length
        tensors = {name: info for name, info in header.items() if name != "__metadata__"}
        if max((info["data_offsets"][1] for info in tensors.values()), default=0) != size:
            raise ValueError("the file is cut short")
        return {name: tuple(info["shape"]) for name, info in tensors.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise damaged(file, str(error)) from error


def damaged(file: Path, detail: str = "") -> ModelUnavailable:
    """Return the error for a weight file that cannot be read."""
    why = f" ({detail.splitlines()[0][:120]})" if detail else ""
    return ModelUnavailable(
        f"The weight file {file} is damaged or is no weight file{why}; delete it and fetch it "
        "again."
    )


def unreadable(key: str, checkpoint: Path, error: Exception) -> ModelUnavailable:
    """Return what to say about a weight file that a model could not be made of."""
    if "state_dict" in str(error) or "size mismatch" in str(error):
        return ModelUnavailable(
            f"The weight file {checkpoint} holds another model than {key}; correct "
            "EMBEDDING_MODEL or EMBEDDING_WEIGHTS."
        )
    if checkpoint.suffix != ".safetensors":
        return ModelUnavailable(
            f"The weight file {checkpoint} is damaged or holds more than numbers, and code in "
            "weight files is never run; use a .safetensors file."
        )
    return damaged(checkpoint, str(error))


def preprocessing(source: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return mean, std and resizing: the folder's own configuration, else open_clip's table."""
    try:
        text = (folder / "open_clip_config.json").read_text(encoding="utf-8")
        own = json.loads(text).get("preprocess_cfg", {})
    except (OSError, ValueError):
        own = {}
    names = ("mean", "std", "interpolation", "resize_mode")
    return {name: (source | own)[name] for name in names if name in source | own}


def _rank(file: Path) -> tuple[int, int, str]:
    named = PREFERRED.index(file.stem) if file.stem in PREFERRED else len(PREFERRED)
    return SUFFIXES.index(file.suffix), named, file.name
