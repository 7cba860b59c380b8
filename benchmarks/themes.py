"""How well themes are named: the share of their photos whose captions say the name.

    python -m benchmarks.themes --captions DIR [--photos 2500] [--split train] [--vectors FILE.npy]

`DIR` has `captions.csv` (columns image and caption) and `images/`. Photos are grouped into 40
themes, each is named, and a photo counts if one of its captions has the first word of the name,
or its plural. It counts as "twice" if two captions have it. "best word" is the word that the
captions of a theme have most often, which no method without captions can beat. `--vectors` keeps
the embeddings of the photos between two runs. The words of the starter model come with it.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

THEMES = 40
PLURALS = {"man": "men", "woman": "women", "child": "children", "person": "people", "foot": "feet"}


def main() -> None:
    """Print the share of photos that each way of naming is right about."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=2500)
    parser.add_argument("--split", help="only photos with this value in the column split")
    parser.add_argument("--vectors", type=Path)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    import django

    django.setup()
    captions = read(options.captions, options.photos, options.split)
    measure(photos_of(options.captions, list(captions), options.vectors), list(captions.values()))


def read(folder: Path, most: int, split: str | None) -> dict[str, list[str]]:
    """Return the captions of the first photos, by file name."""
    found: dict[str, list[str]] = defaultdict(list)
    with (folder / "captions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if split is None or row["split"] == split:
                found[row["image"]].append(row["caption"].lower())
    return dict(sorted(found.items())[:most])


def photos_of(folder: Path, names: list[str], kept: Path | None) -> Vectors:
    from benchmarks.starter_retrieval import embed_files, load_model
    from search.vectors.embedders.catalog import STARTER_KEY

    if kept and kept.exists():
        return np.asarray(np.load(kept), np.float32)
    paths = [folder / "images" / name for name in names]
    rows = embed_files(load_model(STARTER_KEY), paths)
    if kept:
        np.save(kept, rows)
    return rows


def measure(rows: Vectors, captions: list[list[str]]) -> None:
    """Group photos, name the groups in several ways, and print how often captions agree."""
    from search.relevance.library import stored_texts
    from search.understanding.library_vectors import LibraryVectors
    from search.understanding.themes import clusters, names
    from search.understanding.themes.components import components
    from search.understanding.themes.steps import finish
    from search.vectors.embedders.catalog import STARTER_KEY

    ids = np.array([f"{number:032x}".encode() for number in range(len(rows))])
    stored = rows.astype(np.float16)
    library = LibraryVectors(ids, rows.shape[1], "", stored, np.arange(len(rows)))
    base = finish(components(library))
    groups, _ = finish(clusters.clusters(base.rows, THEMES))
    sizes = np.bincount(groups, minlength=THEMES)
    means = np.stack([rows[groups == theme].mean(axis=0) for theme in range(THEMES)])
    texts, known = stored_texts(STARTER_KEY), names.words()
    if texts is None:
        raise SystemExit("The words of the starter model are not here.")
    mean = base.mean.astype(np.float32)
    titles, out = names.from_words(texts, means, mean, base.covariance)
    closest = (means @ texts[known.rows].T).argmax(axis=1)
    ways = {
        "closest word": [known.words[place] for place in closest.tolist()],
        "stands out": [known.words[place] for place in out.argmax(axis=1).tolist()],
        "stands out and common": titles,
    }
    said = said_by(captions, known.words)
    shares = np.stack([(said[groups == theme] > 0).mean(axis=0) for theme in range(THEMES)])
    twice = np.stack([(said[groups == theme] > 1).mean(axis=0) for theme in range(THEMES)])
    print(f"{len(rows):,} photos, {THEMES} themes of {sizes.min()} to {sizes.max()}")
    ways["best word"] = [known.words[place] for place in shares.argmax(axis=1).tolist()]
    for way, chosen in ways.items():
        places = [known.words.index(word) for word in chosen]
        once, again = (
            float((share[np.arange(THEMES), places] * sizes).sum() / sizes.sum())
            for share in (shares, twice)
        )
        print(f"{way}: said {once:.1%}, twice {again:.1%}, {len(set(chosen))} words differ")
    told = names.told_apart(titles, out, sizes)
    print(f"with second words {len(set(told))} of {THEMES} differ: {', '.join(told)}")


def said_by(captions: list[list[str]], words: Sequence[str]) -> NDArray[np.int8]:
    """Return how many captions of each photo have each word, (photos, words)."""
    found = np.zeros((len(captions), len(words)), np.int8)
    plain = [[f" {re.sub('[^a-z]+', ' ', each)} " for each in own] for own in captions]
    for column, word in enumerate(words):
        forms = [f" {form} " for form in (word, word + "s", word + "es", PLURALS.get(word, word))]
        found[:, column] = [
            sum(any(form in caption for form in forms) for caption in own) for own in plain
        ]
    return found


if __name__ == "__main__":
    main()
