"""How much less evidence words of other languages need than English ones.

    python -m benchmarks.foreign_words --captions DIR --photos DIR

The folders are those of `benchmarks.starter_retrieval`. The words are those of `names.csv`. Their
photos are among those of the second folder, and hardly any of them is among the first. For each
amount that is added to the evidence, the table says how many words of other languages are denied
(nothing is Strong or Likely) where their photo is there, where it was taken out, and among the
photos of the first folder; how many of those that are there are called absent; and how many English
words are denied, to which nothing is added. `FOREIGN` is where both are denied alike if absent.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.starter_retrieval import HERE, dev_captions, embed_files, load_model, texts_of
from search.relevance import TOP, Background
from search.relevance.background import background_texts, nouns
from search.relevance.evidence import ABSENT, LIKELY, smoothed
from search.vectors.embedders.base import Vectors
from search.vectors.embedders.catalog import STARTER_KEY

SHIFTS = (0.0, 0.25, 0.5, 0.65, 0.75, 1.0, 1.5)


def best(background: Background, photos: Vectors, query: NDArray[np.float32]) -> float:
    """Return the evidence of a query's best hit."""
    first = photos[np.argsort(-(photos @ query))[:TOP]]
    return float(smoothed(background.evidence(query, first, len(photos)))[0])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    options = parser.parse_args()
    model = load_model(STARTER_KEY)
    files = sorted(options.photos.glob("*.jpg"))
    things, scenes = (
        embed_files(model, paths) for paths in (files, dev_captions(options.captions)[0])
    )
    with (HERE / "names.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    words = texts_of(model, [row["name"] for row in rows])
    known = texts_of(model, background_texts()), model.embed_texts([noun for noun, _ in nouns()])
    here, elsewhere = (Background(known[0], photos, known[1]) for photos in (things, scenes))
    own = [[path.stem for path in files].index(row["kind"]) for row in rows]
    there = np.array([best(here, things, word) for word in words])
    out = [np.delete(things, at, axis=0) for at in own]
    gone = np.array([best(here, left, word) for left, word in zip(out, words, strict=True)])
    absent = np.array([best(elsewhere, scenes, word) for word in words])
    english = np.array([row["language"] == "en" for row in rows])
    print("added   there   taken out   elsewhere   called absent")
    for shift in SHIFTS:
        report(f"{shift:.2f}", *(odds[~english] + shift for odds in (there, gone, absent)))
    report("English", there[english], gone[english], absent[english])


def report(name: str, *odds: NDArray[np.float64]) -> None:
    """Print a line: the shares denied, and the share of what is there that is called absent."""
    denied = "   ".join(f"{(one < LIKELY).mean():.0%}" for one in odds)
    print(f"{name:8}{denied}   {(odds[0] < ABSENT).mean():.1%}")


if __name__ == "__main__":
    main()
