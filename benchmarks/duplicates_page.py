"""How long 50 groups of 1,000 take over HTTP, as a page and from the API.

`python -m benchmarks.duplicates_page --photos DIR [--groups 1000]`
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.duplicate_sweep import fill
from benchmarks.fill_duplicates import GROUP
from benchmarks.gallery_process import gallery, percentile, signed_in

REQUESTS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="photos to cut pictures from")
    parser.add_argument("--groups", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scry-groups-") as folder:
        data = Path(folder)
        with gallery(data=data):
            pass  # Makes the tables and the owner.
        fill(data, GROUP * options.groups, options.photos, "group")
        with gallery(data=data) as running:
            running.wait_until_ready(600)
            running.wait_until_settled()
            session = signed_in(running)
            for sort in ("bytes", "date", "closeness"):
                asked = {"kind": "same_picture", "sort": sort}
                _report(f"page by {sort}", _ask(session, "/duplicates", asked))
                asked |= {"limit": "50"}
                _report(f"API by {sort}", _ask(running.client, "/api/v1/duplicates", asked))
    print("target: 300 ms")


def _ask(client: httpx.Client, path: str, params: dict[str, str]) -> list[float]:
    took = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        answer = client.get(path, params=params)
        took.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, answer.text
    return took


def _report(what: str, took: list[float]) -> None:
    print(f"{what:18} p50 {percentile(took, 50):6.1f} ms   p95 {percentile(took, 95):6.1f} ms")


if __name__ == "__main__":
    main()
