"""The principal components of a library: k-means and the layout start from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.understanding.library_vectors import LibraryVectors, Vectors
from search.understanding.themes.steps import Steps

COMPONENTS = 100
"""Directions that are kept: measured on photos, clusters on them are those on all 512."""


@dataclass(frozen=True)
class Components:
    """The mean (dim,) of a library, its covariance (dim, dim), and its main directions.

    `axes` (dim, k) are unit columns, the one with the largest variance first. `rows` (n, k) are
    the photos along them, float32.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    axes: Vectors
    rows: Vectors


def components(library: LibraryVectors) -> Steps[Components]:
    """Measure the components in two walks through the vectors."""
    total, products = np.zeros(library.dim), np.zeros((library.dim, library.dim))
    for start, block in library.blocks():
        total += block.sum(axis=0, dtype=np.float64)
        products += block.T @ block
        yield start / len(library) / 2
    mean = total / len(library)
    covariance = products / len(library) - np.outer(mean, mean)
    _, directions = np.linalg.eigh(covariance)
    axes = np.ascontiguousarray(directions[:, ::-1][:, :COMPONENTS], np.float32)
    # The sign of a direction is arbitrary; without a rule a map could be mirrored by chance.
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    rows = np.empty((len(library), axes.shape[1]), np.float32)
    for start, block in library.blocks():
        rows[start : start + len(block)] = (block - mean.astype(np.float32)) @ axes
        yield 0.5 + start / len(library) / 2
    return Components(mean, covariance, axes, rows)
