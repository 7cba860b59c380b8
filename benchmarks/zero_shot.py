"""A published zero-shot figure, repeated where its weights and photos are at hand.

    python -m benchmarks.zero_shot --model ViT-B-32/openai --images DIR [--classes FILE]

DIR has one folder for each class, as ImageNet's validation set does. FILE names the classes, a
line each: folder, tab, name; without it, open_clip's names of ImageNet's 1,000 classes stand for
the folders in the order of the alphabet. Prompts are open_clip's 80 templates for ImageNet,
averaged, and its 7 short ones; beside them Scry's styles. With ViT-B-32/openai on ImageNet's
validation set the 80 templates are published to reach 63.3 %.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.concept_labels import embedded
from benchmarks.evaluation import directions, show
from benchmarks.starter_retrieval import embed_files, load_model
from search.understanding.directions import Style
from search.understanding.evaluation.scoring import figures
from search.vectors.embedders.base import Vectors
from search.vectors.embedders.open_clip import OpenClipEmbedder

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def class_names(folders: Sequence[Path], file: Path | None) -> list[str]:
    """Return the name of each folder's class."""
    if file is None:
        from open_clip import IMAGENET_CLASSNAMES

        if len(folders) != len(IMAGENET_CLASSNAMES):
            raise SystemExit(f"{len(folders)} folders, and no --classes to name them.")
        return list(IMAGENET_CLASSNAMES)
    lines = file.read_text("utf-8").splitlines()
    named = dict(line.split("\t", 1) for line in lines if line.strip())
    missing = [folder.name for folder in folders if folder.name not in named]
    if missing:
        raise SystemExit(f"No name for {', '.join(missing[:5])} in {file}.")
    return [named[folder.name] for folder in folders]


def averaged(
    model: OpenClipEmbedder, names: Sequence[str], templates: Sequence[Callable[[str], str]]
) -> Vectors:
    """Return the mean of the unit vectors of all templates of each name, of unit length."""
    rows = []
    for name in names:
        mean = embedded(model.embed_texts, [template(name) for template in templates]).mean(axis=0)
        rows.append(mean / np.linalg.norm(mean))
    return np.array(rows, np.float32)


def main() -> None:
    from open_clip import OPENAI_IMAGENET_TEMPLATES, SIMPLE_IMAGENET_TEMPLATES

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", required=True, help="a model of open_clip, as for EMBEDDING_MODEL"
    )
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--classes", type=Path)
    options = parser.parse_args()
    folders = sorted(path for path in options.images.iterdir() if path.is_dir())
    names = class_names(folders, options.classes)
    files = [
        (path, place)
        for place, folder in enumerate(folders)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    model = load_model(options.model)
    photos = embed_files(model, [path for path, _place in files])
    truth = np.array([place for _path, place in files])
    print(f"{len(photos)} photos, {len(names)} classes, {options.model}")
    for title, templates in (
        ("80 templates", OPENAI_IMAGENET_TEMPLATES),
        ("7 templates", SIMPLE_IMAGENET_TEMPLATES),
    ):
        show(title, figures(photos @ averaged(model, names, templates).T, truth))
    for style in Style:
        show(style.value, figures(photos @ directions(model, names, style).T, truth))


if __name__ == "__main__":
    main()
