"""Compare ways to exclude something from a search.

    python -m benchmarks.exclusion --captions DIR [--cache FILE] [--choose]

The queries are "A, but no N" for all pairs of concepts that captions often say together. They run
over all photos, and over those that no part of the starter model has seen. The figures are for one
half of the pairs. `--choose` prints those of the other half on the other photos, on which the way
and its constants were chosen.

Of the first ten photos: right (show A, no caption says N), leaked (show N), wanted (show A).
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
from search.relevance import TOP, Bands, find_bands  # noqa: E402

Scores = NDArray[np.float32]
Flags = NDArray[np.bool_]
Way = Callable[[Library, WeightedVector, list[WeightedVector]], Scores]

FIRST = 10
NEVER_WANTED = ("hat", "helmet", "sunglasses", "fence", "stick", "toy", "night")
NEVER_AVOIDED = (
    *("swimming pool", "skateboard", "climbing", "jumping", "running", "sitting", "smiling"),
    *("horse", "bench"),
)


def spread_by_one(lib: Library, part: WeightedVector, *, centre: bool = False) -> Scores:
    """Return the scores of all photos in sigmas of the library around its mean."""
    row = part.vector
    if centre or part.by_picture:
        row = lib.background.centre(row, by_picture=part.by_picture)
    scores = lib.photos @ lib.background.scale(row)
    return np.asarray(scores - scores.mean(), np.float32)


def subtract(share: float) -> Way:
    return lambda lib, a, ns: lib.photos @ (a.vector - share * np.sum([n.vector for n in ns], 0))


def orthogonal(lib: Library, a: WeightedVector, ns: list[WeightedVector]) -> Scores:
    rows = np.linalg.qr(np.stack([n.vector for n in ns]).T)[0].T
    return np.asarray(lib.photos @ (a.vector - (rows @ a.vector) @ rows), np.float32)


def average(lib: Library, a: WeightedVector, ns: list[WeightedVector]) -> Scores:
    return np.asarray(lib.photos @ (2 * a.vector - np.mean([n.vector for n in ns], 0)))


def best_score(lib: Library, a: WeightedVector, ns: list[WeightedVector]) -> Scores:
    own, other = lib.photos @ a.vector, np.max([lib.photos @ n.vector for n in ns], axis=0)
    return np.where(own > other, own, -other)


def sum_scores(lib: Library, a: WeightedVector, ns: list[WeightedVector]) -> Scores:
    return np.asarray(lib.photos @ (a.vector - np.sum([n.vector for n in ns], 0)))


def penalty(share: float, margin: float) -> Way:
    def way(lib: Library, a: WeightedVector, ns: list[WeightedVector]) -> Scores:
        beyond = [np.maximum(0, spread_by_one(lib, n) - margin) for n in ns]
        return np.asarray(spread_by_one(lib, a) - share * np.sum(beyond, 0), np.float32)

    return way


def caps(angle: float) -> Way:
    """Return the way that searches the region within `angle` of A and farther than that from N.

    Its middle lies on the arc through both: A turned away from N. Several N follow one another.
    """

    def way(lib: Library, a: WeightedVector, ns: list[WeightedVector]) -> Scores:
        centre = a.vector
        for n in ns:
            cosine = float(np.clip(centre @ n.vector, -1, 1))
            turn = max(0.0, angle - np.arccos(cosine) / 2)
            away = n.vector - cosine * centre
            away /= np.linalg.norm(away)
            centre = np.cos(turn) * centre - np.sin(turn) * away
        return np.asarray(lib.photos @ centre, np.float32)

    return way


def subtracted(lib: Library, a: WeightedVector, ns: list[WeightedVector]) -> Scores:
    return lib.photos @ direction(lib.background, [a], ns)


def limits(lib: Library, part: WeightedVector) -> tuple[Bands, Scores]:
    """Return where the bands of a query begin, and the scores of all photos."""
    own = lib.photos @ part.vector
    first = lib.photos[np.argsort(-own)[:TOP]]
    total, by_picture = len(own), part.by_picture
    return find_bands(lib.background, part.vector, first, total=total, by_picture=by_picture), own


def dropping(band: str, order: Way, *, banded: bool = False) -> Way:
    """Return an order with the photos that are of a band for N at the end.

    If `banded`, the photos of a band for A stay together.
    """

    def way(lib: Library, a: WeightedVector, ns: list[WeightedVector]) -> Scores:
        scores = order(lib, a, ns).copy()
        if banded:
            wanted, own = limits(lib, a)
            scores += 3 * (own >= wanted.likely) + 3 * (own >= wanted.strong)
        for n in ns:
            avoided, own = limits(lib, n)
            scores[own >= getattr(avoided, band)] -= 10
        return scores

    return way


def wanted_alone(lib: Library, a: WeightedVector, _: list[WeightedVector]) -> Scores:
    return lib.photos @ a.vector


WAYS: dict[str, Way] = {
    "nothing excluded": wanted_alone,
    "subtract 0.3": subtract(0.3),
    "subtract 0.5": subtract(0.5),
    "subtract 0.7": subtract(0.7),
    "orthogonal projection": orthogonal,
    "recommend, average vector": average,
    "recommend, best score": best_score,
    "recommend, sum of scores": sum_scores,
    "penalty beyond the mean": penalty(1, 0),
    "penalty, margin 0.5 sigma": penalty(1, 0.5),
    "penalty, margin 1 sigma": penalty(2, 1),
    "region near A, far from N: 1.2": caps(1.2),
    "region near A, far from N: 1.3": caps(1.3),
    "subtract 0.6 sigma": subtracted,
    "and Strong for N dropped": dropping("strong", subtracted),
    "and Likely for N dropped": dropping("likely", subtracted),
    "only Likely for N dropped": dropping("likely", wanted_alone),
    "**bands of A, Likely for N dropped**": dropping("likely", subtracted, banded=True),
}


@dataclass(frozen=True)
class Case:
    wanted: WeightedVector
    avoided: list[WeightedVector]
    right: Flags
    leaked: Flags
    shown: Flags
    named: list[int]
    """Photos that the query names; they are no answers."""


def pairs(everything: Collection, which: int) -> list[tuple[str, str]]:
    """Return the pairs (A, N) that captions of many of A's photos say together, but not of most."""
    names = list(CONCEPTS)
    found = []
    for a in (name for name in names if name not in NEVER_WANTED):
        own = everything.said[names.index(a)] >= 2
        for n in (name for name in names if name != a and name not in NEVER_AVOIDED):
            said = everything.said[names.index(n)]
            both, free = (own & (said >= 2)).sum(), (own & (said == 0)).sum()
            enough = free >= 40 and both >= 5
            if enough and both >= 0.08 * own.sum() and free >= 0.05 * own.sum():
                found.append((a, n))
    return [pair for pair in found if half(*pair) == which]


def cases(lib: Library, asked: list[tuple[str, str]], kind: str) -> Iterator[Case]:
    """Yield the queries of a kind such as "words - picture": words for A, a picture of N."""
    rng = np.random.default_rng(0)
    several = int(kind[-1]) if kind[-1].isdigit() else 1
    for a, ns in grouped(asked, several, rng):
        shown, leaked = lib.shows(a), np.any([lib.shows(n) for n in ns], axis=0)
        right = shown & np.all([lib.free_of(n) for n in ns], axis=0)
        if right.sum() < 8 or (shown & leaked).sum() < 5:
            continue
        named: list[int] = []
        wanted, avoided = WeightedVector(lib.words[a]), [WeightedVector(lib.words[n]) for n in ns]
        if kind.startswith("picture"):
            wanted = picture(lib, lib.surely(a) & leaked, rng, named)
        if "- picture" in kind:
            avoided = [picture(lib, lib.surely(n) & lib.free_of(a), rng, named) for n in ns]
        if all(part is not None for part in (wanted, *avoided)):
            yield Case(wanted, avoided, right, leaked, shown, named)


def grouped(
    asked: list[tuple[str, str]], several: int, rng: np.random.Generator
) -> Iterator[tuple[str, list[str]]]:
    """Yield each pair, or four choices of `several` things that are excluded from each A."""
    if several == 1:
        yield from ((a, [n]) for a, n in asked)
        return
    for a in dict.fromkeys(a for a, _ in asked):
        others = [n for wanted, n in asked if wanted == a]
        if len(others) >= several:
            yield from ((a, list(rng.choice(others, several, replace=False))) for _ in range(4))


def picture(
    lib: Library, among: Flags, rng: np.random.Generator, named: list[int]
) -> WeightedVector:
    places = np.flatnonzero(among)
    if not len(places):
        return None  # type: ignore[return-value]  # checked by the caller
    named.append(int(rng.choice(places)))
    return WeightedVector(lib.photos[named[-1]], by_picture=True)


KINDS = (
    "words - words",
    "words - words 2",
    "words - words 3",
    "words - picture",
    "picture - words",
)


def figures(lib: Library, found: list[Case], way: Way) -> NDArray[np.float64]:
    """Return the mean shares of right, leaked and wanted photos among the first ten."""
    rows = []
    for case in found:
        scores = way(lib, case.wanted, case.avoided).copy()
        scores[case.named] = -np.inf
        first = np.argsort(-scores, kind="stable")[:FIRST]
        rows.append([flags[first].mean() for flags in (case.right, case.leaked, case.shown)])
    return np.asarray(np.mean(rows, axis=0))


def report(name: str, lib: Library, asked: list[tuple[str, str]]) -> None:
    sets = {kind: list(cases(lib, asked, kind)) for kind in KINDS}
    print(f"\n{name}, {len(lib.photos)} photos; % right / leaked / wanted of the first ten")
    print(f"{'':37s}" + " ".join(f"{f'{kind} ({len(sets[kind])})':>20s}" for kind in KINDS))
    for title, way in WAYS.items():
        cells = [figures(lib, sets[kind], way) * 100 for kind in KINDS]
        shown = " ".join(f"{a:11.0f} /{b:3.0f} /{c:3.0f}" for a, b, c in cells)
        print(f"{title:37s}{shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--choose", action="store_true", help="print the other half")
    options = parser.parse_args()
    model = load_model(options.model)
    everything = read(options.captions, model, options.cache)
    asked = pairs(everything, 0 if options.choose else 1)
    unseen, seen = np.flatnonzero(everything.dev), np.flatnonzero(~everything.dev)
    if options.choose:
        report("train", everything.library(seen), asked)
        few = np.random.default_rng(0).choice(seen, 500, replace=False)
        report("500 of train", everything.library(few), asked)
        return
    report("all", everything.library(np.arange(len(everything.dev))), asked)
    report("dev", everything.library(unseen), asked)


if __name__ == "__main__":
    main()
