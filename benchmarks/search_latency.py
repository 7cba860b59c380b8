"""How long a search takes over HTTP, page render included, on a gallery of a thousand photos.

Every query is new in the first round, so that no cached text embedding helps; a second round
repeats them. The API and the page take turns within one run.

Run: python -m benchmarks.search_latency [--photos FOLDER] [--count 1000]
"""

from __future__ import annotations

import argparse
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks.gallery_process import Gallery, gallery, percentile, pictures, signed_in

_WHO = ("a dog", "two children", "an old man", "a red car", "a woman", "a boat", "a small cat")
_WHAT = ("running", "sleeping", "in the snow", "at night", "on a beach", "jumping over a fence")
_WHERE = ("in a city", "near the water", "under a tree", "with people behind", "in the rain")


def main() -> None:
    """Fill a gallery, search it, and print percentiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of JPEGs to crop from")
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    queries = [" ".join(words) for words in itertools.product(_WHO, _WHAT, _WHERE)]
    half = len(queries) // 2
    with gallery() as running:
        running.wait_until_ready()
        with ThreadPoolExecutor(4) as threads:
            list(
                threads.map(
                    lambda data: _upload(running, data), pictures(options.count, options.photos)
                )
            )
        running.wait_until_settled()
        session = signed_in(running)
        _report("API, new query", _ask(running.client, "/api/v1/search", queries[:half]))
        _report("page, new query", _ask(session, "/search", queries[half:]))
        _report("API, query seen before", _ask(running.client, "/api/v1/search", queries[:half]))
        _report("page, query seen before", _ask(session, "/search", queries[half:]))
    print("target: p50 60 ms, p95 150 ms")


def _upload(running: Gallery, data: bytes) -> None:
    answer = running.client.post("/api/v1/photos", files={"file": ("photo.jpg", data)})
    assert answer.status_code in {200, 201}, answer.text


def _ask(client: httpx.Client, path: str, queries: list[str]) -> list[float]:
    """Return the milliseconds of each query."""
    took = []
    for query in queries:
        started = time.perf_counter()
        answer = client.get(path, params={"q": query})
        took.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, answer.text
    return took


def _report(what: str, took: list[float]) -> None:
    print(f"{what:26} p50 {percentile(took, 50):6.1f} ms   p95 {percentile(took, 95):6.1f} ms")


if __name__ == "__main__":
    main()
