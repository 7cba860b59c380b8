"""Photos from disk to searchable: Scry against plain loops with the same model, in one run.

    python -m benchmarks.ingest_loops [--photos 60] [--megapixels 12] [--rounds 3] [--like DIR]
        [--json FILE]

Each round runs, one after the other,
- *plain loop*: decode whole pictures, prepare them, embed in batches of 8;
- *draft loop*: the same, but JPEGs are decoded at a reduced size;
- *Scry*: `import_folder` into a running gallery, until every photo is searchable, with its copy,
  thumbnail, hashes and rows; and *with duplicates*, until every photo was compared, too;
- *decode* on one core and the image *tower* on all cores alone. They give the *bound*: what all
  cores reach that do nothing but these two.

The loops run the starter through its own adapter in a process of their own. The gallery is given
new photos in each round. It waits before each until the gallery is at rest. Figures are medians of
the rounds, in photos a second; ratios are medians of the ratios of each round. The last table says
where the gallery's CPU time went.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.camera_photos import SIZES, write_photos
from benchmarks.gallery_process import ROOT, Gallery, gallery

BATCH = 8
REST_SECONDS, REST_SHARE = 3.0, 0.05
"""The gallery is at rest when its processes took so little of a core for so long."""
FIGURES = ("plain loop", "draft loop", "Scry", "Scry with duplicates", "decode", "tower", "bound")


def main() -> None:
    """Measure, print the tables, and write the figures if a file is given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=60, help="of each round")
    parser.add_argument("--megapixels", type=float, choices=list(SIZES), default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--like", type=Path, help="draw what the photos of this folder show")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--loop", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        print(json.dumps(_loops(sorted(options.loop.iterdir()))))  # The last line is the answer.
        return
    scenes = sorted(options.like.iterdir()) if options.like else []
    rounds, spent = _rounds(options.photos, options.megapixels, options.rounds, scenes)
    print(_table(rounds, options))
    print(_spent_table(spent))
    if options.json:
        options.json.write_text(json.dumps({"rounds": rounds, "cpu_ms": spent}, indent=1))


def _rounds(
    count: int, megapixels: float, number: int, scenes: Sequence[Path]
) -> tuple[list[dict[str, float]], dict[str, float]]:
    """Return the photos a second of each round by name, and the gallery's CPU time, ms a photo."""
    found: list[dict[str, float]] = []
    spent: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="scry-photos-") as place, gallery() as running:
        running.wait_until_ready()
        for turn in range(number):
            folder = Path(place) / str(turn)
            write_photos(folder, count, megapixels, first=turn * count, scenes=scenes)
            figures = loops_apart(folder, running.environment)
            wait_for_rest(running)
            scry, cpu = import_folder(running, folder, count)
            figures |= scry
            found.append(figures)
            for name, milliseconds in cpu.items():
                spent[name].append(milliseconds)
            print(f"round {turn + 1} of {number} done", file=sys.stderr)
    return found, {name: round(median(values), 1) for name, values in spent.items()}


# --- the loops ------------------------------------------------------------------------------------


def loops_apart(folder: Path, environment: Mapping[str, str]) -> dict[str, float]:
    """Measure the loops over a folder, in a process of their own; photos a second by name.

    The environment names the model, as it does for a gallery.
    """
    command = [sys.executable, "-m", "benchmarks.ingest_loops", "--loop", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(environment), stdout=subprocess.PIPE, text=True, check=True
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    cores = len(os.sched_getaffinity(0))
    figures["bound"] = 1 / (1 / (figures["decode"] * cores) + 1 / figures["tower"])
    return figures


def _loops(paths: Sequence[Path]) -> dict[str, float]:
    """Measure the loops and their parts in this process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    import django

    django.setup()
    import numpy as np
    from django.conf import settings
    from django.utils.module_loading import import_string
    from PIL import Image

    weights = Path(settings.EMBEDDING_WEIGHTS) if settings.EMBEDDING_WEIGHTS else None
    load = import_string(settings.EMBEDDER_FACTORY)
    embedder = load(settings.EMBEDDING_MODEL, towers=frozenset({"image"}), weights=weights)

    def read(path: Path, *, draft: bool) -> Any:
        with Image.open(path) as image:
            if draft:
                image.draft("RGB", (320, 320))  # a quarter more than the model's 256 pixels
            return np.asarray(image.convert("RGB"))

    def loop(*, draft: bool) -> None:
        for first in range(0, len(paths), BATCH):
            embedder.embed_images(
                [read(path, draft=draft) for path in paths[first : first + BATCH]]
            )

    pictures = [read(path, draft=True) for path in paths[:16]]
    embedder.embed_images(pictures)
    return {
        "plain loop": _rate(len(paths), lambda: loop(draft=False)),
        "draft loop": _rate(len(paths), lambda: loop(draft=True)),
        "decode": _rate(len(paths), lambda: [read(path, draft=True) for path in paths]),
        "tower": _rate(4 * 16, lambda: [embedder.embed_images(pictures) for _ in range(4)]),
    }


def _rate(count: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


# --- the gallery ----------------------------------------------------------------------------------


def import_folder(
    running: Gallery, folder: Path, count: int, *, compares: bool = True
) -> tuple[dict[str, float], dict[str, float]]:
    """Import a folder; return photos a second, and where the CPU time went, ms a photo.

    A gallery that `compares` no photos, because that was paused, is not waited for.
    """
    clock = _Clock(running)
    began = time.perf_counter()
    command = ["manage.py", "import_folder", "--owner", "bench", "-v0", str(folder)]
    importing = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=running.environment)
    while importing.poll() is None:
        clock.look(importing.pid)
        time.sleep(0.05)
    assert importing.returncode == 0
    running.wait_until_settled()
    searchable = time.perf_counter() - began
    clock.look()
    rates = {"Scry": count / searchable}
    if compares:
        while _waiting(running, "compare"):
            time.sleep(0.05)
        rates["Scry with duplicates"] = count / (time.perf_counter() - began)
    return rates, clock.milliseconds(count)


def _waiting(running: Gallery, kind: str) -> int:
    jobs = running.client.get("/api/v1/jobs").raise_for_status().json()["jobs"]
    return sum((job["waiting"] or 0) + job["active"] for job in jobs if job["kind"] == kind)


def wait_for_rest(running: Gallery) -> None:
    """Wait until a gallery's processes take next to no CPU time."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        before = sum(_cpu_by_process(running.process.pid).values())
        time.sleep(REST_SECONDS)
        if sum(_cpu_by_process(running.process.pid).values()) - before < REST_SHARE * REST_SECONDS:
            return
    raise TimeoutError("The gallery did not come to rest.")


class _Clock:
    """The CPU time of the gallery's processes, also of those that end meanwhile."""

    def __init__(self, running: Gallery) -> None:
        self._gallery = running.process.pid
        self._before = _cpu_by_process(self._gallery)
        self._last: dict[tuple[str, int], float] = {}

    def look(self, importing: int | None = None) -> None:
        for pid, name in ((self._gallery, "gallery"), (importing, "import")):
            for number, seconds in _cpu_by_process(pid).items() if pid else ():
                part = name if number == pid else f"decoder children of the {name}"
                self._last[part, number] = seconds

    def milliseconds(self, photos: int) -> dict[str, float]:
        """Return the CPU time since the beginning by kind of process, ms a photo."""
        spent: dict[str, float] = defaultdict(float)
        for (part, number), seconds in self._last.items():
            spent[part] += (seconds - self._before.get(number, 0.0)) * 1000 / photos
        return dict(spent)


def _cpu_by_process(pid: int) -> dict[int, float]:
    found = {}
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.Error):
                times = process.cpu_times()
                found[process.pid] = times.user + times.system
    return found


# --- the tables -----------------------------------------------------------------------------------


def _table(rounds: Sequence[dict[str, float]], options: argparse.Namespace) -> str:
    lines = [
        f"{options.photos} photos of {options.megapixels:g} megapixels, {options.rounds} rounds\n",
        "| photos a second | median | lowest | highest | Scry with duplicates against it |",
        "|---|---|---|---|---|",
    ]
    for name in FIGURES:
        values = [figures[name] for figures in rounds]
        ratio = median(figures["Scry with duplicates"] / figures[name] for figures in rounds)
        cells = f"{median(values):.1f} | {min(values):.1f} | {max(values):.1f} | {ratio:.2f}"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def _spent_table(spent: dict[str, float]) -> str:
    lines = ["\n| CPU time until all is searchable | ms a photo |", "|---|---|"]
    lines += [f"| {name} | {milliseconds} |" for name, milliseconds in spent.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
