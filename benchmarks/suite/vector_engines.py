"""Measure one engine for vectors: filling it, a query, its recall and its memory. Prints JSON.

    python -m benchmarks.suite.vector_engines ENGINE COUNT [--dim 512] [--queries 100]

The engines are exact numpy, faiss (flat), hnswlib and usearch with the settings of their
documentation (M 16, 200 while building, 64 while searching), and Scry's embedded index. Vectors
are those of `benchmarks.vector_query`. Queries come one at a time, for ten hits.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psutil

from benchmarks.vector_query import Vectors, fill, milliseconds, synthetic_vectors

HITS = 10
LINKS, BUILDING, SEARCHING = 16, 200, 64

Ask = Callable[[Vectors], list[int]]
"""Returns the rows of the nearest vectors."""


def exact(vectors: Vectors) -> Ask:
    def ask(question: Vectors) -> list[int]:
        scores = vectors @ question
        best = np.argpartition(-scores, HITS)[:HITS]
        return [int(row) for row in best[np.argsort(-scores[best])]]

    return ask


def faiss_flat(vectors: Vectors) -> Ask:
    index = import_module("faiss").IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return lambda question: [int(row) for row in index.search(question[None], HITS)[1][0]]


def hnswlib(vectors: Vectors) -> Ask:
    index = import_module("hnswlib").Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), ef_construction=BUILDING, M=LINKS)
    index.add_items(vectors)
    index.set_ef(SEARCHING)
    return lambda question: [int(row) for row in index.knn_query(question, k=HITS)[0][0]]


def usearch(vectors: Vectors) -> Ask:
    index = import_module("usearch.index").Index(
        ndim=vectors.shape[1],
        metric="ip",
        dtype="f32",
        connectivity=LINKS,
        expansion_add=BUILDING,
        expansion_search=SEARCHING,
    )
    index.add(np.arange(len(vectors)), vectors)
    return lambda question: [int(row) for row in index.search(question, HITS).keys]


def scry(vectors: Vectors) -> Ask:
    from search.vectors.index.qdrant_edge import EdgeIndex

    folder = Path(tempfile.mkdtemp(prefix="scry-vectors-"))
    index = EdgeIndex(folder / "index", vectors.shape[1], "synthetic")
    fill(index, vectors)
    return lambda question: [UUID(str(hit.id)).int - 1 for hit in index.query(question, limit=HITS)]


ENGINES: dict[str, Callable[[Vectors], Ask]] = {
    "numpy": exact,
    "faiss": faiss_flat,
    "hnswlib": hnswlib,
    "usearch": usearch,
    "scry": scry,
}


def measured(engine: str, count: int, dim: int, queries: int) -> dict[str, float]:
    """Return what an engine costs with `count` vectors, by name."""
    everything = synthetic_vectors(count + queries, dim)
    vectors, questions = everything[:count].copy(), everything[count:].copy()
    truth = exact(vectors)
    right = [set(truth(question)) for question in questions]
    gc.collect()
    process = psutil.Process()
    before, began = process.memory_info().rss, time.perf_counter()
    ask = ENGINES[engine](vectors)
    filled = time.perf_counter() - began
    times = milliseconds(ask, questions)
    shares = [
        len(set(ask(each)) & best) / HITS for each, best in zip(questions, right, strict=True)
    ]
    gc.collect()
    # The exact scan needs no copy, but the vectors themselves.
    own = vectors.nbytes if engine == "numpy" else process.memory_info().rss - before
    p50, p95 = np.percentile(times, [50, 95])
    return {
        "query p50": float(p50),
        "query p95": float(p95),
        "recall of the nearest ten": float(np.mean(shares)),
        "filling": count / filled,
        "memory": own / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("count", type=int)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=100)
    options = parser.parse_args()
    answer: Any = measured(options.engine, options.count, options.dim, options.queries)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
