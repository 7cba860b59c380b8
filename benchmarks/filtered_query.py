"""How fast and how exact filtered queries are at 100,000 vectors, beside the unfiltered one.

    python -m benchmarks.filtered_query [--points 100000] [--dim 512] [--queries 100] [--plain]

Points carry the payload of photos. The unfiltered query runs before each filtered one, so that both
meet the same load of a busy machine; the ratio is that of their medians. Recall compares with an
exact scan over the points that pass. With `--plain`, the engine indexes no payload key but the
owner.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.vector_query import BATCH, Vectors, synthetic_vectors
from search.vectors.index import (
    And,
    Eq,
    Filter,
    HasIds,
    In,
    Near,
    Not,
    Payload,
    Place,
    Point,
    Range,
    adapter,
    qdrant_edge,
)
from search.vectors.index.qdrant_edge import EdgeIndex

CAMERAS = [f"Maker Model {number}" for number in range(40)]
COLOURS = ("red", "orange", "yellow", "green", "teal", "blue", "brown", "black", "white", "grey")
DAY = 86_400
Passes = Callable[[Payload], bool]


def payload(number: int) -> Payload:
    """Return the payload of a generated photo, with dates and places spread evenly."""
    share = number * 7919 % 1000 / 1000
    place = {} if number % 3 else {"place": Place(38 + share * 4, -9 + share * 4)}
    return {
        "owner": "1",
        "gen": 1,
        "taken": 1_500_000_000 + int(share * 3650) * DAY,
        "dated": True,
        "orientation": "portrait" if number % 4 == 0 else "landscape",
        "aspect": 0.75 if number % 4 == 0 else 1.5,
        "megapixels": 12.2 + number % 7,
        "type": "heif" if number % 100 == 0 else "jpeg",
        "bytes": 1_000_000 + number % 9_000 * 1000,
        "colours": [COLOURS[number % 10], COLOURS[number // 10 % 10]],
        "camera": CAMERAS[number % 40],
        "lens": f"{CAMERAS[number % 40]} 24-70mm",
        **place,
    }


def filters(points: int) -> dict[str, tuple[Filter, Passes]]:
    """Return name -> (filter, whether a payload passes), besides the owner's."""
    begin, end = 1_500_000_000, 1_500_000_000 + 3650 * DAY

    def first(share: float) -> float:
        return begin + (end - begin) * share

    def taken(share: float) -> tuple[Filter, Passes]:
        return Range("taken", begin, first(share)), lambda p: p["taken"] < first(share)

    return {
        "date, 1 %": taken(0.01),
        "type, 1 %": (Eq("type", "heif"), lambda p: p["type"] == "heif"),
        "place, 1 %": (
            Near("place", 38.02, -8.98, 9_000),
            lambda p: _near(p, 9_000),
        ),
        "date and colour, 1 %": (
            And((taken(0.05)[0], Eq("colours", "teal"))),
            lambda p: taken(0.05)[1](p) and "teal" in p["colours"],
        ),
        "camera, 2.5 %": (Eq("camera", CAMERAS[3]), lambda p: p["camera"] == CAMERAS[3]),
        "date, 10 %": taken(0.1),
        "cameras, 10 %": (
            In("camera", tuple(CAMERAS[:4])),
            lambda p: p["camera"] in CAMERAS[:4],
        ),
        "colour, 19 %": (Eq("colours", "teal"), lambda p: "teal" in p["colours"]),
        "date, 50 %": taken(0.5),
        "not portrait, 75 %": (
            Not(Eq("orientation", "portrait")),
            lambda p: p["orientation"] != "portrait",
        ),
    }


def _near(one: Payload, metres: float) -> bool:
    from tests.contract.exact_index import holds

    return holds(Near("place", 38.02, -8.98, metres), UUID(int=0), one)


def medians(index: EdgeIndex, questions: Vectors, flt: Filter, limit: int) -> tuple[float, float]:
    """Return the median milliseconds of the unfiltered (by owner only) and filtered query."""
    owner = Eq("owner", "1")
    whole = And((owner, flt))
    times: tuple[list[float], list[float]] = ([], [])
    for number, question in enumerate(questions):
        for which, asked in ((0, owner), (1, whole)):
            started = time.perf_counter()
            index.query(question, limit=limit, flt=asked)
            if number >= 5:
                times[which].append((time.perf_counter() - started) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])


def recall(
    index: EdgeIndex, vectors: Vectors, rows: NDArray[np.intp], questions: Vectors, flt: Filter
) -> float:
    """Return the share of the ten exactly nearest points among `rows` that the index finds."""
    shares = []
    for question in questions:
        near = rows[np.argsort(-(vectors[rows] @ question))[:10]]
        found = index.query(question, limit=10, flt=And((Eq("owner", "1"), flt)))
        exact = {UUID(int=int(row) + 1) for row in near}
        shares.append(len(exact & {hit.id for hit in found}) / max(len(exact), 1))
    return float(np.mean(shares))


def report(index: EdgeIndex, vectors: Vectors, questions: Vectors, limit: int) -> None:
    """Print one line for each filter."""
    count = len(vectors)
    payloads = [payload(number) for number in range(count)]
    asked: dict[str, tuple[Filter, NDArray[np.intp]]] = {
        name: (flt, np.array([n for n, carried in enumerate(payloads) if passes(carried)]))
        for name, (flt, passes) in filters(count).items()
    }
    rng = np.random.default_rng(5)
    for size in (1_000, 10_000, 50_000):
        if size < count:
            chosen = np.sort(rng.choice(count, size, replace=False))
            ids = [UUID(int=int(row) + 1) for row in chosen]
            rest = np.setdiff1d(np.arange(count), chosen)
            asked[f"{size:,} ids"] = (HasIds.of(ids), chosen)
            asked[f"not {size:,} ids"] = (Not(HasIds.of(ids)), rest)
    print(f"limit {limit:<20}{'passes':>8}{'ms':>8}{'without':>9}{'ratio':>7}{'recall':>8}")
    for name, (flt, rows) in asked.items():
        without, ms = medians(index, questions, flt, limit)
        found = recall(index, vectors, rows, questions[:50], flt)
        share = len(rows) / count
        print(f"{name:<26}{share:>8.1%}{ms:>8.2f}{without:>9.2f}{ms / without:>7.2f}{found:>8.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    if options.plain:
        qdrant_edge.FIELDS = {"owner": adapter.FIELDS["owner"]}  # type: ignore[attr-defined]
    everything = synthetic_vectors(options.points + options.queries, options.dim)
    vectors, questions = everything[: options.points], everything[options.points :]
    with tempfile.TemporaryDirectory() as folder:
        index = filled(Path(folder) / "index", vectors)
        report(index, vectors, questions, options.limit)
        index.close()


def filled(folder: Path, vectors: Vectors) -> EdgeIndex:
    """Return an index with all vectors, and print what that took."""
    process, dim = psutil.Process(), vectors.shape[1]
    before, started = process.memory_info(), time.perf_counter()
    index = EdgeIndex(folder, dim, "synthetic")
    for start in range(0, len(vectors), BATCH):
        index.upsert(
            [
                Point(UUID(int=number + 1), vectors[number], payload(number))
                for number in range(start, min(start + BATCH, len(vectors)))
            ]
        )
    index.flush()
    print(f"{len(vectors) / (time.perf_counter() - started):,.0f} points/s upserted")
    index.close()
    gc.collect()
    started = time.perf_counter()
    index = EdgeIndex(folder, dim, "synthetic")
    index.ensure()
    print(f"{time.perf_counter() - started:.2f} s to open")
    index.query(vectors[0], limit=60, flt=Eq("owner", "1"))
    after = process.memory_info()
    mapped = (after.shared - before.shared) / 2**20
    print(f"{(after.rss - before.rss) / 2**20 - mapped:.0f} MB of memory, {mapped:.0f} MB mapped")
    print(f"{(index.stats().bytes_on_disk or 0) / 2**20:.0f} MB on disk")
    return index


if __name__ == "__main__":
    main()
