"""How much memory the gallery needs with the starter model and 100,000 synthetic vectors.

Also: how long the projection from SQL into the index takes, and whether memory grows while
browsing. The photos have no files.

Run: python -m benchmarks.memory [--count 100000]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.gallery_process import ROOT, Gallery, gallery, percentile

DIM = 512


def main() -> None:
    """Fill, start, search, browse, and print megabytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scry-memory-") as folder:
        with gallery(data=Path(folder)) as running:
            running.wait_until_ready()
        _fill(Path(folder), options.count)
        # The account exists already in this folder, so the second start reuses it.
        with gallery(data=Path(folder)) as running:
            running.wait_until_ready()
            running.wait_until_settled()
            projected = time.monotonic() - running.started
        with gallery(data=Path(folder)) as running:
            running.wait_until_ready()
            latency = _search(running)
            before = running.resident_bytes()
            _browse(running, pages=300)
            after = running.resident_bytes()
    print(f"{options.count} vectors projected and loaded {projected:6.1f} s after the start")
    print(f"memory after searching   {before / 2**20:7.0f} MB   (target 1,500)")
    print(f"memory after 300 pages   {after / 2**20:7.0f} MB")
    p50, p95 = percentile(latency, 50), percentile(latency, 95)
    print(f"similar photos over HTTP p50 {p50:.1f} ms, p95 {p95:.1f} ms")


def _fill(folder: Path, count: int) -> None:
    subprocess.run(
        [sys.executable, "-m", "benchmarks.fill", "bench", str(count), str(DIM)],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(folder)},
        check=True,
    )


def _search(running: Gallery) -> list[float]:
    took = []
    page = running.client.get("/api/v1/photos", params={"limit": 100}).json()
    for photo in page["photos"]:
        started = time.perf_counter()
        answer = running.client.get(f"/api/v1/photos/{photo['id']}/similar")
        took.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, answer.text
    return took


def _browse(running: Gallery, *, pages: int) -> None:
    cursor: str | None = ""
    for _ in range(pages):
        page = running.client.get("/api/v1/photos", params={"limit": 100, "cursor": cursor or ""})
        cursor = page.json()["next"]


if __name__ == "__main__":
    main()
