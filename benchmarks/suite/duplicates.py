"""The part for a full search for duplicates, and for searches meanwhile (`duplicate_sweep`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial

from benchmarks import duplicate_sweep
from benchmarks.camera_photos import write_photos
from benchmarks.gallery_process import Gallery, gallery, percentile, signed_in
from benchmarks.ingest_loops import wait_for_rest
from benchmarks.suite.measurements import Origin, Sample
from benchmarks.suite.rounds import Step, Workplace
from benchmarks.suite.scales import Scale

SOURCES = 40
"""Generated photos that the pictures are cut from."""


def groups(scale: Scale, place: Workplace) -> Iterator[AbstractContextManager[Sequence[Step]]]:
    """Yield the steps for each number of photos."""
    for count in scale.sweeps:
        yield _steps(count, place)


@contextmanager
def _steps(count: int, place: Workplace) -> Iterator[Sequence[Step]]:
    sources = place.kept / "photos" / "sources"
    write_photos(sources, SOURCES, 2, first=100_000)
    data = place.kept / f"sweep-{count}"
    if not (data / "filled").exists():
        data.mkdir(parents=True, exist_ok=True)
        with gallery(data=data, extra=place.environment):
            pass  # Makes the tables and the owner.
        duplicate_sweep.fill(data, count, sources, "compare")
        (data / "filled").touch()
    with gallery(data=data, extra=place.environment) as running:
        running.wait_until_ready(900)
        running.wait_until_settled(3600)
        duplicate_sweep.wait_until_compared(running)
        yield [Step(f"Scry, {count} photos compared", partial(_swept, running, count))]


def _swept(running: Gallery, count: int, _number: int) -> Iterator[Sample]:
    def sample(figure: str, value: float, unit: str) -> Sample:
        simulated = "made-up vectors, pictures cut from generated photos"
        return Sample("duplicates", "Scry", Origin.SCRY, figure, unit, value, count, simulated)

    wait_for_rest(running)
    with closing(signed_in(running)) as session:
        idle = duplicate_sweep.ask(running, session, seconds=10)
        yield sample("full search for duplicates", duplicate_sweep.sweep(running), "s")
        seconds, meanwhile = duplicate_sweep.sweep_with_searches(running, session)
    yield sample("full search while somebody searches", seconds, "s")
    ratio = percentile(meanwhile["page"], 95) / percentile(idle["page"], 95)
    yield sample("query p95 meanwhile, against rest", ratio, "times")
