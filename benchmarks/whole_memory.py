"""The memory of a whole gallery with the starter model: by process, and by kind of memory.

    python -m benchmarks.whole_memory [--photos 1000]

It starts `manage.py serve` in an empty folder, uploads made-up photos, waits until all are
searchable, searches ten times, and adds up the proportional memory (PSS) of all processes, decoder
children included: a page that several processes share counts once in total. Anonymous memory is a
process's own; pages of files can be dropped and read again. It says when memory was highest, too.
Linux only.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from benchmarks.gallery_process import Gallery, gallery, pictures

TARGET_MB = 900
QUERIES = (
    "a dog", "snow", "red flower", "two people on a beach", "car", "a cat on a sofa", "night city",
    "mountain lake", "food on a plate", "un perro en la nieve",
)  # fmt: skip


@dataclass
class Memory:
    """Megabytes of one process: its share, and what it is made of."""

    total: float = 0.0
    anonymous: float = 0.0
    files: float = 0.0
    shared: float = 0.0

    def __add__(self, other: Memory) -> Memory:
        return Memory(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def memory_of(pid: int) -> Memory:
    """Return the memory of a process; nothing if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return Memory()
    kept = {name: int(rest.split()[0]) / 1024 for name, rest in (x.split(":") for x in lines)}
    return Memory(kept["Pss"], kept["Pss_Anon"], kept["Pss_File"], kept["Pss_Shmem"])


def processes(running: Gallery) -> Iterator[tuple[str, Memory]]:
    """Yield the kind and the memory of each process of a gallery."""
    server = psutil.Process(running.process.pid)
    yield "server", memory_of(server.pid)
    for child in server.children(recursive=True):
        yield "decoder child", memory_of(child.pid)


def total(running: Gallery) -> Memory:
    """Return the memory of all processes together."""
    return sum((memory for _, memory in processes(running)), Memory())


class Highest:
    """Looks twice a second how much memory a gallery takes, in a thread, and keeps the most."""

    def __init__(self, running: Gallery) -> None:
        self.seen = Memory()
        self._running, self._stop = running, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(0.5):
            self.seen = max(self.seen, total(self._running), key=lambda memory: memory.total)

    def stop(self) -> Memory:
        """End looking; return the most."""
        self._stop.set()
        self._thread.join()
        return self.seen


def main() -> None:
    """Print the memory after the start, at its highest, and after ten searches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=1000)
    options = parser.parse_args()
    with gallery() as running:
        running.wait_until_ready()
        _print("ready, without photos", total(running))
        highest = Highest(running)
        _upload(running, options.photos)
        running.wait_until_settled()
        _print(f"highest while {options.photos} photos came", highest.stop())
        for text in QUERIES:
            running.client.get("/api/v1/search", params={"q": text}).raise_for_status()
        time.sleep(5)
        for name, memory in processes(running):
            _print(f"  {name}", memory)
        _print(f"after {len(QUERIES)} searches (target {TARGET_MB})", total(running))


def _upload(running: Gallery, count: int) -> None:
    for start in range(0, count, 50):
        for number, content in enumerate(pictures(min(50, count - start), None, seed=start), start):
            files = {"file": (f"{number}.jpg", content, "image/jpeg")}
            running.client.post("/api/v1/photos", files=files).raise_for_status()


def _print(what: str, memory: Memory) -> None:
    print(
        f"{what:40} {memory.total:6.0f} MB: anonymous {memory.anonymous:.0f}, "
        f"files {memory.files:.0f}, shared {memory.shared:.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
