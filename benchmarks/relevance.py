"""Compare the bands with simpler rules at separating what a library has from what it lacks.

    python -m benchmarks.relevance --captions DIR --photos DIR [--model KEY] [--cache FILE]

The folders are those of `benchmarks.starter_retrieval`. Nothing is fitted here. The simpler rules
get the cut-off that keeps out 85 % of the concepts that both libraries lack, which no real library
could know; the bands know only the library. `--cache` keeps the photos' embeddings (.npz).
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.starter_retrieval import dev_captions, embed_files, load_model, texts_of
from search.relevance import TOP, Background, find_bands
from search.relevance.bands import background_texts
from search.vectors.embedders.base import Vectors
from search.vectors.embedders.open_clip import OpenClipEmbedder

HERE = Path(__file__).parent
NONSENSE = [
    "asdf qwer",
    "qwertyuiop",
    "lorem ipsum dolor",
    "foo bar baz",
    "123456",
    "zzzz",
    "null",
    "IMG_2231",
    "???",
    "of and to",
    "tuesday",
    "epistemology",
    "quarterly revenue",
    "sqrt(2)",
    "hjkl",
    "krzt",
]
SMALL = (20, 50, 150)
KEPT_OUT = 0.85

Scores = NDArray[np.float32]


@dataclass
class Library:
    """Photos as unit vectors, random ones first, and what queries are compared with."""

    name: str
    photos: Vectors
    background: Background


@dataclass
class Case:
    """A query; `right` are the photos that show it, none if the library lacks it."""

    group: str
    library: Library
    query: NDArray[np.float32]
    right: list[int]
    removed: list[int]
    """Photos to remove from the library, so that it lacks what the query asks for."""

    def photos(self) -> Vectors:
        return np.delete(self.library.photos, self.removed, axis=0)


def lines(name: str) -> list[str]:
    return (HERE / name).read_text("utf-8").split("\n")[:-1]


def library(name: str, photos: Vectors, words: Vectors) -> Library:
    shuffled = np.random.default_rng(0).permutation(len(photos))
    return Library(name, photos, Background(words, photos[shuffled]))


def says(noun: str, caption: str) -> bool:
    return re.search(rf"\b{noun}\b", caption.lower()) is not None


def kind_cases(model: OpenClipEmbedder, names: list[str], lib: Library) -> Iterator[Case]:
    for place, row in enumerate(texts_of(model, names)):
        yield Case(f"{lib.name}: its kinds", lib, row, [place], [])
        yield Case(f"{lib.name}: a kind taken out", lib, row, [], [place])


def absent_cases(model: OpenClipEmbedder, known: str, lib: Library) -> Iterator[Case]:
    """Yield the concepts of which no word is in the texts about the library."""
    found = lines("relevance_absent.txt")
    away = [
        concept for concept in found if not any(says(re.escape(w), known) for w in concept.split())
    ]
    for group, wanted in (("absent concepts", away), ("nonsense", list(NONSENSE))):
        for row in texts_of(model, wanted):
            yield Case(f"{lib.name}: {group}", lib, row, [], [])


def noun_cases(nouns: Vectors, said: NDArray[np.intp], lib: Library) -> Iterator[Case]:
    """Yield nouns that two captions of a photo say; `said` (nouns, photos) counts captions."""
    for row, counts in zip(nouns, said, strict=True):
        right = np.flatnonzero(counts >= 2).tolist()
        removed = np.flatnonzero(counts).tolist()
        if right:
            yield Case(f"{lib.name}: its nouns", lib, row, right, [])
        if right and len(removed) < len(lib.photos) // 10:
            yield Case(f"{lib.name}: a noun taken out", lib, row, [], removed)


def top(case: Case) -> tuple[Scores, Vectors, float]:
    """Return all scores, the first photos, and the score of the first right one (or the best)."""
    photos = case.photos()
    scores = photos @ case.query
    order = np.argsort(-scores)[:TOP]
    own = scores[case.right].max() if case.right else scores.max()
    return scores, photos[order], float(own)


def spread_z(scores: Scores, own: float) -> float:
    middle = float(np.median(scores))
    return (own - middle) / (1.4826 * float(np.median(np.abs(scores - middle))) + 1e-6)


RULES: dict[str, Callable[[Case, Scores, Vectors, float], float]] = {
    "flat cosine": lambda _case, _scores, _top, own: own,
    "mean and sigma": lambda _case, s, _top, own: (own - float(s.mean())) / float(s.std()),
    "median and MAD": lambda _case, s, _top, own: spread_z(s, own),
    "expected maximum": lambda _case, s, _top, own: (
        (own - float(s.mean())) / float(s.std()) - float(np.sqrt(2 * np.log(len(s))))
    ),
    "gap to the 10th": lambda _case, s, _top, own: own - float(np.sort(s)[-min(10, len(s))]),
}


def judged(cases: list[Case]) -> dict[str, list[tuple[bool, bool, bool, float]]]:
    """Return per group and query: the first right photo kept, anything kept, any Strong, ms."""
    result: dict[str, list[tuple[bool, bool, bool, float]]] = {}
    for case in cases:
        scores, first, own = top(case)
        started = time.perf_counter()
        bands = find_bands(case.library.background, case.query, first, total=len(scores))
        took = (time.perf_counter() - started) * 1000
        row = (own >= bands.likely, not bands.is_empty, own >= bands.strong, took)
        result.setdefault(case.group, []).append(row)
    return result


def ruled(cases: list[Case]) -> dict[str, dict[str, float]]:
    """Return per rule and group the share of first photos above the rule's one cut-off."""
    tops = [top(case) for case in cases]
    groups = np.array([case.group for case in cases])
    absent = np.array(["absent concepts" in group for group in groups])
    shares: dict[str, dict[str, float]] = {}
    for name, rule in RULES.items():
        values = np.array([rule(case, *found) for case, found in zip(cases, tops, strict=True)])
        kept = values > np.quantile(values[absent], KEPT_OUT)
        shares[name] = {
            group: float(kept[groups == group].mean()) for group in dict.fromkeys(groups)
        }
    return shares


def all_cases(
    model: OpenClipEmbedder, options: argparse.Namespace, dev: Vectors, things: Vectors
) -> tuple[list[Case], list[Case]]:
    """Return the cases of the two libraries, and those of small ones."""
    words = texts_of(model, list(background_texts()))
    _, captions, gold = dev_captions(options.captions)
    names = [p.stem.replace("_", " ") for p in sorted(options.photos.glob("*.jpg"))]
    scenes, kinds = library("scenes", dev, words), library("kinds", things, words)
    nouns = lines("relevance_nouns.txt")
    said = np.zeros((len(nouns), len(dev)), np.intp)
    for caption, photo in zip(captions, gold, strict=True):
        for place, noun in enumerate(nouns):
            said[place, photo] += says(noun, caption)
    rows = texts_of(model, nouns)
    cases = [*kind_cases(model, names, kinds), *absent_cases(model, " ".join(names), kinds)]
    cases += [*noun_cases(rows, said, scenes), *absent_cases(model, " ".join(captions), scenes)]
    for place, row in list(zip(gold, texts_of(model, captions), strict=True))[::5]:
        cases.append(Case("scenes: its captions", scenes, row, [int(place)], []))
    small: list[Case] = []
    for size in SMALL:
        chosen = np.random.default_rng(size).choice(len(dev), size, replace=False)
        few = library(f"{size} scenes", dev[chosen], words)
        small += noun_cases(rows, said[:, chosen], few)
        small += absent_cases(model, " ".join(captions), few)
    return cases, small


def report(cases: list[Case], small: list[Case]) -> None:
    shares = ruled(cases)
    found = judged([*cases, *small])
    print(f"{'':32s}{'n':>5s} " + " ".join(f"{name:>17s}" for name in RULES), end=" ")
    print(f"{'bands: first kept':>18s} {'any':>6s} {'Strong':>7s} {'ms':>5s}")
    for group, rows in found.items():
        figures = np.array(rows, float).mean(axis=0)
        simple = [
            f"{shares[name][group]:>17.0%}" if group in shares[name] else " " * 17 for name in RULES
        ]
        print(f"{group:32s}{len(rows):5d} " + " ".join(simple), end=" ")
        print(f"{figures[0]:>18.0%} {figures[1]:>6.0%} {figures[2]:>7.0%} {figures[3]:>5.1f}")


def photos_of(model: OpenClipEmbedder, options: argparse.Namespace) -> tuple[Vectors, Vectors]:
    if options.cache and options.cache.is_file():
        kept = np.load(options.cache)
        return kept["dev"], kept["things"]
    dev = embed_files(model, dev_captions(options.captions)[0])
    things = embed_files(model, sorted(options.photos.glob("*.jpg")))
    if options.cache:
        np.savez(options.cache, dev=dev, things=things)
    return dev, things


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    model = load_model(options.model)
    dev, things = photos_of(model, options)
    report(*all_cases(model, options, dev, things))


if __name__ == "__main__":
    main()
