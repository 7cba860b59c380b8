"""How long from the start of the process to the first page, and until search answers.

The gallery was used before, so its model is chosen and measured. On a busy machine the seconds of
CPU say more; those of the first page include what is loaded beside it.

Run: python -m benchmarks.first_page
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.gallery_process import gallery

STARTS = 3


def main() -> None:
    """Start the gallery a few times in one folder and print medians."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="scry-start-") as folder:
        with gallery(data=Path(folder)) as running:
            running.wait_until_ready()
        for _ in range(STARTS):
            rows.append(_start(Path(folder)))
    page, page_cpu, request, ready, ready_cpu = map(statistics.median, zip(*rows, strict=True))
    print(f"first page after start   {page:6.2f} s, {page_cpu:.2f} s of CPU   (target 1 s)")
    print(f"  of which the request   {request:6.2f} s")
    print(f"search ready after start {ready:6.2f} s, {ready_cpu:.2f} s of CPU   (target 5 s)")


def _start(folder: Path) -> tuple[float, ...]:
    """Return seconds: to the first page and of CPU by then, of the request, and to search."""
    with gallery(data=folder) as running:
        process = psutil.Process(running.process.pid)
        asked = time.monotonic()
        page = running.client.get("/sign-in")
        assert page.status_code == 200, page.status_code
        served = time.monotonic()
        page_cpu = sum(process.cpu_times()[:2])
        ready = running.wait_until_ready()
        ready_cpu = sum(process.cpu_times()[:2])
    return served - running.started, page_cpu, served - asked, ready, ready_cpu


if __name__ == "__main__":
    main()
