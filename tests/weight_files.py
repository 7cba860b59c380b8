"""Weight files for tests: true headers, and tensors of zeros that take no room on the disk."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

from search.vectors.embedders.catalog import MODELS, RecommendedModel

SIGLIP, CLIP = MODELS[:2]
"""The recommended model, whose tokenizer is among its files, and the small one, with none."""

Shapes = dict[str, tuple[int, ...]]


def header_only(path: Path, shapes: Shapes) -> None:
    """Write a safetensors file of one byte a number, of which only the header takes room."""
    end = 0
    header = {}
    for name, shape in shapes.items():
        begin, end = end, end + math.prod(shape)
        header[name] = {"dtype": "U8", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


def model_folder(folder: Path, model: RecommendedModel, *, tokenizer: bool = True) -> Path:
    """Write a folder that passes for a model's: weights by their shapes, and a tokenizer."""
    header_only(folder / "open_clip_model.safetensors", dict(model.signature))
    if tokenizer:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (folder / name).write_text("{}")
    return folder
