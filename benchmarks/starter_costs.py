"""What the starter model costs: time per picture and query, memory, seconds until it answers.

    python -m benchmarks.starter_costs [--against CHECKOUT] [--runs 3] [--json]

Each measurement is a process of its own, so that loading and memory are measured as well; the
figures are medians of `--runs` of them. `--against` measures another checkout of the project, in
turns with this one, and prints ratios, which mean something on a busy machine too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PICTURES = 16
SIZE = (384, 512)
"""Height and width of the gallery's thumbnails, which the model gets."""
QUERIES = 60
_WHO = ("dog", "child", "old man", "red car", "woman", "boat", "cat", "bicycle", "tree", "train")
_WHAT = ("running", "in the snow", "at night", "on a beach", "near water", "in a city")


def measured(tower: str, calibration: Path) -> dict[str, float]:
    """Load one tower in this process and return its figures, by name."""
    started = time.perf_counter() - _seconds_alive()
    model = _loaded(tower, calibration)
    return _text_figures(model, started) if tower == "text" else _image_figures(model)


def _loaded(tower: str, calibration: Path) -> Any:
    # The other checkout's code where this script measures it: so nothing of `benchmarks` here.
    import django
    from django.conf import settings

    settings.configure()
    django.setup()
    from search.vectors.embedders.open_clip import load

    chosen: Any = frozenset({tower})
    return load("starter", towers=chosen, calibration_file=calibration)


def _seconds_alive() -> float:
    """Return how long this process has existed."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    up = float(Path("/proc/uptime").read_text().split()[0])
    return up - ticks / os.sysconf("SC_CLK_TCK")


def _text_figures(model: Any, started: float) -> dict[str, float]:
    import torch

    from search.vectors.embedders.phrasing import embed_worded

    model.embed_texts(["a dog in the snow"])
    ready = time.perf_counter() - started
    torch.set_num_threads(2)
    texts = [f"{who} {what} {n}" for n, who in enumerate(_WHO) for what in _WHAT][:QUERIES]
    words = [f"{who} {'abcdefghij'[n % 10]}" for n, who in enumerate(_WHO * 3)]
    single = [_timed(partial(model.embed_texts, [text])) for text in texts]
    worded = [_timed(partial(embed_worded, model, [text])) for text in words]
    return {
        "seconds until the text tower answers": ready,
        "memory with the text tower, MB": _resident() / 2**20,
        "query, one text, ms": median(wall for wall, _cpu in single),
        "query, one text, ms of CPU": median(cpu for _wall, cpu in single),
        "query with its wordings, ms": median(wall for wall, _cpu in worded),
        "query with its wordings, ms of CPU": median(cpu for _wall, cpu in worded),
    }


def _image_figures(model: Any) -> dict[str, float]:
    import numpy as np
    import torch

    rng = np.random.default_rng(0)
    pictures = list(rng.integers(0, 256, (PICTURES, *SIZE, 3), np.uint8))
    figures = {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        model.embed_images(pictures)
        runs = [_timed(lambda: model.embed_images(pictures)) for _ in range(3)]
        name = f"picture, {threads} thread{'s' * (threads > 1)}, ms"
        figures[name] = median(wall for wall, _cpu in runs) / PICTURES
        figures[name + " of CPU"] = median(cpu for _wall, cpu in runs) / PICTURES
    return figures


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the milliseconds that work takes, by the clock and of CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def _resident() -> int:
    """Return the bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _run(checkout: Path, tower: str, calibration: Path) -> dict[str, float]:
    """Measure one tower of a checkout in a new process."""
    script = str(Path(__file__).resolve())
    answer = subprocess.run(
        [sys.executable, "-P", script, "--tower", tower, "--calibration", str(calibration)],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        check=True,
    )
    figures: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return figures


def medians(checkouts: list[Path], runs: int) -> list[dict[str, float]]:
    """Return the median figures of each checkout; they take turns.

    The first run of each also measures number formats, as the first start of a gallery does.
    """
    found: list[list[dict[str, float]]] = [[] for _ in checkouts]
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            for number, checkout in enumerate(checkouts):
                run = partial(_run, checkout, calibration=Path(folder) / f"{number}.json")
                found[number].append(run("text") | run("image"))
    return [{name: median(run[name] for run in rows) for name in rows[0]} for rows in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout, to compare with")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--tower", choices=("text", "image"), help=argparse.SUPPRESS)
    parser.add_argument("--calibration", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.tower:
        print(json.dumps(measured(options.tower, options.calibration)))
        return
    checkouts = [ROOT, options.against.resolve()] if options.against else [ROOT]
    found = medians(checkouts, options.runs)
    if options.json:
        names = [path.name for path in checkouts]
        print(
            json.dumps([{"checkout": name} | row for name, row in zip(names, found, strict=True)])
        )
        return
    for name, value in found[0].items():
        print(f"{name:38} {value:8.1f}{_compared(value, name, found[1:])}")


def _compared(value: float, name: str, others: list[dict[str, float]]) -> str:
    return "".join(f"   other {row[name]:8.1f}   ratio {value / row[name]:5.2f}" for row in others)


if __name__ == "__main__":
    main()
