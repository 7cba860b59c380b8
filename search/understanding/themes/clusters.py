"""Mini-batch k-means: groups of photos that lie close to each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.understanding.library_vectors import Vectors
from search.understanding.themes.steps import Steps, slices

LEVELS = (8, 40, 200)
"""Themes at each level of a large library."""
MEMBERS = 6
"""Photos that a theme has on average at the least, so that small libraries have fewer themes."""

Places = NDArray[np.intp]

_BATCH = 4096
_BATCHES = 60
_PASSES = 3  # walks over all rows at the end, which put each centre amid its members
_SEEDS = 20  # rows for each centre from which the first centres are drawn


def levels_of(photos: int) -> list[int]:
    """Return how many themes each level has, fewest first; levels that would be equal are one."""
    most = max(photos // MEMBERS, 2)
    return sorted({min(level, most) for level in LEVELS})


def clusters(
    rows: Vectors, count: int, former: Places | None = None, seed: int = 0
) -> Steps[tuple[Places, Vectors]]:
    """Group rows (n, d): returns the group of each (n,) and the centres (count, d).

    `former` (n,) are the groups that the rows had before, -1 for rows that had none. They are
    where the new groups start, so that a group which is still there stays whole. The same rows and
    seed give the same groups. No group is empty unless rows are equal.
    """
    random = np.random.default_rng(seed)
    centres = _first_centres(rows, count, _former_centres(rows, former, count), random)
    held = np.ones(count, np.float32)
    for step in range(_BATCHES):
        batch = rows[random.choice(len(rows), min(_BATCH, len(rows)), replace=False)]
        counts, sums = _sums(batch, nearest(batch, centres), count)
        # Each centre is the mean of all rows that ever fell to it.
        held += counts
        centres += (sums - counts[:, None] * centres) / held[:, None]
        yield step / (_BATCHES + _PASSES * 4)
    for each in range(_PASSES):
        centres = _moved(rows, centres, random)
        yield (_BATCHES + each * 4) / (_BATCHES + _PASSES * 4)
    return nearest(rows, centres), centres


def nearest(rows: Vectors, centres: Vectors) -> Places:
    """Return the place of the centre that is closest to each row, (n,)."""
    half = (centres**2).sum(axis=1) / 2
    found = np.empty(len(rows), np.intp)
    for block in slices(len(rows), _BATCH):
        found[block] = (rows[block] @ centres.T - half).argmax(axis=1)
    return found


def _moved(rows: Vectors, centres: Vectors, random: np.random.Generator) -> Vectors:
    """Return the means of the groups; an empty group starts anew at a random row."""
    found = nearest(rows, centres)
    counts = np.zeros(len(centres), np.float32)
    sums = np.zeros_like(centres)
    for block in slices(len(rows), _BATCH):
        more, added = _sums(rows[block], found[block], len(centres))
        counts += more
        sums += added
    means = sums / np.maximum(counts, 1)[:, None]
    empty = np.flatnonzero(counts == 0)
    means[empty] = rows[random.choice(len(rows), len(empty))]
    return np.asarray(means, np.float32)


def _sums(rows: Vectors, found: Places, count: int) -> tuple[NDArray[np.float32], Vectors]:
    belongs = (found[:, None] == np.arange(count)).astype(np.float32)
    return belongs.sum(axis=0), belongs.T @ rows


def _former_centres(rows: Vectors, former: Places | None, count: int) -> Vectors:
    """Return the means of the former groups, at most `count`, the largest groups first."""
    if former is None or not (former >= 0).any():
        return rows[:0]
    had = np.flatnonzero(former >= 0)
    sizes = np.bincount(former[had])
    sums = np.zeros((len(sizes), rows.shape[1]), np.float32)
    for block in slices(len(had), _BATCH):
        sums += _sums(rows[had[block]], former[had[block]], len(sizes))[1]
    largest = np.argsort(-sizes, kind="stable")[: min(count, int((sizes > 0).sum()))]
    return np.asarray(sums[largest] / sizes[largest, None], np.float32)


def _first_centres(
    rows: Vectors, count: int, former: Vectors, random: np.random.Generator
) -> Vectors:
    """Return the former centres, and draw others far from them and each other (k-means++).

    They are drawn from a sample of the rows.
    """
    size = min(len(rows), max(_SEEDS * count, 1000))
    sample = rows[random.choice(len(rows), size, replace=False)]
    centres = np.empty((count, rows.shape[1]), np.float32)
    begun = max(len(former), 1)
    centres[:begun] = former if len(former) else sample[:1]
    distances = np.min([((sample - centre) ** 2).sum(axis=1) for centre in centres[:begun]], axis=0)
    for place in range(begun, count):
        total = float(distances.sum())
        chances = distances / total if total > 0 else None
        centres[place] = sample[random.choice(size, p=chances)]
        distances = np.minimum(distances, ((sample - centres[place]) ** 2).sum(axis=1))
    return centres
