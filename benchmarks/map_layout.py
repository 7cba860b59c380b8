"""How many neighbours the map keeps, beside other layouts, and what a large map costs.

    python -m benchmarks.map_layout --vectors FILE.npy [FILE.npy ...]
    python -m benchmarks.map_layout --captions DIR
    python -m benchmarks.map_layout --generated 100000

The first two measure on photos: `--vectors` are unit vectors (n, dim) on disk, `--captions` a
folder with `images/`, which the starter model embeds. For each photo the ten closest by its vector
are looked for among the ten and among the fifty closest on the map. PaCMAP is measured beside
Scry's layout if the package `pacmap` can be imported; it is none of Scry's dependencies.

`--generated` draws a map of so many vectors of 512 numbers in 1,000 groups that overlap, and prints
the processor seconds of each part and the most memory that the process ever had.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Result = TypeVar("Result")

NEAR = 10
DIM = 512
GROUPS = 1000


def main() -> None:
    """Print the figures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=Path, nargs="+", default=[])
    parser.add_argument("--captions", type=Path)
    parser.add_argument("--generated", type=int)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    import django

    django.setup()
    if options.generated:
        draw(generated(options.generated))
        return
    if options.captions:
        rows = photos_of(options.captions)
    else:
        rows = np.concatenate([np.load(path) for path in options.vectors])
    beside = {"Scry": draw, "PCA": first_components, "PaCMAP": pacmap_layout}
    for name, layout in beside.items():
        began = time.process_time()
        at = layout(rows)
        if at is not None:
            seconds = time.process_time() - began
            kept = ", ".join(
                f"{kept_among(rows, at, many):.1%} among the {many} nearest" for many in (10, 50)
            )
            print(f"{name}: {kept} of {len(rows):,} photos, {seconds:.1f} CPU s", flush=True)


def photos_of(folder: Path) -> Vectors:
    """Embed the photos of `folder/images` with the starter model."""
    from benchmarks.starter_retrieval import embed_files, load_model
    from search.vectors.embedders.catalog import STARTER_KEY

    return embed_files(load_model(STARTER_KEY), sorted((folder / "images").iterdir()))


def generated(count: int) -> NDArray[np.float16]:
    """Return unit vectors around the centres of groups, with as much variety within each."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(GROUPS, DIM)).astype(np.float32)
    rows = np.empty((count, DIM), np.float16)
    for start in range(0, count, 10_000):
        size = min(10_000, count - start)
        some = centres[random.integers(0, GROUPS, size)]
        some += random.normal(size=some.shape).astype(np.float32)
        some /= np.linalg.norm(some, axis=1, keepdims=True)
        rows[start : start + size] = some
    return rows


def draw(rows: NDArray[np.floating[Any]]) -> Vectors:
    """Draw a map as the worker does, and print what each part took."""
    from search.understanding.library_vectors import LibraryVectors
    from search.understanding.themes import clusters as grouping, layout as laying
    from search.understanding.themes.components import components
    from search.understanding.themes.neighbours import neighbours
    from search.understanding.themes.steps import Steps, finish

    ids = np.array([f"{number:032x}".encode() for number in range(len(rows))])
    stored = rows.astype(np.float16, copy=False)
    library = LibraryVectors(ids, rows.shape[1], "", stored, np.arange(len(rows)))

    def part(name: str, steps: Steps[Result]) -> Result:
        began = time.process_time()
        result = finish(steps)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  {name}: {time.process_time() - began:.1f} CPU s, {most:.0f} MB", flush=True)
        return result

    base = part("components", components(library))
    for count in grouping.levels_of(len(rows)):
        cells = part(f"{count} themes", grouping.clusters(base.rows, count))
    near = part("neighbours", neighbours(library, *cells))
    return part("layout", laying.layout(*near, laying.spread(base.rows)))


def first_components(rows: Vectors) -> Vectors:
    """Return the two main directions of the vectors."""
    centred = rows - rows.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ directions[:, -2:], np.float32)


def pacmap_layout(rows: Vectors) -> Vectors | None:
    """Return PaCMAP's layout with its own defaults, or None where it is not installed."""
    try:
        pacmap = import_module("pacmap")
    except ImportError as error:
        print(f"PaCMAP is skipped: {error}")
        return None

    def lay_out(some: Vectors) -> Vectors:
        # One that was used before would keep the pairs of the former photos.
        return np.asarray(pacmap.PaCMAP(random_state=0).fit_transform(some), np.float32)

    lay_out(rows[:500])  # compiles
    return lay_out(rows)


def kept_among(rows: Vectors, at: Vectors, many: int) -> float:
    """Return the share of the `NEAR` closest by vector that are among the `many` closest on a map.

    A photo is not its own neighbour.
    """
    kept = 0
    for start in range(0, len(rows), 512):
        own = np.arange(start, min(start + 512, len(rows)))
        alike = rows[own] @ rows.T
        alike[own - start, own] = -np.inf
        apart = ((at[own, None] - at[None]) ** 2).sum(axis=2)
        apart[own - start, own] = np.inf
        near = np.argpartition(-alike, NEAR, axis=1)[:, :NEAR]
        shown = np.argpartition(apart, many, axis=1)[:, :many]
        kept += sum(len(np.intersect1d(*pair)) for pair in zip(near, shown, strict=True))
    return kept / NEAR / len(rows)


if __name__ == "__main__":
    main()
