"""What is built on the port once, in Python, so that both engines answer alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from search.vectors.index.base import And, BadVector, Filter, HasIds, Hit, Vector, VectorIndex


def average_recommend(positive: Sequence[Vector], negative: Sequence[Vector] = ()) -> Vector:
    """Return the unit vector to search with for "like these and unlike those", shape (dim,).

    The vector is avg_pos + avg_pos - avg_neg, Qdrant's `average_vector` strategy.
    Raises `BadVector` when there is no positive example or the examples cancel out.
    """
    if not len(positive):
        raise BadVector("At least one positive example is needed.")
    target: NDArray[np.float64] = np.stack(positive).astype(np.float64).mean(axis=0)
    if len(negative):
        target = 2 * target - np.stack(negative).astype(np.float64).mean(axis=0)
    norm = float(np.linalg.norm(target))
    if not norm > 1e-6:
        raise BadVector("The examples cancel each other out.")
    return np.asarray(target / norm, dtype=np.float32)


def reciprocal_rank_fusion(lists: Iterable[Sequence[Hit]], k: int = 60) -> list[Hit]:
    """Merge ranked lists into one: a hit scores the sum of 1 / (k + rank), rank from 1.

    k = 60 is the constant of Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms
    Condorcet and individual Rank Learning Methods", SIGIR 2009. Ties are broken by id.
    """
    scores: defaultdict[UUID, float] = defaultdict(float)
    for hits in lists:
        for rank, hit in enumerate(hits, start=1):
            scores[hit.id] += 1.0 / (k + rank)
    return sorted((Hit(*item) for item in scores.items()), key=lambda hit: (-hit.score, hit.id))


def scores_of(
    index: VectorIndex, vector: Vector, condition: Filter, ids: Collection[UUID]
) -> list[Hit]:
    """Return hits for those of the points that meet the condition, best first."""
    if not ids:
        return []
    return index.query(vector, limit=len(ids), flt=And((condition, HasIds.of(ids))))
