"""Measures how well a tag learns from examples, by scorer, and how long a re-rank takes.

    python -m benchmarks.lessons CAPTIONS [--cache FILE] [--seeds 5] [--timing 100000]

CAPTIONS is a folder with `captions.csv` (image, split, caption) and `images/`. A photo shows a
concept if two captions name it. The figures are mean average precisions on the photos that were
not answered, over concepts that enough photos show, but not most. The starter model was trained on
the split `train`, which flatters the words there; `dev` is new to it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
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
from benchmarks.concept_labels import CONCEPTS, Collection, Library, read  # noqa: E402
from benchmarks.starter_retrieval import load_model  # noqa: E402
from search.relevance.background import Vector, Vectors  # noqa: E402
from search.understanding.labels import cuts  # noqa: E402
from search.understanding.lessons.answers import Answers  # noqa: E402
from search.understanding.lessons.direction import Direction, direction  # noqa: E402
from search.understanding.lessons.ranking import SAMPLE, SURE, rank  # noqa: E402
from search.understanding.library_vectors import LibraryVectors  # noqa: E402
from search.vectors.embedders.catalog import STARTER_KEY  # noqa: E402

Truth = NDArray[np.bool_]

FEWEST, MOST_SHARE = 25, 0.6
"""Photos that show a concept at least, and the share of the library at most."""
TRAIN = 2000
"""Photos of the training split that make up the second library."""


def average_precision(truth: Truth, scores: Vector) -> float:
    right = truth[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(right) / np.arange(1, len(right) + 1))[right].mean())


def z(scores: Vector) -> Vector:
    standard: Vector = (scores - scores.mean()) / max(float(scores.std()), 1e-6)
    return standard


# --- scorers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """A concept to teach: photos (n, dim), its words, and places of the answers."""

    photos: Vectors
    words: Vector
    yes: list[int]
    no: list[int]


def by_words(task: Task) -> Vector:
    return task.photos @ task.words


def by_examples(task: Task) -> Vector:
    shown: Vector = task.photos[task.yes].mean(axis=0) - task.photos.mean(axis=0)
    return task.photos @ shown


def by_sum(task: Task) -> Vector:
    return z(by_words(task)) + z(by_examples(task))


def by_difference(task: Task) -> Vector:
    """What a plain classifier learns: mean of the yeses less mean of the noes."""
    others = task.photos[task.no].mean(axis=0) if task.no else task.photos.mean(axis=0)
    between: Vector = task.photos[task.yes].mean(axis=0) - others
    return task.photos @ between


def by_lesson(task: Task) -> Vector:
    learnt = direction(task.photos[:SAMPLE], task.photos[task.yes], task.words)
    assert learnt is not None
    return learnt.line.of(task.photos)


SCORERS: dict[str, Callable[[Task], Vector]] = {
    "words": by_words,
    "examples": by_examples,
    "sum of z": by_sum,
    "yes - no": by_difference,
    "lesson": by_lesson,
}


# --- how the answers come about -------------------------------------------------------------------

Situation = tuple[str, int, int, str]
SITUATIONS: tuple[Situation, ...] = (
    ("1 yes", 1, 0, ""),
    ("2 yes", 2, 0, ""),
    ("5 yes", 5, 0, ""),
    ("5 yes, 3 no from the top", 5, 3, ""),
    ("8 yes, 8 no from the top", 8, 8, ""),
    ("20 yes, 20 no from the top", 20, 20, ""),
    ("5 yes from the top of the words", 5, 0, "top"),
    ("5 yes, then 6 rounds of the 4 best", 5, 0, "rounds"),
    ("another word, 2 yes", 2, 0, "wrong"),
    ("another word, 5 yes, 3 no from the top", 5, 3, "wrong"),
    ("another word, 8 yes, 8 no from the top", 8, 8, "wrong"),
    ("a word half understood, 5 yes", 5, 3, "vague"),
)


def concepts(library: Library) -> Iterator[str]:
    for concept in CONCEPTS:
        shown = int(library.shows(concept).sum())
        if FEWEST <= shown <= MOST_SHARE * len(library.photos):
            yield concept


def words_for(library: Library, concept: str, how: str, rng: np.random.Generator) -> Vector:
    words = library.words[concept]
    if how == "wrong":
        truth = library.shows(concept)
        others = [
            other
            for other in concepts(library)
            if abs(np.corrcoef(truth, library.shows(other))[0, 1]) < 0.1
        ]
        return library.words[str(rng.choice(others))]
    if how == "vague":
        noise = rng.normal(size=len(words)) / np.sqrt(len(words))
        mixed = np.asarray(words + 1.5 * noise, np.float32)
        return mixed / np.linalg.norm(mixed)
    return words


def top_noes(task: Task, truth: Truth, count: int) -> list[int]:
    """Return the best photos that do not show it, as a queue from the top asks about them."""
    order = np.argsort(-by_lesson(task), kind="stable")
    return [int(place) for place in order if not truth[place]][:count]


def task_of(
    library: Library, concept: str, situation: Situation, rng: np.random.Generator
) -> Task | None:
    _title, many, refused, how = situation
    truth = library.shows(concept)
    shown = np.flatnonzero(truth)
    if len(shown) < many + 10:
        return None
    words = words_for(library, concept, how, rng)
    if how == "top":
        order = np.argsort(-(library.photos @ words), kind="stable")
        yes = [int(place) for place in order if truth[place]][:many]
    else:
        yes = [int(place) for place in rng.choice(shown, many, replace=False)]
    task = Task(library.photos, words, yes, [])
    if refused:
        return Task(library.photos, words, yes, top_noes(task, truth, refused))
    for _round in range(6 if how == "rounds" else 0):
        order = np.argsort(-by_lesson(task), kind="stable")
        open_ = [int(place) for place in order if place not in {*task.yes, *task.no}][:4]
        more = [place for place in open_ if truth[place]]
        less = [place for place in open_ if not truth[place]]
        task = Task(task.photos, words, [*task.yes, *more], [*task.no, *less])
    return task


def table(library: Library, seeds: int) -> None:
    print(f"{'':42}" + "".join(f"{name:>10}" for name in SCORERS) + "   lesson below words by")
    for situation in SITUATIONS:
        found: dict[str, list[float]] = defaultdict(list)
        for seed in range(1 if situation[3] == "top" else seeds):
            rng = np.random.default_rng(seed)
            for concept in concepts(library):
                task = task_of(library, concept, situation, rng)
                if task is None:
                    continue
                truth = library.shows(concept)
                rest = truth | library.free_of(concept)
                rest[[*task.yes, *task.no]] = False
                if truth[rest].sum() < 3:
                    continue
                for name, scorer in SCORERS.items():
                    found[name].append(average_precision(truth[rest], scorer(task)[rest]))
        means = "".join(f"{np.mean(found[name]):10.3f}" for name in SCORERS)
        loss = np.array(found["words"]) - np.array(found["lesson"])
        print(f"{situation[0]:42}{means}   {np.mean(loss > 0.02):.0%} of the time over 0.02")


# --- the cut --------------------------------------------------------------------------------------


def stored(photos: Vectors) -> LibraryVectors:
    """Return photos as the gallery keeps them."""
    with tempfile.TemporaryFile() as file:
        photos.astype("<f2").tofile(file)
        kept = np.memmap(file, "<f2", "r", shape=photos.shape)
    ids = np.array([f"{place:032x}".encode() for place in range(len(photos))])
    return LibraryVectors(ids, photos.shape[1], "", kept, np.arange(len(photos)))


def answers_of(library: LibraryVectors, yes: list[int], no: list[int]) -> Answers:
    ids = library.photo_ids
    return Answers(ids(yes), ids(no), frozenset(ids(yes)), {})


def precision(library: Library, seeds: int) -> None:
    """Print how many of the sure photos are right, after answers to strips of the product."""
    kept = stored(library.photos)
    print(f"{'answers':42}{'sure':>10}{'right':>10}{'border':>10}{'right':>10}")
    for how in ("", "wrong"):
        for strips in (0, 1, 3):
            totals = np.zeros(4)
            count = 0
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                for concept in concepts(library):
                    task = task_of(library, concept, ("", 5, 0, how), rng)
                    if task is None:
                        continue
                    totals += _sure(library, kept, concept, task, strips)
                    count += 1
            sure, right, border, shown = totals
            title = f"{'another word, ' if how else ''}5 yes and {strips} strips of 8"
            print(
                f"{title:42}{sure / count:10.1f}{right / max(sure, 1):10.0%}"
                f"{border / count:10.1f}{shown / max(border, 1):10.0%}"
            )


def _sure(
    library: Library, kept: LibraryVectors, concept: str, task: Task, strips: int
) -> NDArray[np.float64]:
    truth = library.shows(concept)
    yes, no = list(task.yes), list(task.no)
    for turn in range(strips + 1):
        learnt = _learn(kept, yes, task.words)
        found = rank(kept, learnt, task.words, answers_of(kept, yes, no), library.background)
        if turn == strips:
            break
        best = [int(place) for place in found.order[:4]]
        known = found.known.copy()
        known[best] = True
        for place in [*best, *cuts.to_ask(found.scores, found.cut, known, 4)]:
            (yes if truth[place] else no).append(place)
    sure = found.is_sure
    border = ~found.known & ~sure & (found.probabilities >= 0.3)
    return np.array([sure.sum(), truth[sure].sum(), border.sum(), truth[border].sum()], float)


def _learn(kept: LibraryVectors, yes: list[int], words: Vector) -> Direction:
    learnt = direction(kept.sample(SAMPLE), kept.vectors(yes), words)
    assert learnt is not None
    return learnt


# --- time -----------------------------------------------------------------------------------------


def timing(library: Library, many: int) -> None:
    """Print how long a re-rank of many photos takes, with 20 yes, 20 no and 200 of each."""
    rng = np.random.default_rng(0)
    photos = rng.normal(size=(many, library.photos.shape[1])).astype(np.float32)
    photos /= np.linalg.norm(photos, axis=1, keepdims=True)
    kept = stored(photos)
    words = library.words["dog"]
    for count in (20, 200):
        places = rng.choice(many, 2 * count, replace=False).tolist()
        answers = answers_of(kept, places[:count], places[count:])
        took = []
        for _try in range(7):
            wall, cpu = time.perf_counter(), time.process_time()
            learnt = _learn(kept, places[:count], words)
            rank(kept, learnt, words, answers, library.background).order[:12]
            took.append((time.perf_counter() - wall, time.process_time() - cpu))
        wall_ms, cpu_ms = (1000 * np.median(column) for column in zip(*took, strict=True))
        print(f"{many:,} photos, {count} yes, {count} no: {wall_ms:.0f} ms, {cpu_ms:.0f} ms CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captions", type=Path, help="folder with captions.csv and images/")
    parser.add_argument("--cache", type=Path, help="file that keeps the embeddings (.npz)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--timing", type=int, default=100_000, help="photos to rank; 0 for none")
    options = parser.parse_args()
    collection = read(options.captions, load_model(STARTER_KEY), options.cache)
    for split, library in libraries(collection):
        print(f"\n{split}: {len(library.photos)} photos, {options.seeds} seeds, SURE {SURE}")
        table(library, options.seeds)
        precision(library, options.seeds)
    if options.timing:
        timing(library, options.timing)


def libraries(collection: Collection) -> Iterator[tuple[str, Library]]:
    """Yield the photos that are new to the starter model, then some that it was trained on."""
    yield "dev", collection.library(np.flatnonzero(collection.dev))
    train = np.random.default_rng(0).permutation(np.flatnonzero(~collection.dev))[:TRAIN]
    yield "train", collection.library(np.sort(train))


if __name__ == "__main__":
    main()
