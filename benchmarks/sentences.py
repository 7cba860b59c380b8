"""Is the sentence that Scry thinks describes a photo the right one, and is it as sure as it says?

    python -m benchmarks.sentences --captions DIR

The folder holds `captions.csv` (image, split, caption) and `images/`. Only the split "dev" is used,
of which the starter model has seen nothing. For each photo one of its own captions stands among
captions of other photos. `right` is how often it comes first, `claimed` the mean of the largest
share, and `off` the expected calibration error over ten bins. `swapped` is how often the own
caption beats itself with two colours or persons exchanged; 50 % is chance.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.concept_labels import background_of, embedded
from benchmarks.starter_retrieval import dev_captions, embed_files, load_model
from search.relevance import Background, Band
from search.relevance.background import Vector, nouns
from search.understanding.sentences.certainty import band_of, probabilities
from search.vectors.embedders.base import Vectors
from search.vectors.embedders.catalog import STARTER_KEY

Embed = Callable[[Sequence[str]], Vectors]
AMONG = (2, 4, 10, 50, 200)
ROUNDS = 4
BINS = 10
_EXCHANGED = re.compile(
    r"\b(black|white|red|blue|green|yellow|brown|man|woman|boy|girl|dog)\b", re.IGNORECASE
)


def trials(scores: Vectors, gold: NDArray[np.intp], among: int) -> Iterator[Vectors]:
    """Yield the scores of an own caption (first) and of those of other photos."""
    random = np.random.default_rng(0)
    own = [np.flatnonzero(gold == photo) for photo in range(len(scores))]
    for photo in list(range(len(scores))) * ROUNDS:
        others = random.permutation(len(scores))[:among]
        others = others[others != photo][: among - 1]
        rows = [random.choice(own[photo]), *(random.choice(own[other]) for other in others)]
        yield scores[photo, rows]


def figures(shares: Sequence[Vectors]) -> tuple[float, float, float]:
    """Return how often the first is right, what is claimed, and the calibration error."""
    claimed = np.array([each.max() for each in shares])
    right = np.array([each.argmax() == 0 for each in shares])
    places = np.minimum((claimed * BINS).astype(int), BINS - 1)
    off = sum(
        abs(float(claimed[places == place].sum() - right[places == place].sum()))
        for place in range(BINS)
    )
    return float(right.mean()), float(claimed.mean()), off / len(shares)


def swapped(caption: str) -> str:
    """Return the caption with its first two different colours or persons exchanged, or ""."""
    found = list(_EXCHANGED.finditer(caption))
    for first, second in pairwise(found):
        if first.group().lower() != second.group().lower():
            between = caption[first.end() : second.start()]
            return (
                f"{caption[: first.start()]}{second.group()}{between}{first.group()}"
                f"{caption[second.end() :]}"
            )
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--model", default=STARTER_KEY)
    options = parser.parse_args()
    model = load_model(options.model)
    paths, captions, gold = dev_captions(options.captions)
    photos = embed_files(model, paths)
    texts = embedded(model.embed_texts, captions)
    names = embedded(model.embed_texts, [noun for noun, _kinds in nouns()])
    background = Background(background_of(model), photos, names)
    scores = photos @ texts.T
    print(f"unit {background.unit:.4f}")
    for among in AMONG:
        shares = [probabilities(each, background.unit) for each in trials(scores, gold, among)]
        right, claimed, off = figures(shares)
        print(f"among {among:3}: right {right:.1%}, claimed {claimed:.1%}, off {off:.3f}")
    print(f"bands of own captions: {_bands(background, photos[gold], texts)}")
    others = np.roll(gold, len(gold) // 2)
    print(f"bands of captions of others: {_bands(background, photos[others], texts)}")
    _print_swapped(model.embed_texts, photos, captions, texts, gold)
    started, used = time.perf_counter(), time.process_time()
    _judged(background, model.embed_texts, photos[0], captions[:200])
    took = f"{time.perf_counter() - started:.2f} s, {time.process_time() - used:.2f} s of CPU"
    print(f"200 texts judged in {took} on {model.device}")


def _bands(background: Background, photos: Vectors, texts: Vectors) -> str:
    found = [
        band_of(background, text, photo, len(photos))
        for text, photo in zip(texts[:1000], photos[:1000], strict=True)
    ]
    return ", ".join(f"{band} {found.count(band) / len(found):.1%}" for band in Band)


def _judged(background: Background, embed: Embed, photo: Vector, texts: Sequence[str]) -> None:
    vectors = embedded(embed, sorted(texts, key=len))
    probabilities(vectors @ photo, background.unit)
    for vector in vectors:
        band_of(background, vector, photo, 500)


def _print_swapped(
    embed: Embed,
    photos: Vectors,
    captions: list[str],
    texts: Vectors,
    gold: NDArray[np.intp],
) -> None:
    pairs = [(place, other) for place, text in enumerate(captions) if (other := swapped(text))]
    places = [place for place, _other in pairs]
    others = embedded(embed, [other for _place, other in pairs])
    own = (photos[gold[places]] * texts[places]).sum(axis=1)
    right = own > (photos[gold[places]] * others).sum(axis=1)
    print(f"swapped: {right.mean():.1%} of {len(pairs)}")


if __name__ == "__main__":
    main()
