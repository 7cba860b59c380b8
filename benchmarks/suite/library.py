"""The part for libraries of several sizes: start, queries and memory of a gallery that has one.

The photos have made-up vectors and facts and no files (`benchmarks.fill --facts`). Libraries that
an import could not fill in time begin with all work done (`benchmarks.fill_settled`). In each round
the gallery starts anew. rclip's search over as many made-up vectors stands beside the queries.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.camera_photos import write_photos
from benchmarks.gallery_process import ROOT, Gallery, gallery, percentile, pictures, signed_in
from benchmarks.ingest_loops import import_folder, wait_for_rest
from benchmarks.suite import peers
from benchmarks.suite.measurements import Origin, Sample
from benchmarks.suite.models import STARTER, VIT
from benchmarks.suite.rounds import Step, Workplace
from benchmarks.suite.scales import Scale

KEPT = 100_000
"""Libraries of so many photos last; each run adds a few photos, which would change smaller ones."""

SETTLED = 500_000
"""Libraries of so many photos are filled with all work done but the drawing of their map."""

HUGE_TAG = "tag:family"
ADDED_MEGAPIXELS = 2
SIMULATED = "made-up vectors and facts, no files"
SIMULATED_HUGE = f"{SIMULATED}; facts repeat, and no map is drawn"


def groups(scale: Scale, place: Workplace) -> Iterator[AbstractContextManager[Sequence[Step]]]:
    """Yield the steps for each size of library."""
    for count in scale.libraries:
        yield _steps(scale, place, count)


@contextmanager
def _steps(scale: Scale, place: Workplace, count: int) -> Iterator[Sequence[Step]]:
    folder = place.kept if count >= KEPT else place.scratch
    data = folder / f"library-{count}-{scale.dim}"
    _prepare(data, count, scale, place)
    yield [
        Step(f"rclip, {count} vectors", partial(_rclip, count, scale, place)),
        Step(f"Scry, {count} photos", partial(_scry, data, count, scale, place)),
    ]


def _prepare(data: Path, count: int, scale: Scale, place: Workplace) -> None:
    """Fill a gallery once, and wait until its index, labels and maps are made."""
    if (data / "filled").exists():
        return
    data.mkdir(parents=True, exist_ok=True)
    with gallery(data=data, extra=place.environment):
        pass  # Makes the tables and the owner.
    filling = "benchmarks.fill_settled" if count >= SETTLED else "benchmarks.fill"
    facts = [] if count >= SETTLED else ["--facts"]
    subprocess.run(
        [sys.executable, "-m", filling, "bench", str(count), str(scale.dim), *facts],
        cwd=ROOT,
        env={**os.environ, **place.environment, "DATA_DIR": str(data)},
        check=True,
    )
    with gallery(data=data, extra=place.environment) as running:
        running.wait_until_ready(900)
        running.wait_until_settled(7200)
        wait_for_rest(running)
    (data / "filled").touch()


def _scry(data: Path, count: int, scale: Scale, place: Workplace, number: int) -> Iterator[Sample]:
    def sample(figure: str, value: float, unit: str) -> Sample:
        simulated = SIMULATED if count < SETTLED else SIMULATED_HUGE
        return Sample("library", "Scry", Origin.SCRY, figure, unit, value, count, simulated)

    with gallery(data=data, model=STARTER.name, extra=place.environment) as running:
        assert running.client.get("/sign-in").status_code == 200
        yield sample("first page after the start", time.monotonic() - running.started, "s")
        yield sample("search ready after the start", running.wait_until_ready(900), "s")
        running.wait_until_settled()
        wait_for_rest(running)
        with closing(signed_in(running)) as session:
            asked = Asked(running, session, number)
            for _ in range(10):
                asked.page("red car")
            yield sample("memory after ten searches", running.resident_bytes() / 2**20, "MB")
            for figure, milliseconds in asked.figures(scale.queries).items():
                yield sample(f"{figure} p50", percentile(milliseconds, 50), "ms")
                yield sample(f"{figure} p95", percentile(milliseconds, 95), "ms")
        wait_for_rest(running)
        with tempfile.TemporaryDirectory(dir=place.scratch) as folder:
            # New photos each time, as those that the library has would be skipped.
            write_photos(Path(folder), scale.photos, ADDED_MEGAPIXELS, first=time.time_ns())
            rates, _cpu = import_folder(running, Path(folder), scale.photos)
        yield sample("cost of an added photo", 1000 / rates["Scry with duplicates"], "ms")


class Asked:
    """Asks a gallery for what nobody asked before, and takes the time."""

    def __init__(self, running: Gallery, session: httpx.Client, number: int) -> None:
        self._api, self._session = running.client, session
        self._number, self._counter = number, 0

    def figures(self, count: int) -> dict[str, list[float]]:
        """Return the milliseconds of each kind of request; the kinds take turns."""
        sent = iter(pictures(count, None, seed=self._number))
        kinds: dict[str, Callable[[], float]] = {
            "query": lambda: self.page("red car"),
            "query by API": lambda: self._get(self._api, "/api/v1/search", q=self._new("boat")),
            "query with a huge tag": lambda: self.page(f"red car {HUGE_TAG}"),
            "query by image": lambda: self._by_image(next(sent)),
            "facets": lambda: self._get(self._session, "/search/facets", q=self._new("tree")),
            "grid": lambda: self._get(self._session, "/"),
        }
        found: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(count):
            for kind, ask in kinds.items():
                found[kind].append(ask())
        return found

    def page(self, words: str) -> float:
        return self._get(self._session, "/search", q=self._new(words))

    def _new(self, words: str) -> str:
        self._counter += 1
        return f"{words} {self._number} {self._counter}"

    def _get(self, client: httpx.Client, path: str, **params: str) -> float:
        return _milliseconds(lambda: client.get(path, params=params))

    def _by_image(self, picture: bytes) -> float:
        files = {"file": ("picture.jpg", picture)}
        return _milliseconds(lambda: self._api.post("/api/v1/search/by-image", files=files))


def _milliseconds(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    answer = ask()
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, answer.text[:500]
    return took


def _rclip(count: int, scale: Scale, place: Workplace, _number: int) -> Iterator[Sample]:
    weights = place.kept / "weights" / VIT.title
    peers.run("peer_weights", str(weights), VIT.architecture, environment=place.environment)
    found = peers.run("rclip_search", str(weights), str(count), str(scale.queries))
    simulated = "made-up vectors, random weights"
    for figure, value, unit in (
        ("query p50", found["p50"], "ms"),
        ("query p95", found["p95"], "ms"),
        ("memory after ten searches", found["memory"], "MB"),
    ):
        yield Sample(
            "library", "rclip, no page", Origin.PACKAGE, figure, unit, value, count, simulated
        )
