"""What a theme is called: by the owner's tags and labels, else by a word.

The word is the one that the theme is about more than the library is, and common words are
preferred. `words.txt` lists words for what can be seen that relevance has embedded already, with
the number of times that they occur in the texts whose senses WordNet 3.1 counts (WordNet licence).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.relevance.background import background_texts, nouns
from search.understanding.library_vectors import Vectors
from search.understanding.themes.clusters import Places

COMMON = 0.3
"""What a word e times as common is ahead in sigmas: measured on captions (`benchmarks/themes.py`).
"""
OWN_SHARE = 0.5
"""A tag or label names a theme if so many of its photos have it,"""
OWN_LIFT = 1.5
"""and it is so many times as common there as in the library."""


@dataclass(frozen=True)
class Words:
    """Words, their rows among the embedded texts of relevance, and the log of their frequency."""

    words: Sequence[str]
    rows: Places
    common: NDArray[np.float32]


@cache
def words() -> Words:
    """Return the words that may name a theme."""
    known: dict[str, int] = {}
    for row, text in enumerate([*background_texts(), *(noun for noun, _ in nouns())]):
        known.setdefault(text.lower(), row)
    lines = Path(__file__).with_name("words.txt").read_text("utf-8").splitlines()
    counted = [line.rsplit(" ", 1) for line in lines]
    pairs = [(word, int(count)) for word, count in counted if word in known]
    rows = np.array([known[word] for word, _ in pairs], np.intp)
    common = np.log1p(np.array([count for _, count in pairs], np.float32))
    return Words([word for word, _ in pairs], rows, common)


def from_words(
    texts: Vectors, means: Vectors, library: Vectors, covariance: NDArray[np.float64]
) -> tuple[list[str], NDArray[np.float32]]:
    """Return the best word for each theme, and how far each word stands out in each theme.

    `texts` are all embedded texts of relevance, `means` (k, dim) those of the themes' photos,
    `library` (dim,) is the mean of all photos and `covariance` theirs. What stands out is in
    deviations of the photos' scores for the word, (k, words).
    """
    known = words()
    vectors = texts[known.rows]
    spread = np.einsum("ij,ij->i", vectors @ covariance.astype(np.float32), vectors)
    out = (means - library) @ vectors.T / np.sqrt(np.maximum(spread, 1e-9))
    best = (out + COMMON * known.common).argmax(axis=1)
    return [known.words[place] for place in best.tolist()], np.asarray(out, np.float32)


def told_apart(titles: Sequence[str], out: NDArray[np.float32], sizes: Places) -> list[str]:
    """Return titles of which no two are equal: those that are shared get a second word.

    It is the word that stands out most among the themes of that title, and in the library too.
    """
    known = words()
    shared = defaultdict(list)
    for theme, title in enumerate(titles):
        shared[title].append(theme)
    found = list(titles)
    for title, themes in shared.items():
        if not title or len(themes) == 1:
            continue
        middle = np.average(out[themes], axis=0, weights=np.maximum(sizes[themes], 1))
        beside = np.minimum(out[themes] - middle, out[themes]) + COMMON / 2 * known.common
        # A part of the title itself tells nothing: "dog" beside "sled dog".
        beside[:, [_is_told(title, word) for word in known.words]] = -np.inf
        for row, theme in zip(beside, themes, strict=True):
            second = int(row.argmax())
            beside[:, second] = -np.inf
            found[theme] = f"{title} · {known.words[second]}"
    return found


def _is_told(title: str, word: str) -> bool:
    return word in title.lower() or title.lower() in word


def from_own(groups: Places, given: Iterable[tuple[str, int]], count: int) -> Mapping[int, str]:
    """Return the tag or label that names each theme, for those that have one.

    `groups` (n,) are the themes of the photos, and `given` pairs of a name and a photo's position.
    The one that fits best counts: most of its photos are in the theme, and most of the theme's
    photos have it.
    """
    sizes = np.bincount(groups, minlength=count)
    inside: Counter[tuple[int, str]] = Counter()
    everywhere: Counter[str] = Counter()
    for name, place in given:
        inside[int(groups[place]), name] += 1
        everywhere[name] += 1
    best: dict[int, tuple[float, str]] = {}
    for (theme, name), held in inside.items():
        share = held / sizes[theme]
        lift = share / (everywhere[name] / len(groups))
        fit = 2 * held / (sizes[theme] + everywhere[name])
        if share >= OWN_SHARE and lift >= OWN_LIFT:
            best[theme] = max(best.get(theme, (0.0, "")), (fit, name))
    return {theme: name for theme, (_, name) in best.items()}
