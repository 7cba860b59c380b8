"""How fast and how exact the embedded index answers at 100,000 vectors.

    python -m benchmarks.vector_query [--points 100000] [--dim 512] [--queries 500]

The vectors are synthetic: heavy-tailed clusters in a 64-dimensional latent space with a common
offset, as embeddings of photos have. Recall is counted against an exact scan in numpy.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np
import psutil
from numpy.typing import NDArray

from search.vectors.index import Eq, Filter, Point, VectorIndex
from search.vectors.index.qdrant_edge import EdgeIndex

Vectors = NDArray[np.float32]

CLUSTERS = 3000
LATENT = 64
OWNERS = 50
BATCH = 256


def synthetic_vectors(count: int, dim: int, seed: int = 1) -> Vectors:
    """Return clustered unit rows, shape (count, dim), float32."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLUSTERS, LATENT))
    weights = rng.pareto(1.2, CLUSTERS) + 0.05
    chosen = rng.choice(CLUSTERS, size=count, p=weights / weights.sum())
    latent = centres[chosen] + 0.6 * rng.normal(size=(count, LATENT))
    basis = rng.normal(size=(LATENT, dim)) / np.sqrt(LATENT)
    rows: Vectors = (latent @ basis + 1.2 * rng.normal(size=dim)).astype(np.float32)
    rows += 0.1 * rng.standard_normal((count, dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def fill(index: VectorIndex, vectors: Vectors) -> float:
    """Upsert all vectors in batches, flush, and return points per second."""
    started = time.perf_counter()
    for start in range(0, len(vectors), BATCH):
        rows = vectors[start : start + BATCH]
        numbers = range(start, start + len(rows))
        index.upsert(
            [
                Point(UUID(int=number + 1), row, {"owner": f"owner-{number % OWNERS}"})
                for number, row in zip(numbers, rows, strict=True)
            ]
        )
    index.flush()
    return len(vectors) / (time.perf_counter() - started)


def milliseconds(ask: Callable[[Vectors], object], questions: Vectors) -> NDArray[np.float64]:
    """Return the wall time of each question in ms, after a few that are not counted."""
    for question in questions[:20]:
        ask(question)
    times = []
    for question in questions:
        started = time.perf_counter()
        ask(question)
        times.append((time.perf_counter() - started) * 1000)
    return np.array(times)


def recall_at_10(index: VectorIndex, vectors: Vectors, questions: Vectors) -> float:
    """Return the share of the ten exactly nearest points that the index finds."""
    shares = []
    for question in questions:
        exact = {UUID(int=int(row) + 1) for row in np.argsort(-(vectors @ question))[:10]}
        shares.append(len(exact & {hit.id for hit in index.query(question, limit=10)}) / 10)
    return float(np.mean(shares))


def timing_row(index: VectorIndex, questions: Vectors, limit: int, flt: Filter | None) -> str:
    times = milliseconds(lambda question: index.query(question, limit=limit, flt=flt), questions)
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    return f"p50 {p50:.2f} ms   p95 {p95:.2f} ms   p99 {p99:.2f} ms"


def measure(folder: Path, vectors: Vectors, questions: Vectors) -> list[tuple[str, str]]:
    """Fill an index in `folder`, ask it, and return the rows of the table."""
    process = psutil.Process()
    count, dim = vectors.shape
    before = process.memory_info()
    index = EdgeIndex(folder / "index", dim, "synthetic")
    rows = [("upsert, with flush", f"{fill(index, vectors):,.0f} points/s")]
    index.close()
    started = time.perf_counter()
    index = EdgeIndex(folder / "index", dim, "synthetic")
    index.ensure()
    rows.append(("open", f"{time.perf_counter() - started:.2f} s"))
    mine = Eq("owner", "owner-7")
    rows += [
        ("query, limit 10", timing_row(index, questions, 10, None)),
        ("query, limit 60", timing_row(index, questions, 60, None)),
        (f"query, owner of {100 / OWNERS:.0f} %", timing_row(index, questions, 10, mine)),
        ("recall@10 against exact", f"{recall_at_10(index, vectors, questions[:200]):.4f}"),
    ]
    gc.collect()
    after = process.memory_info()
    mapped = (after.shared - before.shared) / 2**20
    grown = (after.rss - before.rss) / 2**20
    disk = (index.stats().bytes_on_disk or 0) / 2**20
    index.close()
    rows.append(("memory (RSS) added", f"{grown:.0f} MB, {mapped:.0f} MB of it mapped files"))
    rows.append(("on disk", f"{disk:.0f} MB"))
    return [("vectors", f"{count:,} x {dim}"), *rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=500)
    options = parser.parse_args()
    everything = synthetic_vectors(options.points + options.queries, options.dim)
    vectors, questions = everything[: options.points], everything[options.points :]
    with tempfile.TemporaryDirectory() as folder:
        for name, value in measure(Path(folder), vectors, questions):
            print(f"{name:<28}{value}")


if __name__ == "__main__":
    main()
