"""The part for photos from disk to searchable: Scry beside loops and peers, with each model.

`Scry` counts until a photo is searchable, with its copy, thumbnail, hashes, rows and comparison.
To a model with random weights all photos look alike, and each would be compared with all others.
Comparing is paused there, so that only the figures before comparing are measured. The gallery is at
rest while the others run. Each round has photos of its own.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, perf_counter

from benchmarks import ingest_loops
from benchmarks.camera_photos import write_photos
from benchmarks.gallery_process import Gallery, gallery, percentile
from benchmarks.suite import models, peers
from benchmarks.suite.measurements import Origin, Sample
from benchmarks.suite.models import STARTER, Model
from benchmarks.suite.rounds import Step, Workplace
from benchmarks.suite.scales import Scale

LOOPS = {
    "plain loop": ("plain loop", Origin.STEPS),
    "draft loop": ("draft loop", Origin.STEPS),
    "bound": ("decode and compute bound", Origin.LIMIT),
}
PEERS = {
    "rclip": ("rclip", Origin.PACKAGE),
    "immich": ("Immich's loop", Origin.STEPS),
    "sentence-transformers": ("sentence-transformers", Origin.PACKAGE),
    "imagededup": ("imagededup, PHash only", Origin.PACKAGE),
}
SEARCHABLE = "photos to searchable"
UPLOADERS = 4


def groups(scale: Scale, place: Workplace) -> Iterator[AbstractContextManager[Sequence[Step]]]:
    """Yield the steps for each model and size of photo, and for a folder that was given."""
    for model, megapixels in scale.ingests:
        yield _steps(Batches(scale, place, model, megapixels))
    if place.photos:
        for model in scale.models:
            yield _steps(Batches(scale, place, model, None))


@contextmanager
def _steps(batches: Batches) -> Iterator[Sequence[Step]]:
    place, model = batches.place, batches.model
    models.write_weights(model, place.kept / "weights")
    data = place.scratch / f"gallery-{model.title}-{batches.what}"
    variables = {**place.environment, **models.environment(model, place.kept / "weights")}
    with gallery(data=data, model=model.name, extra=variables):
        pass  # Makes the tables and the owner.
    models.accept(model, data, variables)
    with gallery(data=data, model=model.name, extra=variables) as running:
        running.wait_until_ready(900)
        if not batches.compares:
            paused = {"kinds": ["compare"]}
            running.client.post("/api/v1/jobs/pause", json=paused).raise_for_status()
        ingest_loops.wait_for_rest(running)
        names = [
            name
            for name in PEERS
            if name != "sentence-transformers" or model.architecture  # Its weights are random.
        ]
        yield [
            Step("loops", partial(batches.loops, running)),
            *(Step(PEERS[name][0], partial(batches.peer, name)) for name in names),
            Step("Scry", partial(batches.imported, running)),
            Step("Scry, uploads", partial(batches.uploaded, running)),
            Step("Scry, queries", partial(batches.queries, running)),
        ]
    shutil.rmtree(data)


@dataclass
class Batches:
    """The photos of one size, those of each round, and what is measured with them."""

    scale: Scale
    place: Workplace
    model: Model
    megapixels: float | None

    @property
    def what(self) -> str:
        return f"{self.megapixels:g} MP" if self.megapixels else "given folder"

    @property
    def compares(self) -> bool:
        return not self.model.architecture

    def photos(self, number: int, use: int) -> Path:
        """Return the folder of photos of a round for one of three uses, all different."""
        turn = number * 3 + use
        if self.megapixels is None:
            return self._own(turn)
        count = self.scale.photos_of(self.megapixels)
        kind = "like" if self.place.scenes else "photos"
        folder = self.place.kept / kind / f"{self.megapixels:g}-{count}-{turn}"
        if len(list(folder.glob("*.jpg"))) < count:
            seeds = range(turn * count, (turn + 1) * count)
            _make(folder, seeds, self.megapixels, self.place.scenes)
        return folder

    def _own(self, turn: int) -> Path:
        folder = self.place.scratch / "own" / str(turn)
        mine = self._given[turn * self.scale.photos : (turn + 1) * self.scale.photos]
        assert mine, "The given folder has too few photos for so many rounds."
        folder.mkdir(parents=True, exist_ok=True)
        for path in mine:
            if not (folder / path.name).exists():
                (folder / path.name).symlink_to(path)
        return folder

    @cached_property
    def _given(self) -> list[Path]:
        assert self.place.photos is not None
        return sorted(path.resolve() for path in self.place.photos.glob("*.jpg"))

    def _sample(
        self, subject: str, origin: Origin, figure: str, value: float, unit: str = "photos/s"
    ) -> Sample:
        after = " after given scenes" if self.place.scenes else ""
        pictures = f"generated photos{after}" if self.megapixels else ""
        simulated = ", ".join(filter(None, (pictures, self.model.simulated)))
        name = f"{figure}, {self.what}, {self.model.title}"
        return Sample("ingest", subject, origin, name, unit, value, simulated=simulated)

    def loops(self, running: Gallery, number: int) -> Iterator[Sample]:
        ingest_loops.wait_for_rest(running)
        found = ingest_loops.loops_apart(self.photos(number, 0), running.environment)
        for name, (subject, origin) in LOOPS.items():
            yield self._sample(subject, origin, SEARCHABLE, found[name])
        for name in ("decode", "tower"):
            yield self._sample(name, Origin.LIMIT, f"{name} alone", found[name])

    def peer(self, name: str, number: int) -> Iterator[Sample]:
        weights = self.place.kept / "weights" / self.model.title
        if name != "imagededup":
            chosen = self.model.architecture or self.model.name
            peers.run("peer_weights", str(weights), chosen, environment=self.place.environment)
        found = peers.run("peer_loops", name, str(self.photos(number, 0)), str(weights))
        subject, origin = PEERS[name]
        figure = SEARCHABLE if name != "imagededup" else "photos compared"
        yield self._sample(subject, origin, figure, found["photos/s"])

    def imported(self, running: Gallery, number: int) -> Iterator[Sample]:
        ingest_loops.wait_for_rest(running)
        folder = self.photos(number, 0)
        count = len(list(folder.iterdir()))
        rates, cpu = ingest_loops.import_folder(running, folder, count, compares=self.compares)
        if self.compares:
            yield self._sample("Scry", Origin.SCRY, SEARCHABLE, rates["Scry with duplicates"])
        yield self._sample("Scry, before comparing", Origin.SCRY, SEARCHABLE, rates["Scry"])
        for part, milliseconds in cpu.items():
            yield self._sample("Scry", Origin.SCRY, f"CPU of the {part}", milliseconds, "ms")

    def uploaded(self, running: Gallery, number: int) -> Iterator[Sample]:
        ingest_loops.wait_for_rest(running)
        paths = sorted(self.photos(number, 1).iterdir())
        began = monotonic()
        with ThreadPoolExecutor(UPLOADERS) as threads:
            list(threads.map(partial(_upload, running), paths))
        running.wait_until_settled()
        rate = len(paths) / (monotonic() - began)
        yield self._sample("Scry, uploads by API", Origin.SCRY, SEARCHABLE, rate)

    def queries(self, running: Gallery, number: int) -> Iterator[Sample]:
        """Yield the p95 of queries at rest, during an import, and the ratio of the two."""
        if self.model != STARTER:
            return
        ingest_loops.wait_for_rest(running)
        idle = [_query(running, f"rest {number}", n) for n in range(self.scale.queries)]
        folder, busy = self.photos(number, 2), list[float]()
        importing = threading.Thread(target=ingest_loops.import_folder, args=(running, folder, 1))
        importing.start()
        while importing.is_alive():
            busy.append(_query(running, f"import {number}", len(busy)))
        importing.join()
        at_rest, meanwhile = percentile(idle, 95), percentile(busy, 95)
        yield self._sample("Scry", Origin.SCRY, "query p95 at rest", at_rest, "ms")
        yield self._sample("Scry", Origin.SCRY, "query p95 during an import", meanwhile, "ms")
        figure = "query p95 during an import, against rest"
        yield self._sample("Scry", Origin.SCRY, figure, meanwhile / at_rest, "times")


def _make(folder: Path, seeds: range, megapixels: float, scenes: tuple[Path, ...]) -> None:
    """Write a photo for each seed, on all cores: a large one takes seconds."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        write = partial(write_photos, folder, 1, megapixels, scenes=scenes)
        made = [processes.submit(write, first=seed) for seed in seeds]
        for each in made:
            each.result()


def _upload(running: Gallery, path: Path) -> None:
    with path.open("rb") as file:
        answer = running.client.post("/api/v1/photos", files={"file": (path.name, file)})
    assert answer.status_code in {200, 201}, answer.text


def _query(running: Gallery, when: str, number: int) -> float:
    """Return the milliseconds of a query that nobody asked before."""
    began = perf_counter()
    answer = running.client.get("/api/v1/search", params={"q": f"a red boat {when} {number}"})
    assert answer.status_code == 200, answer.text
    return (perf_counter() - began) * 1000
