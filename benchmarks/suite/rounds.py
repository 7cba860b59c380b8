"""Run parts of the suite: in each round all programs in turn, the next round in opposite order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.camera_photos import QUALITY, photo
from benchmarks.suite.measurements import YARDSTICK, Origin, Sample
from benchmarks.suite.peers import PeerAbsent
from benchmarks.suite.scales import Scale


@dataclass(frozen=True)
class Step:
    """What one program does in one round; `run` gets the round's number, from 0."""

    name: str
    run: Callable[[int], Iterable[Sample]]


@dataclass(frozen=True)
class Workplace:
    """Where the suite works: a folder that lasts and one that does not, and variables for all.

    `photos` is a folder of own photos to measure, too; generated ones show what the `scenes` show.
    """

    kept: Path
    scratch: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    photos: Path | None = None
    scenes: tuple[Path, ...] = ()


Part = Callable[[Scale, Workplace], Iterator[AbstractContextManager[Sequence[Step]]]]
"""Yields groups of steps that take turns; what a group needs is there while it is open."""


def measured(
    part: Part, scale: Scale, place: Workplace
) -> Iterator[tuple[list[Sample], dict[str, str]]]:
    """Yield the samples of each group of a part, and why steps that could not run did not.

    Only peers may be absent; any other error ends the run.
    """
    for group in part(scale, place):
        with group as own:
            steps = [Step("yardstick", lambda _: [yardstick(part.__module__)]), *own]
            yield _of_group(steps, scale.rounds)


def _of_group(steps: Sequence[Step], rounds: int) -> tuple[list[Sample], dict[str, str]]:
    samples: list[Sample] = []
    absent: dict[str, str] = {}
    for number in range(rounds):
        for step in steps if number % 2 == 0 else reversed(steps):
            if step.name in absent:
                continue
            told = step.name
            try:
                samples += step.run(number)
            except PeerAbsent as error:
                absent[step.name] = str(error)
                told += f" was not run: {error}"
            print(f"round {number + 1}: {told}", file=sys.stderr, flush=True)
    return samples, absent


def yardstick(module: str) -> Sample:
    """Return how long the same small work takes now; figures that have no peer compare by it."""
    began = perf_counter()
    for _ in range(3):
        with Image.open(BytesIO(_picture())) as image:
            np.asarray(image.convert("RGB"), np.float32).sum()
        (_numbers() @ _numbers()).sum()
    value = (perf_counter() - began) * 1000
    name = module.rpartition(".")[2]
    return Sample(name, "fixed work", Origin.LIMIT, YARDSTICK, "ms", value)


@cache
def _picture() -> bytes:
    out = BytesIO()
    photo(0, 2).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


@cache
def _numbers() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((600, 600), dtype=np.float32)
