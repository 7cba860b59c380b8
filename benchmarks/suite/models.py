"""The models that the suite measures, and how a gallery is given one whose weights are random.

Speed does not depend on the values of weights, but a gallery tests a model before it uses it.
`python -m benchmarks.suite.models KEY` records in DATA_DIR that the test was passed; all else is
the program that people run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gallery_process import ROOT


@dataclass(frozen=True)
class Model:
    """A model by its setting; `architecture` if its weights are random ones of that."""

    name: str
    title: str
    architecture: str = ""

    @property
    def simulated(self) -> str:
        return "random weights" if self.architecture else ""


STARTER = Model("starter", "starter")
VIT = Model("ViT-B-32-256/datacomp_s34b_b86k", "ViT-B-32", "ViT-B-32-256")


def environment(model: Model, weights: Path) -> dict[str, str]:
    """Return the variables for a gallery with that model; `weights` holds a file for each."""
    found = {"EMBEDDING_MODEL": model.name}
    if model.architecture:
        found["EMBEDDING_WEIGHTS"] = str(_weight_file(model, weights))
    return found


def _weight_file(model: Model, folder: Path) -> Path:
    return folder / model.architecture / "open_clip_model.safetensors"


def write_weights(model: Model, folder: Path) -> None:
    """Write random weights of a model's architecture, unless they are there."""
    path = _weight_file(model, folder)
    if not model.architecture or path.exists():
        return
    import open_clip
    import torch
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    created = open_clip.create_model(model.architecture)
    part = path.with_suffix(".part")
    save_file({name: each.contiguous() for name, each in created.state_dict().items()}, part)
    part.rename(path)


def accept(model: Model, data: Path, variables: dict[str, str]) -> None:
    """Record in a new gallery's database that a model with random weights was tested."""
    if model.architecture:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.suite.models", model.name],
            cwd=ROOT,
            env={**os.environ, **variables, "DATA_DIR": str(data)},
            check=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("key")
    key = parser.parse_args().key
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    import django

    django.setup()
    import open_clip
    from django.utils import timezone

    from gallery.models import EmbeddingModel
    from search.vectors.embedders import folders

    config = open_clip.get_model_config(key.partition("/")[0])
    assert config is not None, key
    EmbeddingModel.objects.get_or_create(
        key=folders.present_key(key),
        defaults={
            "dim": config["embed_dim"],
            "state": EmbeddingModel.State.ACTIVE,
            "tested_at": timezone.now(),
        },
    )


if __name__ == "__main__":
    main()
