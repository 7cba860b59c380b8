"""How fast photos become searchable: a thousand at once, and one while idle.

Uploads go through the API, four at a time, as the page sends them. The time is measured from the
first byte until nothing is pending.

Run: python -m benchmarks.ingest_rate [--photos FOLDER] [--count 1000]
"""

from __future__ import annotations

import argparse
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.gallery_process import Gallery, gallery, pictures


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of JPEGs to crop from")
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    bulk = pictures(options.count, options.photos)
    singles = pictures(9, options.photos, seed=2)
    with gallery() as running:
        running.wait_until_ready()
        single = [_single(running, data) for data in singles]
        uploads, settled = _bulk(running, bulk)
        memory = running.resident_bytes() / 2**20
    rate = options.count / settled
    kind = "crops of real photos" if options.photos else "synthetic pictures"
    print(f"{options.count} {kind}, 500x375")
    print(f"uploaded and searchable  {rate:7.1f} photos/s   (target 15)")
    print(f"  of which uploads done  {options.count / uploads:7.1f} photos/s")
    print(f"one photo while idle     {statistics.median(single):7.2f} s median (target 3)")
    print(f"  slowest of {len(single)}           {max(single):7.2f} s")
    print(f"memory at the end        {memory:7.0f} MB")


def _upload(running: Gallery, data: bytes) -> str:
    answer = running.client.post("/api/v1/photos", files={"file": ("photo.jpg", data)})
    assert answer.status_code in {200, 201}, answer.text
    return str(answer.json()["id"])


def _single(running: Gallery, data: bytes) -> float:
    started = time.monotonic()
    photo_id = _upload(running, data)
    while running.client.get(f"/api/v1/photos/{photo_id}").json()["state"] != "indexed":
        assert time.monotonic() - started < 60
        time.sleep(0.02)
    return time.monotonic() - started


def _bulk(running: Gallery, bulk: list[bytes]) -> tuple[float, float]:
    """Return the seconds until all were uploaded and until all were searchable."""
    started = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda data: _upload(running, data), bulk))
    uploads = time.monotonic() - started
    running.wait_until_settled()
    return uploads, time.monotonic() - started


if __name__ == "__main__":
    main()
