"""Write what peers load in place of the weights that they would download. Run by their Python.

    python -m benchmarks.suite.peer_weights FOLDER ARCHITECTURE|starter

`rclip/` is the data folder of rclip, with the ONNX files that it looks for: the architecture with
random weights, or the starter's image tower beside a random text tower. `clip/` is a model of
transformers, with random weights, for sentence-transformers.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

RCLIP_MODEL = "ViT-B-32-256-datacomp_s34b_b86k"
RCLIP_ARCHITECTURE = "ViT-B-32-256"
SIDE = 256
VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("model")
    options = parser.parse_args()
    done = options.folder / "done"
    if not done.exists():
        write_rclip(options.folder / "rclip", options.model)
        if options.model != "starter":
            write_transformers(options.folder / "clip")
        done.touch()
    print(json.dumps({"written": True}))


def write_rclip(folder: Path, model: str) -> None:
    """Write the two ONNX files and the vocabulary of rclip's tokenizer."""
    import open_clip
    import torch

    torch.manual_seed(0)
    place = folder / RCLIP_MODEL
    place.mkdir(parents=True, exist_ok=True)
    created = open_clip.create_model(
        RCLIP_ARCHITECTURE if model == "starter" else model, force_custom_text=True
    ).eval()
    picture = torch.zeros(2, 3, SIDE, SIDE)
    image_tower = _starter_tower() if model == "starter" else created.visual
    _export(image_tower, picture, place / "visual.onnx")
    _export(created.text, torch.ones(2, 77, dtype=torch.long), place / "textual.onnx")
    (folder / "tokenizer").mkdir(exist_ok=True)
    source = Path(open_clip.__file__).parent / VOCABULARY
    shutil.copy(source, folder / "tokenizer" / VOCABULARY)


def _starter_tower() -> Any:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    import django

    django.setup()
    from search.vectors.embedders import starter

    return starter.load(frozenset({"image"})).model.eval().visual


def _export(module: Any, example: Any, path: Path) -> None:
    import torch

    # ONNX has no operator for PyTorch's fused attention.
    torch.backends.mha.set_fastpath_enabled(value=False)
    torch.onnx.export(
        module,
        (example,),
        str(path),
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "count"}, "output": {0: "count"}},
        dynamo=False,
    )


def write_transformers(folder: Path) -> None:
    """Write CLIP ViT-B-32 (224 pixels, as sentence-transformers publishes it) at random."""
    from open_clip.tokenizer import SimpleTokenizer

    transformers = import_module("transformers")
    config = transformers.CLIPConfig(vision_config={"patch_size": 32}, projection_dim=512)
    transformers.CLIPModel(config).eval().save_pretrained(folder)
    words = SimpleTokenizer()
    (folder / "vocab.json").write_text(json.dumps(words.encoder), encoding="utf-8")
    merges = "\n".join(f"{first} {second}" for first, second in words.bpe_ranks)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8")
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    transformers.CLIPProcessor(transformers.CLIPImageProcessor(), tokenizer).save_pretrained(folder)


if __name__ == "__main__":
    main()
