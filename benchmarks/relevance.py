"""Measure whether the bands tell what a library has from what it lacks, and fit them.

    python -m benchmarks.relevance --captions DIR --photos DIR [--model KEY] [--cache FILE] [--fit]

The folders are those of `benchmarks.starter_retrieval`. Libraries are 500 photos of kinds of things
("kinds") and 500 photos of people, dogs and sport ("scenes"). `relevance_kinds.txt` says which
general words of WordNet are true of a kind. `--fit` fits the numbers of
`search.relevance.evidence` anew, prints how well they do on words they were not fitted on, and
writes those that are fitted on all words. Without it, libraries of one thing are measured too.
`--cache` keeps embeddings (.npz).
"""

from __future__ import annotations

import argparse
import re
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.starter_retrieval import dev_captions, embed_files, load_model, texts_of
from search.relevance import TOP, Background, evidence, find_bands
from search.relevance.background import background_texts, nouns
from search.vectors.embedders.base import Vectors
from search.vectors.embedders.open_clip import OpenClipEmbedder

HERE = Path(__file__).parent
FITTED = Path(evidence.__file__)


def lines(name: str) -> list[str]:
    return (HERE / name).read_text("utf-8").split("\n")[:-1]


EVERYDAY = lines("relevance_general.txt")
"""The general words among those of `relevance_kinds.txt` that people use."""
PRESENT = ("kinds: names", "kinds: general words", "scenes: nouns")
ABSENT = ("kinds: absent", "scenes: absent")
KINDS = PRESENT[:2]
DENIED = (0.6, 0.7)
"""The least and the aimed-at share of absent things that are denied."""
KEPT, STRONG_RIGHT, LIKELY_RIGHT = 0.8, 0.8, 0.5
"""The share of names whose kind should be found, and of the hits of a band that should be right."""
LEAST_STRONG = 0.2
"""The least share of the matches that are Strong."""
LOWER = np.arange(0, 1.55, 0.1)
"""By how much less evidence a further hit may have than the best one needs."""
SCENES_WEIGHT = 0.3
"""What a photo of the scenes counts in the fit, as captions do not mention all that it shows."""
SURELY = 0.004
"""The share of present things of which the page may say that they are absent."""

Mask = NDArray[np.bool_]
Odds = NDArray[np.float64]


@dataclass
class Words:
    """Queries of one sort: `vectors` (q, dim); `right` (q, photos) says which photos show them.

    `removed` are photos that are taken out of the library.
    """

    group: str
    texts: Sequence[str]
    vectors: Vectors
    photos: Vectors
    right: Mask
    removed: Mask | None = None


@dataclass
class Judged:
    """The first hits of the queries: features (q, k, 4), whether right (q, k), rights in all."""

    features: NDArray[np.float64]
    right: Mask
    counts: NDArray[np.intp]
    half: NDArray[np.intp]


def says(noun: str, caption: str) -> bool:
    return re.search(rf"\b{noun}\b", caption.lower()) is not None


def kinds() -> dict[str, set[str]]:
    """Return the kinds, in the order of the photos' names, each with its general words."""
    pairs = (line.split(":") for line in lines("relevance_kinds.txt"))
    return {kind: {kind, *general.strip().split(", ")} - {""} for kind, general in pairs}


# --- queries --------------------------------------------------------------------------------------


class Corpus:
    """Photos and queries, embedded once and kept in a file."""

    def __init__(self, model: Callable[[], OpenClipEmbedder], cache: Path | None) -> None:
        self._model, self._cache = model, cache
        self._known: dict[str, Vectors] = {}
        if cache and cache.is_file():
            self._known = dict(np.load(cache))

    def keep(self, name: str, make: Callable[[OpenClipEmbedder], Vectors]) -> Vectors:
        if name not in self._known:
            self._known[name] = make(self._model())
            if self._cache:
                np.savez(self._cache, **self._known)  # type: ignore[arg-type]
        return self._known[name]

    def texts(self, name: str, found: Sequence[str]) -> Vectors:
        name = f"{name}-{zlib.crc32(chr(10).join(found).encode())}"
        return self.keep(name, lambda model: texts_of(model, list(found)))


def missing(known: str) -> list[str]:
    """Return the concepts of which no word is in the texts about a library."""
    return [
        concept
        for concept in lines("relevance_absent.txt")
        if not any(says(re.escape(word), known) for word in concept.split())
    ]


def kind_words(corpus: Corpus, photos: Vectors) -> list[Words]:
    truth = kinds()
    found = []
    for group, texts in ((KINDS[0], list(truth)), (KINDS[1], EVERYDAY)):
        right = np.array([[text in true for true in truth.values()] for text in texts])
        rows = corpus.texts(group, texts)
        found.append(Words(group, texts, rows, photos, right))
        few: Mask = np.asarray(right.sum(axis=1) <= 35)
        chosen = [text for text, kept in zip(texts, few, strict=True) if kept]
        none = np.zeros_like(right[few])
        found.append(Words(f"{group}, taken out", chosen, rows[few], photos, none, right[few]))
    known = " ".join(word for true in truth.values() for word in true).lower()
    return [*found, nothing("kinds: absent", missing(known), corpus, photos)]


def nothing(group: str, texts: list[str], corpus: Corpus, photos: Vectors) -> Words:
    right = np.zeros((len(texts), len(photos)), bool)
    return Words(group, texts, corpus.texts(group, texts), photos, right)


def scene_words(corpus: Corpus, photos: Vectors, folder: Path) -> list[Words]:
    _, captions, gold = dev_captions(folder)
    of_photo = [" ".join(np.array(captions)[gold == at]) for at in range(len(photos))]
    said = np.array(
        [
            [len(re.findall(rf"\b{noun}\b", text.lower())) for text in of_photo]
            for noun in lines("relevance_nouns.txt")
        ]
    )
    shown: Mask = np.asarray((said >= 2).any(axis=1))
    texts = [noun for noun, there in zip(lines("relevance_nouns.txt"), shown, strict=True) if there]
    some = captions[::5]
    own = np.zeros((len(some), len(photos)), bool)
    own[np.arange(len(some)), gold[::5]] = True
    return [
        Words("scenes: nouns", texts, corpus.texts("nouns", texts), photos, said[shown] >= 1),
        Words("scenes: captions", some, corpus.texts("captions", some), photos, own),
        nothing("scenes: absent", missing(" ".join(captions)), corpus, photos),
    ]


def judge(words: Words, background: Background) -> Judged:
    """Return what is known of the first hits of each query."""
    scores = words.vectors @ words.photos.T
    if words.removed is not None:
        scores = np.where(words.removed, -9, scores)
    order = np.argsort(-scores, axis=1)[:, :TOP]
    rows = [
        background.features(vector, words.photos[first])
        for vector, first in zip(words.vectors, order, strict=True)
    ]
    half = np.array([zlib.crc32(text.encode()) % 2 for text in words.texts])
    right = np.take_along_axis(words.right, order, axis=1)
    return Judged(np.array(rows), right, words.right.sum(axis=1), half)


# --- fitting --------------------------------------------------------------------------------------


@dataclass
class Fit:
    """Weights of the features, a constant, and where the bands begin."""

    weights: NDArray[np.float64]
    offset: float
    strong: float = 0.0
    likely: float = 0.0
    further: float = 0.0
    absent: float = 0.0

    def odds(self, found: Judged) -> Odds:
        """Return the evidence of all hits as the product judges them, (q, k)."""
        raw = found.features @ self.weights + self.offset
        return np.array([evidence.smoothed(row) for row in raw])


def current() -> Fit:
    bounds = evidence.STRONG, evidence.LIKELY, evidence.FURTHER, evidence.ABSENT
    weights = [getattr(evidence, name) for name in ("LEAD", "GENERALITY", "RANK", "BOTH")]
    return Fit(np.array(weights), evidence.OFFSET, *bounds)


def logistic(
    known: NDArray[np.float64], right: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weights of a logistic regression and its constant, by Newton's method.

    `known` (n, features), whether each row is `right` (n,) and what it `counts` (n,).
    """
    mean, deviation = known.mean(axis=0), known.std(axis=0) + 1e-9
    rows = np.column_stack([(known - mean) / deviation, np.ones(len(known))])
    ridge = 1e-3 * len(rows) * np.diag([*np.ones(known.shape[1]), 0.0])
    weights = np.zeros(rows.shape[1])
    for _ in range(30):
        share = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (counts * (share - right)) + ridge @ weights
        bend = (rows * (counts * share * (1 - share))[:, None]).T @ rows + ridge
        weights -= np.linalg.solve(bend, slope)
    scaled = weights[:-1] / deviation
    return np.append(scaled, weights[-1] - scaled @ mean)


def fit(found: dict[str, Judged], left_out: int | None) -> Fit:
    """Return the fit on names, nouns and absent things, without the queries of one half."""
    used = {
        group: Judged(*(part[one.half != left_out] for part in vars(one).values()))
        for group, one in found.items()
    }
    learned = {group: used[group] for group in (*PRESENT, *ABSENT)}
    known = np.concatenate([one.features for one in learned.values()])
    right = np.concatenate([one.right for one in learned.values()]).astype(float)
    sure = [1.0 if "kinds" in group else SCENES_WEIGHT for group in learned]
    counts = np.repeat(sure, [len(one.half) for one in learned.values()])[:, None]
    # Whether anything matches depends on the first hits, so they count for more.
    counts = counts / np.sqrt(np.arange(1, right.shape[1] + 1))
    *weights, offset = logistic(known.reshape(-1, known.shape[2]), right.ravel(), counts.ravel())
    result = Fit(np.array(weights), float(offset))
    odds = {group: result.odds(one) for group, one in used.items()}
    result.strong, result.likely, result.further = limits(odds, used)
    present = np.concatenate([odds[group][:, 0] for group in PRESENT])
    result.absent = min(float(np.quantile(present, SURELY)), result.likely)
    return result


def limits(odds: dict[str, Odds], found: dict[str, Judged]) -> tuple[float, float, float]:
    """Return the evidence for Strong, for the best hit and for further hits to be Likely.

    Of the limits with which enough hits of both bands are right, these deny as many absent things
    as they can while they keep enough names, or else keep the most names.
    """
    values = np.concatenate([odds[group] for group in KINDS])
    right = np.concatenate([found[group].right for group in KINDS])
    names = len(odds[KINDS[0]])
    best, most = (np.inf,) * 3, -1.0
    for share in np.arange(DENIED[1], DENIED[0] - 0.001, -0.01):
        likely = float(np.mean([np.quantile(odds[group][:, 0], share) for group in ABSENT]))
        for further in likely - LOWER:
            matches = (values >= further) & (values[:, :1] >= likely)
            strong = strong_from(values[matches], right[matches])
            kept = float((matches & right)[:names].any(axis=1).mean())
            if strong is not None and kept > most:
                best, most = (strong, likely, float(further)), kept
            if most >= KEPT:
                return best
    return best


def strong_from(values: Odds, right: Mask) -> float | None:
    """Return the least evidence for Strong with which enough hits (n,) of both bands are right."""
    order = np.argsort(-values)
    hits, rights = np.arange(1, len(order)), np.cumsum(right[order])
    is_right = rights[:-1] / hits >= STRONG_RIGHT
    is_right &= (rights[-1] - rights[:-1]) / (len(order) - hits) >= LIKELY_RIGHT
    fits = np.flatnonzero(is_right & (hits >= LEAST_STRONG * len(order)))
    return float(values[order][fits[-1]]) if len(fits) else None


def write(result: Fit) -> None:
    """Write the numbers into the module that uses them."""
    weights = ", ".join(f"{value:.4g}" for value in [*result.weights, result.offset])
    bounds = f"{result.strong:.3g}, {result.likely:.3g}, {result.further:.3g}, {result.absent:.3g}"
    text = FITTED.read_text("utf-8")
    text = re.sub(r"(?m)^(LEAD, .* = ).*$", rf"\g<1>{weights}", text)
    text = re.sub(r"(?m)^(STRONG, .* = ).*$", rf"\g<1>{bounds}", text)
    FITTED.write_text(text, "utf-8")
    print(f"written: {weights}; {bounds}")


# --- report ---------------------------------------------------------------------------------------


def report(found: dict[str, Judged], fits: Sequence[Fit]) -> None:
    """Print the figures; query of half h are judged by `fits[h]`."""
    # Relative to Likely, so that both halves can be put together.
    odds: dict[str, Odds] = {}
    for group, one in found.items():
        both = [result.odds(one) - result.likely for result in fits]
        odds[group] = np.where(one.half[:, None] == 0, both[0], both[1])
    strong = float(np.mean([result.strong - result.likely for result in fits]))
    further = float(np.mean([result.further - result.likely for result in fits]))
    surely = float(np.mean([result.absent - result.likely for result in fits]))
    print(f"{'queries':36s}{'n':>5s}  denied  absent  right kept  strong right   likely right")
    for group, one in found.items():
        print(f"{group:36s}{len(one.half):5d} {row(one, odds[group], strong, further, surely)}")
    shown = [np.where(odds[group][:, :1] >= 0, odds[group], -99) for group in KINDS]
    pooled = np.concatenate([one.ravel() for one in shown])
    right = np.concatenate([found[group].right.ravel() for group in KINDS])
    for name, low, high in (("Strong", strong, np.inf), ("Likely", further, strong)):
        chosen = (pooled >= low) & (pooled < high)
        print(f"names and general words: {right[chosen].mean():.0%} of {chosen.sum()} {name} right")
    print("absent denied / " + " / ".join(f"{group} denied" for group in PRESENT))
    absent = np.concatenate([odds[group][:, 0] for group in ABSENT])
    for share in (0.2, 0.4, 0.6, 0.7, 0.8, 0.9):
        cut = np.quantile(absent, share)
        print(
            f"{share:.0%} / " + " / ".join(f"{(odds[g][:, 0] < cut).mean():.0%}" for g in PRESENT)
        )


def row(one: Judged, odds: Odds, strong: float, further: float, surely: float) -> str:
    first = odds[:, 0]
    matches = (odds >= further) & (odds[:, :1] >= 0)
    kept: Mask = np.asarray((one.right & matches).any(axis=1))
    in_strong, in_likely = odds >= strong, matches & (odds < strong)
    share = kept[one.counts > 0].mean() if one.counts.any() else 0.0
    text = f"{(first < 0).mean():8.0%}{(first < surely).mean():8.1%}{share:12.0%}"
    for chosen in (in_strong, in_likely):
        right = one.right[chosen].mean() if chosen.any() else 0.0
        text += f"{right:9.0%} of {chosen.sum():<5d}"
    return text


def shares_of_one_thing(corpus: Corpus, things: Vectors, texts: Vectors, names: Vectors) -> None:
    """Print whether a thing is found in libraries that show it to several shares."""
    shows = np.array(["dog" in true for true in kinds().values()])
    query = corpus.texts("dog", ["dog"])[0]
    rng = np.random.default_rng(0)
    for share in (0.0, 0.01, 0.05, 0.5, 0.95):
        dogs, others = things[shows][: round(118 * share)], things[~shows]
        count = round(len(dogs) * (1 - share) / share) if share else 441
        photos = np.concatenate([dogs, others[rng.permutation(len(others))[:count]]])
        scores = photos @ query
        first = photos[np.argsort(-scores)[:TOP]]
        bands = find_bands(Background(texts, photos, names), query, first, total=len(photos))
        kept = scores >= bands.likely
        print(
            f"{share:.0%} dogs, {len(photos)} photos: {kept[: len(dogs)].sum()} of {len(dogs)} dogs"
            f" and {kept[len(dogs) :].sum()} others Likely or Strong"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    loaded: list[OpenClipEmbedder] = []

    def model() -> OpenClipEmbedder:
        if not loaded:
            loaded.append(load_model(options.model))
        return loaded[0]

    corpus = Corpus(model, options.cache)
    files = [options.photos / f"{kind.replace(' ', '_')}.jpg" for kind in kinds()]
    dev = corpus.keep("dev", lambda model: embed_files(model, dev_captions(options.captions)[0]))
    things = corpus.keep("things", lambda model: embed_files(model, files))
    texts = corpus.texts("background", background_texts())
    names = corpus.keep("nouns", lambda model: model.embed_texts([noun for noun, _ in nouns()]))
    started = time.perf_counter()
    found: dict[str, Judged] = {}
    for photos, words in (
        (things, kind_words(corpus, things)),
        (dev, scene_words(corpus, dev, options.captions)),
    ):
        background = Background(texts, photos, names)
        found |= {one.group: judge(one, background) for one in words}
    took = (time.perf_counter() - started) / sum(len(one.half) for one in found.values())
    print(f"{took * 1000:.1f} ms a query")
    report(found, [fit(found, 0), fit(found, 1)] if options.fit else [current()] * 2)
    if options.fit:
        return write(fit(found, None))
    shares_of_one_thing(corpus, things, texts, names)


if __name__ == "__main__":
    main()
