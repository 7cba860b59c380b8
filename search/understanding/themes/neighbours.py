"""The closest photos of each photo: exactly in small libraries, from nearby cells in large ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.understanding.library_vectors import LibraryVectors, Vectors
from search.understanding.themes.clusters import Places
from search.understanding.themes.steps import Steps, slices

NEIGHBOURS = 15
EXACT = 20_000
"""Up to so many photos are all compared with each other: 8 s at 512 numbers a photo."""
CELLS = 8
"""Cells in which a larger library looks for neighbours."""

_BLOCK = 512  # photos compared at a time, each with 20,000 others: 40 MB


def neighbours(
    library: LibraryVectors, cells: Places, centres: Vectors, exact: int = EXACT
) -> Steps[tuple[NDArray[np.int32], Vectors]]:
    """Return for each photo the places of its closest others and their scores, closest first.

    Both have shape (n, k) with k = `NEIGHBOURS`, or fewer in a tiny library. `cells` (n,) are the
    groups of the photos and `centres` those of the groups. Above `exact` photos, only photos
    of the `CELLS` cells closest to a photo's own are compared with it.
    """
    many = min(NEIGHBOURS, len(library) - 1)
    places = np.zeros((len(library), many), np.int32)
    scores = np.zeros((len(library), many), np.float32)
    if len(library) <= exact:
        everything = np.arange(len(library))
        groups = [(everything, everything)]
    else:
        groups = list(_cell_groups(cells, centres, many))
    done = 0
    for members, candidates in groups:
        others = library.vectors(candidates)
        for block in slices(len(members), _BLOCK):
            own = members[block]
            found = _closest(library.vectors(own), own, others, candidates, many)
            places[own], scores[own] = found
            done += len(own)
            yield done / len(library)
    return places, scores


def _cell_groups(cells: Places, centres: Vectors, many: int) -> list[tuple[Places, Places]]:
    """Return the members of each cell, and the photos to compare them with."""
    by_cell = np.argsort(cells, kind="stable")
    bounds = np.searchsorted(cells[by_cell], np.arange(len(centres) + 1))
    members = [by_cell[bounds[cell] : bounds[cell + 1]] for cell in range(len(centres))]
    half = (centres**2).sum(axis=1) / 2
    order = np.argsort(half - centres @ centres.T, axis=1)
    groups = []
    for cell, own in enumerate(members):
        if not len(own):
            continue
        reach = min(CELLS, len(centres))
        # Tiny cells reach further, so that each photo has enough others.
        while sum(len(members[other]) for other in order[cell, :reach]) <= many:
            reach += 1
        near = np.concatenate([members[other] for other in order[cell, :reach]])
        groups.append((own, np.union1d(own, near)))
    return groups


def _closest(
    rows: Vectors, own: Places, others: Vectors, candidates: Places, many: int
) -> tuple[Places, Vectors]:
    scores = rows @ others.T
    scores[np.arange(len(own)), np.searchsorted(candidates, own)] = -np.inf
    best = np.argpartition(-scores, many - 1, axis=1)[:, :many]
    found = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    best = np.take_along_axis(best, order, axis=1)
    return candidates[best], np.take_along_axis(found, order, axis=1)
