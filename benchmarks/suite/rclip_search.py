"""Measure rclip's own search over made-up vectors. Run by the peers' Python; prints JSON.

    python -m benchmarks.suite.rclip_search WEIGHTS COUNT QUERIES

It embeds the words and compares them with all vectors of its SQLite file. rclip starts anew for
each query of its command line; here only the search in a process that runs counts.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import psutil

from benchmarks.vector_query import synthetic_vectors

DIM = 512
FOLDER = "/photos"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("queries", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        for part in (options.weights / "rclip").iterdir():
            (Path(data) / part.name).symlink_to(part)
        os.environ["RCLIP_DATADIR"] = data
        print(json.dumps(searched(Path(data), options.count, options.queries)))


def searched(data: Path, count: int, queries: int) -> dict[str, float]:
    """Return the milliseconds of a search, and the megabytes after ten."""
    main, model, db = (import_module(f"rclip.{name}") for name in ("main", "model", "db"))
    database = db.DB(data / "db.sqlite3")
    for number, vector in enumerate(synthetic_vectors(count, DIM)):
        database.upsert_image(
            db.NewImage(
                filepath=f"{FOLDER}/{number}.jpg",
                modified_at=0.0,
                size=1,
                vector=vector.tobytes(),
                hash=str(number),
            ),
            commit=False,
        )
    database.commit()
    index = main.RClip(model.Model(), database, 8, None)
    times = [_search(index, f"a red car {number}") for number in range(10)]
    memory = psutil.Process().memory_info().rss / 2**20
    times = [_search(index, f"a boat {number}") for number in range(queries)]
    p50, p95 = np.percentile(times, [50, 95])
    return {"p50": float(p50), "p95": float(p95), "memory": memory}


def _search(index: object, words: str) -> float:
    began = time.perf_counter()
    found = index.search(words, FOLDER)  # type: ignore[attr-defined]
    assert found, "rclip found nothing"
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
