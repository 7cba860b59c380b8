"""Compare ways to search by a picture and words at once, or by several words.

    python -m benchmarks.combination --captions DIR [--cache FILE] [--choose]

The first kind of query is a photo of a thing S and a word W that none of its captions says ("this
photo, but at night"); photos that show S and W are right. The second kind is two words as separate
terms; photos that show both are right. As in `benchmarks.exclusion`, the figures are for one half
of the pairs, and `--choose` prints those of the other half.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import django
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
if "DATA_DIR" not in os.environ:
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="scry-benchmark-")
django.setup()

# What is measured is the gallery's own code, which needs its settings.
from benchmarks.concept_labels import CONCEPTS, Collection, Library, half, read  # noqa: E402
from benchmarks.starter_retrieval import load_model  # noqa: E402
from search.engine.target import WeightedVector, direction  # noqa: E402
from search.vectors.embedders.open_clip import OpenClipEmbedder  # noqa: E402
from search.vectors.embedders.phrasing import embed_worded  # noqa: E402

Scores = NDArray[np.float32]
Flags = NDArray[np.bool_]
Way = Callable[[Library, "Case"], Scores]

FIRST = 10
EACH = 6  # photos of every pair
THINGS = (
    *("dog", "man", "woman", "child", "people", "horse", "bicycle", "boat", "car", "ball"),
    *("skateboard", "jumping", "running", "sitting", "climbing"),
)


@dataclass(frozen=True)
class Case:
    """Two parts, and which photos show each; the photos `named` by the query are no answers."""

    one: WeightedVector
    other: WeightedVector
    both_said: NDArray[np.float32]
    """The two as one text; zeros where the one is a picture."""
    shows_one: Flags
    shows_other: Flags
    named: list[int]


def sigmas(lib: Library, row: NDArray[np.float32]) -> Scores:
    scores = lib.photos @ row
    return np.asarray((scores - scores.mean()) / scores.std(), np.float32)


def places(scores: Scores) -> NDArray[np.float64]:
    ranks = np.empty(len(scores))
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return ranks


def rank_fusion(k: int) -> Way:
    def way(lib: Library, case: Case) -> Scores:
        ranks = [places(lib.photos @ part.vector) for part in (case.one, case.other)]
        return np.asarray(sum(1 / (k + rank) for rank in ranks), np.float32)

    return way


def summed(weight: float) -> Way:
    return lambda lib, case: lib.photos @ (case.one.vector + weight * case.other.vector)


def centred(weight: float) -> Way:
    """Return the way that subtracts from each vector the mean of its kind, at length 1."""

    def way(lib: Library, case: Case) -> Scores:
        rows = [
            lib.background.centre(part.vector, by_picture=part.by_picture)
            for part in (case.one, case.other)
        ]
        one, other = (row / np.linalg.norm(row) for row in rows)
        return np.asarray(lib.photos @ (one + weight * other), np.float32)

    return way


def scaled(weight: float) -> Way:
    """Return the way that takes each score in sigmas of the library, not centred."""
    return lambda lib, case: (
        sigmas(lib, case.one.vector) + np.float32(weight) * sigmas(lib, case.other.vector)
    )


def least(lib: Library, case: Case) -> Scores:
    return np.minimum(sigmas(lib, case.one.vector), sigmas(lib, case.other.vector))


def centred_and_scaled(lib: Library, case: Case) -> Scores:
    return lib.photos @ direction(lib.background, [case.one, case.other])


def together(lib: Library, case: Case) -> Scores:
    """What Scry does: words that are separate terms count as one text as well."""
    joined = [] if case.one.by_picture else [WeightedVector(case.both_said)]
    return lib.photos @ direction(lib.background, [case.one, case.other, *joined])


def without_background(lib: Library, case: Case) -> Scores:
    return lib.photos @ direction(None, [case.one, case.other])


WAYS: dict[str, Way] = {
    "the first alone": lambda lib, case: lib.photos @ case.one.vector,
    "the second alone": lambda lib, case: lib.photos @ case.other.vector,
    "both as one text": lambda lib, case: lib.photos @ case.both_said,
    "sum": summed(1),
    "sum, second doubled": summed(2),
    "centred by kind": centred(1),
    "centred by kind, second 1.5": centred(1.5),
    "scaled": scaled(1),
    "scaled, second 1.4": scaled(1.4),
    "rank fusion, k = 60": rank_fusion(60),
    "rank fusion, k = 10": rank_fusion(10),
    "the lower of both": least,
    "centred and scaled": centred_and_scaled,
    "**and both as one text**": together,
    "the same, library unknown": without_background,
}


def with_picture(lib: Library, which: int) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    for thing, word in pairs(lib, which, "+"):
        among = np.flatnonzero(lib.surely(thing) & lib.free_of(word))
        if (thing == "people" and word in {"man", "woman", "child", "crowd"}) or len(among) < EACH:
            continue
        for place in rng.choice(among, EACH, replace=False):
            picture = WeightedVector(lib.photos[place], by_picture=True)
            words = WeightedVector(lib.words[word])
            shows = lib.shows(thing), lib.shows(word)
            yield Case(picture, words, np.zeros_like(words.vector), *shows, [int(place)])


def with_words(lib: Library, which: int, model: OpenClipEmbedder) -> Iterator[Case]:
    found = list(pairs(lib, which, "&"))
    said = embed_worded(model, [f"{one} {other}" for one, other in found])
    for (one, other), both in zip(found, said, strict=True):
        parts = WeightedVector(lib.words[one]), WeightedVector(lib.words[other])
        yield Case(*parts, both, lib.shows(one), lib.shows(other), [])


def pairs(lib: Library, which: int, sign: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs that some photos show together, but not most photos of either."""
    enough = 10 if len(lib.photos) > 1000 else 5
    for thing in THINGS:
        for word in (concept for concept in CONCEPTS if concept not in {thing, "people", "toy"}):
            shows, says = lib.shows(thing), lib.shows(word)
            both = (shows & says).sum()
            rare = both <= 0.6 * min(shows.sum(), says.sum())
            if both >= enough and rare and half(thing, sign, word) == which:
                yield thing, word


def figures(lib: Library, found: list[Case], way: Way) -> NDArray[np.float64]:
    """Return the mean shares of both, the first and the second among the first ten."""
    rows = []
    for case in found:
        scores = way(lib, case).copy()
        scores[case.named] = -np.inf
        first = np.argsort(-scores, kind="stable")[:FIRST]
        both = case.shows_one & case.shows_other
        rows.append([flags[first].mean() for flags in (both, case.shows_one, case.shows_other)])
    return np.asarray(np.mean(rows, axis=0))


def report(name: str, lib: Library, which: int, model: OpenClipEmbedder) -> None:
    sets = {
        "picture + word": list(with_picture(lib, which)),
        "word + word": list(with_words(lib, which, model)),
    }
    print(f"\n{name}, {len(lib.photos)} photos; % both / first / second of the first ten")
    print(f"{'':28s}" + " ".join(f"{f'{kind} ({len(s)})':>22s}" for kind, s in sets.items()))
    for title, way in WAYS.items():
        cells = [figures(lib, found, way) * 100 for found in sets.values()]
        print(f"{title:28s}" + " ".join(f"{a:12.0f} /{b:3.0f} /{c:3.0f}" for a, b, c in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--choose", action="store_true", help="print the other half")
    options = parser.parse_args()
    model = load_model(options.model)
    everything: Collection = read(options.captions, model, options.cache)
    unseen, seen = np.flatnonzero(everything.dev), np.flatnonzero(~everything.dev)
    if options.choose:
        report("train", everything.library(seen), 0, model)
        return
    report("all", everything.library(np.arange(len(everything.dev))), 1, model)
    report("dev", everything.library(unseen), 1, model)


if __name__ == "__main__":
    main()
