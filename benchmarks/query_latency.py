"""How long queries of several terms and filters take over HTTP, on 100,000 photos and more.

The gallery holds 100,000 photos with generated vectors, dates, cameras, places, albums and tags,
and 1,000 real pictures. Each query has one to five terms (words, photos, exclusions, weights) and
up to three filters of all kinds, chosen at random. Each is new, so that no cached text embedding
helps. The API and the page take turns, one query at a time.

Run: python -m benchmarks.query_latency [--photos FOLDER] [--count 100000] [--queries 300]
With --data, the gallery stays in that folder and is used again the next time.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks.gallery_process import ROOT, Gallery, gallery, percentile, pictures, signed_in

DIM = 512
REAL = 1000
TARGETS = (80, 200)
"""Milliseconds: the targets for p50 and p95."""

_WHO = ("dog", "child", "old man", "red car", "woman", "boat", "cat", "bicycle", "tree", "train")
_WHAT = ("running", "sleeping", "in the snow", "at night", "on a beach", "near water", "in a city")
_ALSO = ("sunset", "fog", "crowd", "mountains", "cartoon", "people", "rain", "flowers", "smoke")
_FILTERS = (
    "after:2022",
    "before:2024-06",
    "date:summer-2023",
    "camera:nikon",
    "camera:canon,sony",
    "lens:50mm",
    "orientation:landscape",
    "orientation:portrait,square",
    "aspect:>1.2",
    "colour:blue,green",
    "type:jpeg",
    "has:gps",
    "near:38.72,-9.14,50km",
    "size:<10MB",
    "rating:>=3",
    "is:favourite",
    "tag:family",
    "-tag:family",
    "in:album",
    "-in:album",
    "name:1",
)


def main() -> None:
    """Fill a gallery, search it, and print percentiles by the number of terms and filters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of JPEGs to crop real pictures from")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--data", type=Path, help="folder to keep the gallery in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scry-queries-") as folder:
        data = options.data or Path(folder)
        if not (data / "filled").exists():
            with gallery(data=data) as running:
                running.wait_until_ready()
                _upload(running, options.photos)
            _fill(data, options.count)
            (data / "filled").touch()
        with gallery(data=data) as running:
            running.wait_until_ready()
            running.wait_until_settled()
            _ask_all(running, options.queries)


def _upload(running: Gallery, photos: Path | None) -> None:
    def send(data: bytes) -> None:
        answer = running.client.post("/api/v1/photos", files={"file": ("photo.jpg", data)})
        assert answer.status_code in {200, 201}, answer.text

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(send, pictures(REAL, photos)))
    running.wait_until_settled()


def _fill(folder: Path, count: int) -> None:
    subprocess.run(
        [sys.executable, "-m", "benchmarks.fill", "bench", str(count), str(DIM), "--facts"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(folder)},
        check=True,
    )


def _ask_all(running: Gallery, count: int) -> None:
    dice = random.Random(11)
    session = signed_in(running)
    listed = running.client.get("/api/v1/photos", params={"limit": 100}).json()["photos"]
    photos = [photo["id"] for photo in listed]
    for _ in range(10):
        _timed(running.client, "/api/v1/search", _query(dice, photos, 1, 0))
    took: Mapping[str, list[float]] = defaultdict(list)
    slowest: list[tuple[float, str]] = []
    for number in range(count):
        terms, filters = 1 + number % 5, number // 5 % 4
        query = _query(dice, photos, terms, filters)
        api = _timed(running.client, "/api/v1/search", query)
        slowest.append((api, query))
        page = _timed(session, "/search", _query(dice, photos, terms, filters))
        for name in ("all", f"{terms} terms", f"{filters} filters"):
            took[f"API, {name}"].append(api)
            took[f"page, {name}"].append(page)
    for name in sorted(took):
        p50, p95 = percentile(took[name], 50), percentile(took[name], 95)
        print(f"{name:18} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   worst {max(took[name]):6.1f} ms")
    for took_ms, query in sorted(slowest, reverse=True)[:5]:
        print(f"{took_ms:6.1f} ms  {query}")
    print(f"target: p50 {TARGETS[0]} ms, p95 {TARGETS[1]} ms")


def _query(dice: random.Random, photos: list[str], terms: int, filters: int) -> str:
    words = [f"{dice.choice(_WHO)} {dice.choice(_WHAT)} {dice.randrange(10_000)}"]
    for also in dice.sample(_ALSO, terms - 1):
        kind = dice.random()
        if kind < 0.25:
            words.append(f"{dice.choice(['', '-'])}photo:{dice.choice(photos)}")
        else:
            words.append(f"{dice.choice(['+', '-', '2:', '0.5:'])}{also}")
    return " ".join([*words, *dice.sample(_FILTERS, filters)])


def _timed(client: httpx.Client, path: str, query: str) -> float:
    started = time.perf_counter()
    answer = client.get(path, params={"q": query})
    took = (time.perf_counter() - started) * 1000
    assert answer.status_code == 200, (query, answer.text[:500])
    return took


if __name__ == "__main__":
    main()
