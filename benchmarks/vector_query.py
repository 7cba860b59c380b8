"""How fast and how exact the embedded index answers at 100,000 vectors.

    python -m benchmarks.vector_query [--points 100000] [--dim 512] [--queries 500] [--facts]

The vectors are synthetic: heavy-tailed clusters in a 64-dimensional latent space with a common
offset, as embeddings of photos have. Recall is counted against an exact scan in numpy. With
`--facts` points carry what filters use, as those of photos do: opening an index then takes longest.
CPU is that of all threads; no other thread of Python runs meanwhile.
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

from search.vectors.index import Eq, Filter, Payload, Place, Point, VectorIndex
from search.vectors.index.qdrant_edge import EdgeIndex

Vectors = NDArray[np.float32]

CLUSTERS = 3000
LATENT = 64
OWNERS = 50
BATCH = 256
UNCOUNTED = 20
"""Queries before those that are counted."""


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


def payload_of(number: int, *, facts: bool) -> Payload:
    """Return the payload of a point: its owner, and with `facts` what filters use."""
    owner = {"owner": f"owner-{number % OWNERS}"}
    if not facts:
        return owner
    spread = number * 7919 % 100_003  # differs from point to point, in no order
    return {
        **owner,
        "taken": 1_700_000_000 - 600 * number,
        "dated": True,
        "orientation": ("portrait", "landscape")[spread % 2],
        "aspect": 0.5 + spread % 13 / 10,
        "megapixels": 1 + spread % 48,
        "type": ("jpeg", "heif")[spread % 2],
        "bytes": 1_000_000 + 40 * spread,
        "colours": [("blue", "green", "red")[spread % 3], "grey"],
        "camera": f"camera {spread % 9}",
        "place": Place(38.7 + spread / 1e6, -9.1),
    }


def fill(index: VectorIndex, vectors: Vectors, *, facts: bool = False) -> float:
    """Upsert all vectors in batches, flush, and return points per second."""
    started = time.perf_counter()
    for start in range(0, len(vectors), BATCH):
        rows = vectors[start : start + BATCH]
        numbers = range(start, start + len(rows))
        index.upsert(
            [
                Point(UUID(int=number + 1), row, payload_of(number, facts=facts))
                for number, row in zip(numbers, rows, strict=True)
            ]
        )
    index.flush()
    return len(vectors) / (time.perf_counter() - started)


def milliseconds(ask: Callable[[Vectors], object], questions: Vectors) -> NDArray[np.float64]:
    """Return the wall time of each question in ms, after a few that are not counted."""
    for question in questions[:UNCOUNTED]:
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
    before = time.process_time()
    times = milliseconds(lambda question: index.query(question, limit=limit, flt=flt), questions)
    cpu = (time.process_time() - before) * 1000 / (len(questions) + len(questions[:UNCOUNTED]))
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    return f"p50 {p50:.2f} ms   p95 {p95:.2f} ms   p99 {p99:.2f} ms   CPU {cpu:.2f} ms"


def measure(
    folder: Path, vectors: Vectors, questions: Vectors, *, facts: bool
) -> list[tuple[str, str]]:
    """Fill an index in `folder`, ask it, and return the rows of the table."""
    process = psutil.Process()
    count, dim = vectors.shape
    before = process.memory_info()
    index = EdgeIndex(folder / "index", dim, "synthetic")
    rows = [("upsert, with flush", f"{fill(index, vectors, facts=facts):,.0f} points/s")]
    index.close()
    started, cpu = time.perf_counter(), time.process_time()
    index = EdgeIndex(folder / "index", dim, "synthetic")
    index.ensure()
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    rows.append(("open", f"{wall:.2f} s, {cpu:.2f} s of CPU"))
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
    parser.add_argument("--facts", action="store_true", help="give points what filters use")
    options = parser.parse_args()
    everything = synthetic_vectors(options.points + options.queries, options.dim)
    vectors, questions = everything[: options.points], everything[options.points :]
    with tempfile.TemporaryDirectory() as folder:
        for name, value in measure(Path(folder), vectors, questions, facts=options.facts):
            print(f"{name:<28}{value}")


if __name__ == "__main__":
    main()
