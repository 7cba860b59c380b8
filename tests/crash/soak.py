"""An hour of ordinary use, without a fault: errors, times, and whether memory grows.

    make soak MINUTES=60

80 % searches, 10 % uploads, 5 % deletions, 5 % browsing, by three people. Memory is the share of
each program with its children (PSS: what several hold together counts once); its slope is that of
a line through the second half.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from tests.crash.__main__ import Run
from tests.crash.galleries import KINDS, Gallery
from tests.crash.load import Person
from tests.crash.tally import Tally
from tests.crash.verify import promises, sound_at_rest, wait_until_settled

EVERY = 10.0
MIB = 1 << 20
SLOPE = 1.0
"""MB a minute that a program may grow."""


class Visitor(Person):
    """Somebody who mostly searches, and notes how long each answer took and which ones failed."""

    seconds: dict[str, list[float]]
    errors: Counter[str] = Counter()  # of the start, which are no faults

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = super().ask(method, path, **more)
        if answer.status_code >= 500:
            code = re.search(r'"code": *"(\w+)"', answer.text)
            where = re.sub(r"[0-9a-f-]{36}", "ID", answer.request.url.path)
            self.errors[f"{method} {where}: {answer.status_code} {code[1] if code else ''}"] += 1
        return answer

    def deeds(self) -> list[tuple[Callable[[], None], int]]:
        return [
            (self._timed("search", self.search), 80),
            (self._timed("upload", self.upload), 10),
            (self._timed("delete", self.trash), 4),
            (self._timed("delete", self.delete), 1),
            (self._timed("browse", self.browse), 5),
        ]

    def _timed(self, name: str, deed: Callable[[], None]) -> Callable[[], None]:
        def timed() -> None:
            began = time.monotonic()
            deed()
            self.seconds[name].append(time.monotonic() - began)

        return timed


def memory_of(gallery: Gallery) -> dict[str, float]:
    """Return the MB that each program and its children hold."""
    sizes = {}
    for name, program in gallery.victims.items():
        if program.process is None or name == "decoder":
            continue
        parent = psutil.Process(program.process.pid)
        total = 0
        for one in (parent, *parent.children(recursive=True)):
            try:
                total += one.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue
        sizes[name] = total / MIB
    return sizes


def slope(samples: list[tuple[float, float]]) -> float:
    """Return by how many MB a minute a program grew in the second half of its samples."""
    late = np.array(samples[len(samples) // 2 :])
    if len(late) < 3:
        return 0.0
    return float(np.polyfit(late[:, 0] / 60.0, late[:, 1], 1)[0])


def report(
    memory: dict[str, list[tuple[float, float]]],
    seconds: dict[str, list[float]],
    answers: dict[str, int],
    errors: Counter[str],
) -> str:
    """Return the tables for people."""
    lines = [f"{'program':12} {'MB first':>9} {'MB last':>9} {'MB/min':>8}"]
    for name, samples in memory.items():
        first, last = samples[0][1], samples[-1][1]
        lines.append(f"{name:12} {first:9.0f} {last:9.0f} {slope(samples):8.2f}")
    lines.append(f"{'request':12} {'number':>9} {'median ms':>9} {'p95 ms':>8}")
    for name, taken in seconds.items():
        middle, late = np.percentile(taken, [50, 95]) * 1000
        lines.append(f"{name:12} {len(taken):9} {middle:9.0f} {late:8.0f}")
    lines.append(f"answers: {answers}; server errors: {errors.total()}")
    lines += [f"  {number} x {what}" for what, number in errors.most_common(20)]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.crash.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--mode", choices=sorted(KINDS), default="services")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="scry-soak-"))
    run = Run(KINDS[options.mode](folder, {}), Tally(seed=1), Visitor)
    memory: dict[str, list[tuple[float, float]]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    errors: Counter[str] = Counter()
    try:
        run.start()
        for person in run.people:
            person.seconds, person.errors = seconds, errors
            person.counts.clear()  # Until the model was loaded, searches were answered with 503.
            person.start()
        began = time.monotonic()
        while (passed := time.monotonic() - began) < options.minutes * 60:
            for name, size in memory_of(run.gallery).items():
                memory[name].append((passed, size))
            time.sleep(EVERY)
        for person in run.people:
            person.stop()
        answers: dict[str, int] = defaultdict(int)
        for person in run.people:
            for kind, number in person.counts.items():
                answers[kind] += number
        _, faults = wait_until_settled(run.gallery, lease=10)
        run.people = [person.resume() for person in run.people]
        faults += promises(run.people)
        faults += sound_at_rest(run.gallery, gently=True)
    finally:
        run.gallery.remove()
        shutil.rmtree(folder, ignore_errors=True)
    print(report(memory, seconds, dict(answers), errors))  # noqa: T201
    print("\n".join(faults) or "All invariants hold.")  # noqa: T201
    grows = [name for name, samples in memory.items() if slope(samples) > SLOPE]
    if grows:
        print(f"grows by more than {SLOPE} MB a minute: {', '.join(grows)}")  # noqa: T201
    return 1 if faults or grows or errors else 0


if __name__ == "__main__":
    sys.exit(main())
