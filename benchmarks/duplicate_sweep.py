"""How long a full search for duplicates takes, and how fast searches are meanwhile.

`python -m benchmarks.duplicate_sweep --photos DIR [--count 20000]` fills a gallery with made-up
photos of which one in ten is in a pair (`benchmarks.fill_duplicates`), waits until it is idle,
and has everything compared twice: alone, and while somebody keeps searching.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks.gallery_process import ROOT, Gallery, gallery, percentile, signed_in

QUERIES = (
    f"{what} {where}"
    for what, where in itertools.product(
        ("a dog", "two children", "an old man", "a red car", "a woman", "a boat", "a small cat"),
        [f"number {n}" for n in range(10000)],
    )
)

PAUSE = 0.5
"""Seconds between two searches, each asked of the API and of the page."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="photos to cut pictures from")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--data", type=Path, help="fill this folder once, and use it again later")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scry-sweep-") as folder:
        data = options.data or Path(folder)
        if not (data / "filled").exists():
            with gallery(data=data):
                pass  # Makes the tables and the owner.
            fill(data, options.count, options.photos, "compare")
            (data / "filled").touch()
        with gallery(data=data) as running:
            running.wait_until_ready(600)
            running.wait_until_settled()
            wait_until_compared(running)
            session = signed_in(running)
            _report("idle", ask(running, session, seconds=10))
            print(f"{options.count} photos compared in {sweep(running):.1f} s; found:")
            print(running.client.get("/api/v1/duplicates").json()["totals"])
            seconds, took = sweep_with_searches(running, session)
            print(f"compared in {seconds:.1f} s while somebody keeps searching")
            _report("meanwhile", took)
    print("target: 20,000 photos in 60 s")


def fill(data: Path, count: int, photos: Path, purpose: str) -> None:
    """Run `benchmarks.fill_duplicates` on the gallery in `data`, which does not run."""
    subprocess.run(
        [sys.executable, "-m", "benchmarks.fill_duplicates", "bench", str(count), photos, purpose],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(data), "EMBEDDING_MODEL": "starter"},
        check=True,
    )


def wait_until_compared(running: Gallery, seconds: float = 1800) -> None:
    """Wait until all photos are compared."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        progress = running.client.get("/api/v1/duplicates/progress").json()
        if progress["total"] and not progress["running"]:
            return
        time.sleep(1)  # Comparing pauses for every request.
    raise TimeoutError("Photos still wait to be compared.")


def sweep(running: Gallery) -> float:
    """Compare everything again and return the seconds it took."""
    started = time.monotonic()
    assert running.client.post("/api/v1/duplicates/find").status_code == 202
    wait_until_compared(running)
    return time.monotonic() - started


def sweep_with_searches(
    running: Gallery, session: httpx.Client
) -> tuple[float, dict[str, list[float]]]:
    """Compare everything again; return the seconds it took, and how long searches took."""
    with ThreadPoolExecutor(1) as thread:
        running_sweep = thread.submit(sweep, running)
        took = ask(running, session, seconds=1)
        while not running_sweep.done():
            for part, values in ask(running, session, seconds=0).items():
                took[part].extend(values)
            time.sleep(PAUSE)
        return running_sweep.result(), took


def ask(running: Gallery, session: httpx.Client, *, seconds: float) -> dict[str, list[float]]:
    """Search through the API and the page at least once each; return milliseconds."""
    took: dict[str, list[float]] = {"API": [], "page": []}
    until = time.monotonic() + seconds
    while not took["API"] or time.monotonic() < until:
        for what, client, path in (
            ("API", running.client, "/api/v1/search"),
            ("page", session, "/search"),
        ):
            started = time.perf_counter()
            assert client.get(path, params={"q": next(QUERIES)}).status_code == 200
            took[what].append((time.perf_counter() - started) * 1000)
    return took


def _report(when: str, took: dict[str, list[float]]) -> None:
    for what, values in took.items():
        print(
            f"search {what:5} {when:10} p50 {percentile(values, 50):6.1f} ms   "
            f"p95 {percentile(values, 95):6.1f} ms   ({len(values)} asked)"
        )


if __name__ == "__main__":
    main()
