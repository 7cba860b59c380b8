"""The papers' experiments: how well labels are told by prompt style, and by a linear probe.

    python -m benchmarks.evaluation --photos DIR [--captions DIR] [--model KEY]

The first folder holds photos of one thing each, named after it (`tiger_shark.jpg`). The second
holds `captions.csv` (image, split, caption) and `images/`; there, a photo of the split "dev" has
the concept (`benchmarks.concept_labels`) that most of its captions say, two or more of them.
`as Scry labels` measures labels against each other (`search.understanding.labels.exclusive`), in
several wordings.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.concept_labels import CONCEPTS, background_of, embedded
from benchmarks.starter_retrieval import embed_files, load_model
from search.relevance import Background
from search.understanding.directions import Style, texts_of
from search.understanding.evaluation.probe import probe
from search.understanding.evaluation.scoring import Figures, Places, figures
from search.understanding.labels import exclusive
from search.vectors.embedders.base import Vectors
from search.vectors.embedders.catalog import STARTER_KEY
from search.vectors.embedders.open_clip import OpenClipEmbedder


def directions(model: OpenClipEmbedder, names: Sequence[str], style: Style) -> Vectors:
    """Return the mean of the texts of each name, of unit length, (names, dim)."""
    groups = [texts_of(name, [], style) for name in names]
    flat = embedded(model.embed_texts, [text for group in groups for text in group])
    ends = np.cumsum([len(group) for group in groups])
    means = np.array([part.mean(axis=0) for part in np.split(flat, ends[:-1])])
    found: Vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
    return found


def captioned(folder: Path) -> tuple[list[Path], list[str], Places]:
    """Return the dev photos with one foremost concept, the concepts, and which one each has."""
    said: dict[str, list[str]] = defaultdict(list)
    with (folder / "captions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "dev":
                said[row["image"]].append(row["caption"].lower())
    patterns = [re.compile(rf"\b(?:{pattern})\b") for pattern in CONCEPTS.values()]
    paths, truth = [], []
    for image, captions in said.items():
        times = [sum(bool(pattern.search(caption)) for caption in captions) for pattern in patterns]
        most = max(times)
        if most >= 2 and times.count(most) == 1:
            paths.append(folder / "images" / image)
            truth.append(times.index(most))
    return paths, list(CONCEPTS), np.array(truth)


def show(title: str, found: Figures) -> None:
    low, high = found.intervals[1]
    tops = "   ".join(f"top-{top} {share:6.1%}" for top, share in found.tops.items())
    print(f"  {title:16} {tops}   ({low:.1%} to {high:.1%})", flush=True)


def evaluate(
    model: OpenClipEmbedder, paths: list[Path], names: list[str], truth: Places, texts: Vectors
) -> None:
    photos = embed_files(model, paths)
    print(f"{len(paths)} photos, {len(names)} labels")
    cosines = photos
    for style in Style:
        cosines = photos @ directions(model, names, style).T
        show(style.value, figures(cosines, truth))
        if style == Style.WORDINGS:
            choice = exclusive.choice(cosines, Background(texts, photos).unit)
            show("as Scry labels", figures(choice.scores(cosines), truth))
    learnt = probe(photos, truth)
    if learnt is None:
        print("  no linear probe: two labels need four photos each")
        return
    print(
        f"  linear probe: {learnt.train:.1%} of {learnt.train_count} training photos, "
        f"{learnt.test:.1%} of {learnt.test_count} others; "
        f"{learnt.labels} labels, L2 {learnt.strength:g}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--captions", type=Path)
    parser.add_argument("--model", default=STARTER_KEY)
    options = parser.parse_args()
    model = load_model(options.model)
    texts = background_of(model)
    things = sorted(options.photos.glob("*.jpg"))
    names = [path.stem.replace("_", " ") for path in things]
    evaluate(model, things, names, np.arange(len(names)), texts)
    if options.captions:
        evaluate(model, *captioned(options.captions), texts)


if __name__ == "__main__":
    main()
