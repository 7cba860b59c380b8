"""How well labels fit photos: one-of sets, any-of sets, what answers add, and what it costs.

    python -m benchmarks.labels --captions DIR --photos DIR [--cache FILE] [--speed]

The first folder holds `captions.csv` (image, split, caption) and `images/`; only photos of the
split "dev" are used, which the starter model has not seen. A photo shows a concept of
`benchmarks.concept_labels` if two of its captions say it. The second folder holds photos of one
thing each, named after it (`tiger_shark.jpg`). `--cache` keeps the embeddings (.npz). `--speed`
only measures 100 labels on 100,000 made-up photos.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import resource
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import django
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
django.setup()

# What is measured is the code of the gallery, which needs its settings.
from benchmarks.concept_labels import CONCEPTS, background_of, embedded  # noqa: E402
from benchmarks.starter_retrieval import embed_files, load_model, texts_of  # noqa: E402
from search.relevance.background import Vector, Vectors, nouns  # noqa: E402
from search.understanding.grounds import Grounds  # noqa: E402
from search.understanding.labels import cuts, exclusive, scoring  # noqa: E402
from search.understanding.library_vectors import LibraryVectors  # noqa: E402
from search.vectors.embedders.catalog import STARTER_KEY  # noqa: E402

STYLES = {
    "bare name": "{}",
    "This is a photo of": "This is a photo of {}",
    "a photo of a": "a photo of a {}",
    "there is a": "there is a {} in the picture",
    "a close-up photo of a": "a close-up photo of a {}",
}
LEAST = 10
"""Photos that must show a concept for it to be measured."""
SKEWED = 100
"""Libraries of 10 kinds, of which one has half of the photos; a kind is one photo with noise."""
NOISE = 0.7 / np.sqrt(512)
COMMON = np.linspace(-0.1, 0.5, 241)
"""Common cuts that are tried, for the one that is best in hindsight."""

Truth = NDArray[np.bool_]


@dataclass(frozen=True)
class Data:
    """Unit vectors: `kinds` (k, dim) and their names in each style, (k, dim); `dev` (n, dim),
    what of it is true, (concepts, n), the concepts' texts (concepts, dim), and the texts and nouns
    that Scry compares with.
    """

    kinds: Vectors
    styles: dict[str, Vectors]
    dev: Vectors
    truth: Truth
    concepts: Vectors
    texts: Vectors
    nouns: Vectors


def read(captions: Path, photos: Path, cache: Path | None) -> Data:
    said: dict[str, list[str]] = defaultdict(list)
    with (captions / "captions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "dev":
                said[row["image"]].append(row["caption"].lower())
    truth = np.zeros((len(CONCEPTS), len(said)), bool)
    for place, pattern in enumerate(CONCEPTS.values()):
        found = re.compile(rf"\b(?:{pattern})\b")
        truth[place] = [sum(bool(found.search(one)) for one in each) >= 2 for each in said.values()]
    files = sorted(photos.glob("*.jpg"))
    kept = _kept(cache, lambda: _embedded(captions, files, list(said)))
    styles = {name: kept[name] for name in [*STYLES, "Scry's wordings"]}
    return Data(
        kept["kinds"], styles, kept["dev"], truth, kept["concepts"], kept["texts"], kept["nouns"]
    )


def _kept(cache: Path | None, make: Callable[[], dict[str, Vectors]]) -> dict[str, Vectors]:
    if cache and cache.is_file():
        return dict(np.load(cache))
    made = make()
    if cache:
        np.savez(cache, allow_pickle=False, **made)
    return made


def _embedded(captions: Path, files: list[Path], dev: list[str]) -> dict[str, Vectors]:
    model = load_model(STARTER_KEY)
    names = [path.stem.replace("_", " ") for path in files]
    made = {
        "kinds": embed_files(model, files),
        "dev": embed_files(model, [captions / "images" / name for name in dev]),
        "concepts": texts_of(model, list(CONCEPTS)),
        "texts": background_of(model),
        "nouns": embedded(model.embed_texts, [noun for noun, _kinds in nouns()]),
        "Scry's wordings": texts_of(model, names),
    }
    for style, template in STYLES.items():
        texts = [template.format(name) for name in names]
        rows = [model.embed_texts(texts[at : at + 32]) for at in range(0, len(texts), 32)]
        made[style] = np.concatenate(rows)
    return made


# --- one of ---------------------------------------------------------------------------------------


def z_scores(cosines: Vectors) -> Vectors:
    found: Vectors = (cosines - cosines.mean(axis=0)) / (cosines.std(axis=0) + 1e-6)
    return found


def top(scores: Vectors, gold: NDArray[np.intp]) -> float:
    return float((scores.argmax(axis=1) == gold).mean())


def calibration(probabilities: Vectors, gold: NDArray[np.intp]) -> float:
    """Return the expected calibration error of the first label, in ten bins."""
    claimed, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == gold
    bins = np.minimum((claimed * 10).astype(int), 9)
    gaps = [abs(claimed[bins == b].mean() - right[bins == b].mean()) for b in set(bins.tolist())]
    weights = [float((bins == b).mean()) for b in set(bins.tolist())]
    return float(np.dot(gaps, weights))


def tell_one_of(data: Data) -> None:
    unit = Grounds(data.kinds, data.texts).unit
    rng = np.random.default_rng(0)
    count = len(data.kinds)
    halves = [rng.choice(count, count // 2, replace=False) for _ in range(5)]
    skew = np.array([0.5, 0.2, 0.1, 0.05, 0.05, 0.04, 0.03, 0.01, 0.01, 0.01])
    tens = [
        (rng.choice(count, 10, replace=False), rng.choice(10, 300, p=skew)) for _ in range(SKEWED)
    ]

    def row(name: str, texts: Vectors, score: Callable[[Vectors], Vectors]) -> float:
        scores = data.kinds @ texts.T
        whole = top(score(scores), np.arange(count))
        half = np.mean([top(score(scores[some]), some) for some in halves])
        skewed = []
        for seed, (labels, kinds) in enumerate(tens):
            plain = data.kinds[labels][kinds]
            photos = plain + np.random.default_rng(seed).normal(0, NOISE, plain.shape)
            photos = photos / np.linalg.norm(photos, axis=1, keepdims=True)
            skewed.append(top(score((photos @ texts[labels].T).astype(np.float32)), kinds))
        print(f"{name:34}{100 * whole:11.1f}{100 * half:14.1f}{100 * np.mean(skewed):16.1f}")
        return whole

    print(f"\none of, % right{'':19}{count:>5} kinds  half present   skewed library")
    alone = [row(name, texts, lambda cosines: cosines) for name, texts in data.styles.items()]
    worded = data.styles["Scry's wordings"]
    row("the same, less mean, over sigma", worded, z_scores)
    ours = row("Scry", worded, lambda cosines: exclusive.choice(cosines, unit).scores(cosines))
    print(f"ahead of the best style alone by {100 * (ours - max(alone)):.1f} points")
    for kinds in (10, 50, count):
        errors = []
        for _turn in range(500 // kinds):
            some = rng.choice(count, kinds, replace=False)
            cosines = data.kinds[some] @ worded[some].T
            errors.append(exclusive.choice(cosines, unit).probabilities(cosines))
        gold = np.tile(np.arange(kinds), len(errors))
        print(
            f"calibration error with {kinds} kinds {calibration(np.concatenate(errors), gold):.3f}"
        )


# --- any of ---------------------------------------------------------------------------------------


def f1(truth: Truth, found: Truth) -> float:
    return float(2 * (truth & found).sum() / max(truth.sum() + found.sum(), 1))


@dataclass(frozen=True)
class Judged:
    """Of one concept: F1 of the cut, and what precision it shows and has."""

    f1: float
    shown: float
    true: float
    found: int


def after(grounds: Grounds, label: Vector, scores: Vector, truth: Truth, answers: int) -> Judged:
    """Judge a concept after answers to what the page asks, four at a time."""
    default = cuts.default_cut(grounds, label)
    known, cut = np.zeros(len(scores), bool), default
    for _round in range(answers // 4):
        known[cuts.to_ask(scores, cut, known, 4)] = True
        said = truth[known].tolist()
        cut = cuts.cut_after(grounds.unit, default, scores, scores[known].tolist(), said)
    curve = cuts.fit(grounds.unit, default, scores[known].tolist(), truth[known].tolist())
    has = scores >= cut
    shown = float(curve.probabilities(scores)[has].mean()) if has.any() else 0.0
    return Judged(f1(truth, has), shown, float(truth[has].mean()) if has.any() else 0.0, has.sum())


def tell_any_of(data: Data) -> None:
    usable = np.flatnonzero(data.truth.sum(axis=1) >= LEAST)
    grounds = Grounds(data.dev, data.texts, data.nouns)
    scores = (data.dev @ data.concepts[usable].T).T
    truth = data.truth[usable]
    common = [np.mean([f1(t, s >= cut) for t, s in zip(truth, scores, strict=True)])
              for cut in COMMON]  # fmt: skip
    own = [max(f1(t, s >= cut) for cut in s) for t, s in zip(truth, scores, strict=True)]
    print(f"\nany of, {len(usable)} concepts{'':14}macro-F1  shown precision  true   apart")
    print(f"{'best common cut, in hindsight':34}{max(common):9.3f}")
    print(f"{'best cut of each, in hindsight':34}{np.mean(own):9.3f}")
    for answers in (0, 8, 16, 24):
        rows = [
            after(grounds, data.concepts[place], scores[at], truth[at], answers)
            for at, place in enumerate(usable)
        ]
        # Over all photos above a cut, so that a label with few counts as much as it shows.
        weights = [row.found for row in rows]
        shown = np.average([row.shown for row in rows], weights=weights)
        true = np.average([row.true for row in rows], weights=weights)
        apart = np.mean([abs(row.shown - row.true) for row in rows])
        name = f"Scry after {answers} answers" if answers else "Scry without answers"
        print(
            f"{name:34}{np.mean([row.f1 for row in rows]):9.3f}{shown:17.3f}{true:6.3f}"
            f"{apart:8.3f} by label"
        )


# --- what it costs --------------------------------------------------------------------------------


def tell_speed(texts: Vectors | None, photos: int = 100_000, labels: int = 100) -> None:
    rng = np.random.default_rng(0)

    def unit(count: int) -> Vectors:
        rows = rng.normal(0, 1, (count, 512)).astype(np.float32)
        rows += rng.normal(0, 0.5, 512).astype(np.float32)
        found: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return found

    stored = np.concatenate([unit(10_000).astype(np.float16) for _ in range(photos // 10_000)])
    ids = np.array([uuid4().hex for _ in range(photos)], "S32")
    library = LibraryVectors(ids, 512, "", stored, np.arange(photos))
    grounds = Grounds(library.sample(600), texts if texts is not None else unit(1000))
    wanted = [scoring.Wanted(uuid4(), vector) for vector in unit(labels)]
    print()
    for name, found in (
        ("any of", scoring.any_of(library, grounds, wanted)),
        ("one of", scoring.one_of(library, grounds.unit, wanted)),
    ):
        began, cpu = time.monotonic(), time.process_time()
        for _label in found:
            pass
        spent = time.process_time() - cpu
        print(f"{labels} labels on {photos:,} photos, {name}: {spent:.2f} s of CPU,"
              f" {time.monotonic() - began:.2f} s by the clock")  # fmt: skip
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory at most {memory:.0f} MB, {stored.nbytes / 1e6:.0f} MB of it the vectors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--speed", action="store_true")
    asked = parser.parse_args()
    if not asked.speed:
        if not asked.captions or not asked.photos:
            parser.error("--captions and --photos are needed, or --speed")
        data = read(asked.captions, asked.photos, asked.cache)
        tell_one_of(data)
        tell_any_of(data)
    tell_speed(None)


if __name__ == "__main__":
    main()
