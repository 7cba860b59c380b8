"""What the suite measures: samples of single rounds, put together to medians with their spread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from statistics import median
from typing import Any

YARDSTICK = "the same small work"


class Origin(StrEnum):
    """Where the program comes from that was measured."""

    SCRY = "Scry"
    PACKAGE = "released package"
    STEPS = "its steps, re-implemented"
    LIMIT = "limit of the machine"


@dataclass(frozen=True)
class Sample:
    """One figure of one program in one round.

    `figure` names what was measured and `unit` its unit; those of different subjects compare if
    both and `size`, the photos or vectors in the library, are the same. `simulated` says what was
    not real.
    """

    part: str
    subject: str
    origin: Origin
    figure: str
    unit: str
    value: float
    size: int | None = None
    simulated: str = ""


@dataclass(frozen=True)
class Measurement:
    """One figure of one program over all rounds, in their order."""

    part: str
    subject: str
    origin: Origin
    figure: str
    unit: str
    size: int | None
    simulated: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def is_rate(self) -> bool:
        """Whether more is better."""
        return self.unit.endswith("/s") or self.unit == "share"

    @property
    def is_steady(self) -> bool:
        """Whether the figure says something about speed; a single pause moves a p95."""
        return "p95" not in self.figure

    @property
    def what(self) -> tuple[str, str, str, int | None]:
        """What subjects must have in common to be compared."""
        return self.part, self.figure, self.unit, self.size

    def cost(self) -> float:
        """Return the median, or its inverse for a rate: less is better."""
        return 1 / self.median if self.is_rate else self.median


def gathered(samples: Iterable[Sample]) -> list[Measurement]:
    """Return one measurement for all samples of the same figure, in the order of their first."""
    values: dict[tuple[Any, ...], list[float]] = {}
    for sample in samples:
        key = tuple(getattr(sample, name) for name in _KEY)
        values.setdefault(key, []).append(sample.value)
    return [
        Measurement(**dict(zip(_KEY, key, strict=True)), values=tuple(found))
        for key, found in values.items()
    ]


_KEY = [field.name for field in fields(Measurement) if field.name != "values"]


def as_rows(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Return what JSON can hold; values have six digits."""
    rounded = [tuple(float(f"{value:.6g}") for value in one.values) for one in measurements]
    return [
        asdict(one) | {"values": values} for one, values in zip(measurements, rounded, strict=True)
    ]


def from_rows(rows: Iterable[dict[str, Any]]) -> list[Measurement]:
    """Return what `as_rows` wrote; raise KeyError or ValueError for anything else."""
    return [
        Measurement(
            **{name: row[name] for name in _KEY if name != "origin"},
            origin=Origin(row["origin"]),
            values=tuple(float(value) for value in row["values"]),
        )
        for row in rows
    ]
