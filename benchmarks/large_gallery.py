"""What a large gallery costs: filling its index, pages and uploads meanwhile, pages after, fsck.

The photos have generated vectors and facts and no files (`benchmarks.fill --facts`); only the
uploads are pictures. CPU is that of the whole process of the gallery, with the pages it served.

Run: python -m benchmarks.large_gallery [--count 200000] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil

from benchmarks.gallery_process import ROOT, Gallery, gallery, percentile, pictures, signed_in

DIM = 512
PAGES = ("/", "/problems", "/duplicates", "/trash", "/settings", "/originals", "/status-strip")
REQUESTS = 12
UPLOAD_EVERY = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--keep", type=Path, help="use, or make and keep, a gallery in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scry-large-") as folder:
        data = options.keep or Path(folder)
        if not (data / "bench-owner").exists():
            data.mkdir(parents=True, exist_ok=True)
            with gallery(data=data):
                pass  # Makes the tables and the owner.
            _run(data, "-m", "benchmarks.fill", "bench", str(options.count), str(DIM), "--facts")
        with gallery(data=data) as running:
            fill_index(running)
            running.wait_until_ready()
            show_pages(running)
        _time_command(data, "fsck")


def fill_index(running: Gallery) -> None:
    """Print how long the index takes to be filled, and how pages and uploads fare meanwhile."""
    process = psutil.Process(running.process.pid)
    session = signed_in(running)
    pending = _pending(running)
    before, began = _cpu_seconds(process), time.monotonic()
    searches, pages, uploads = list[float | None](), list[float | None](), list[float]()
    waiting: dict[str, float] = {}
    sent = began - UPLOAD_EVERY
    fresh = iter(pictures(1000, None, seed=time.time_ns()))
    while _pending(running) > len(waiting):
        searches.append(_ms(running.client, "/api/v1/search?q=red+boat"))
        pages.append(_ms(session, "/"))
        if time.monotonic() - sent > UPLOAD_EVERY and not waiting:
            sent = time.monotonic()
            answer = running.client.post("/api/v1/photos", files={"file": next(fresh)})
            waiting[answer.json()["id"]] = sent
        for photo in list(waiting):
            if running.client.get(f"/api/v1/photos/{photo}").json()["state"] == "indexed":
                uploads.append(time.monotonic() - waiting.pop(photo))
        time.sleep(0.1)
    wall, cpu = time.monotonic() - began, _cpu_seconds(process) - before
    print(f"filled the index with {pending:,} photos in {wall:.0f} s, {cpu:.0f} s CPU")
    for name, times, unit in (("search", searches, "ms"), ("grid", pages, "ms")):
        _report(f"  meanwhile {name}", times, unit)
    _report("  meanwhile an upload is searchable after", uploads, "s")


def show_pages(running: Gallery) -> None:
    """Print how long each page takes."""
    session = signed_in(running)
    for path in PAGES:
        _report(path, [_ms(session, path) for _ in range(REQUESTS)], "ms")
    found = "/api/v1/search?q=red+boat"
    _report(found, [_ms(running.client, found) for _ in range(REQUESTS)], "ms")


def _time_command(data: Path, *arguments: str) -> None:
    began, before = time.monotonic(), os.times()
    _run(data, "manage.py", *arguments, check=False)
    used = os.times()
    cpu = used.children_user + used.children_system
    cpu -= before.children_user + before.children_system
    print(f"manage.py {' '.join(arguments)}: {time.monotonic() - began:.0f} s, {cpu:.0f} s CPU")


def _run(data: Path, *arguments: str, check: bool = True) -> None:
    environment = {**os.environ, "DATA_DIR": str(data), "EMBEDDING_MODEL": "starter"}
    command = [sys.executable, *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=check)


def _pending(running: Gallery) -> int:
    return int(running.client.get("/api/v1/status").json()["pending"])


def _cpu_seconds(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _ms(client: httpx.Client, path: str) -> float | None:
    """Return how long the answer took, or None if the model was not loaded yet."""
    began = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code in {200, 503}, answer.text
    return took if answer.status_code == 200 else None


def _report(what: str, times: Sequence[float | None], unit: str) -> None:
    answered = [took for took in times if took is not None]
    if not answered:
        print(f"{what}: never answered")
        return
    middle, worst, refused = percentile(answered, 50), max(answered), len(times) - len(answered)
    text = f"{what:45} median {middle:7.1f} {unit}   worst {worst:7.1f} {unit}   of {len(answered)}"
    print(f"{text}, {refused} refused" if refused else text)


if __name__ == "__main__":
    main()
