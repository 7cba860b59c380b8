"""Compare a run with an earlier one by ratios, which travel from one machine or day to another.

A figure of Scry is divided by that of each peer in the same run; where nothing else was measured
for the same figure, milliseconds and seconds are divided by those of a fixed work. Memory, shares
and ratios are compared as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.suite.measurements import YARDSTICK, Measurement, Origin
from benchmarks.suite.results import Results

WORSE = 0.15
"""How much a ratio may get worse."""

AS_THEY_ARE = ("MB", "share", "times")

Key = tuple[str, str, str, int | None, str]
"""Part, subject and figure, size of the library, and what it was divided by."""


@dataclass(frozen=True)
class Change:
    """A ratio of costs, before and now."""

    key: Key
    before: float
    now: float

    @property
    def growth(self) -> float:
        return self.now / self.before - 1

    @property
    def is_worse(self) -> bool:
        return self.growth > WORSE

    def __str__(self) -> str:
        part, subject, figure, size, other = self.key
        where = f" at {size:,}" if size else ""
        told = f"{part}: {subject}, {figure}{where}, {other}"
        mark = "   WORSE" if self.is_worse else ""
        return f"{told}: {self.before:.3g} before, {self.now:.3g} now ({self.growth:+.0%}){mark}"


def ratios(results: Results) -> dict[Key, float]:
    """Return the costs of Scry by what they are compared with; less is better."""
    return {
        (*_name(one), other): value
        for one in results.measurements
        if one.origin == Origin.SCRY and one.is_steady
        for other, value in _against(one, results)
    }


def _name(one: Measurement) -> tuple[str, str, str, int | None]:
    return one.part, one.subject, one.figure, one.size


def _against(one: Measurement, results: Results) -> Iterator[tuple[str, float]]:
    if one.unit in AS_THEY_ARE:
        yield "as it is", one.cost()
        return
    others = [
        other
        for other in results.measurements
        if other.what == one.what and other.origin != Origin.SCRY
    ]
    if not others:
        fixed = results.of(one.part, "fixed work", YARDSTICK)
        others = [fixed] if fixed else []
    for other in others:
        yield f"against {other.subject}", one.cost() / other.cost()


def changes(before: Results, now: Results) -> list[Change]:
    """Return the changes of all ratios that both runs have, the worst first."""
    old, new = ratios(before), ratios(now)
    found = [Change(key, old[key], new[key]) for key in old if key in new]
    return sorted(found, key=lambda change: -change.growth)


def report(before: Results, now: Results) -> bool:
    """Print the changes; return whether none is worse than it may be, and any was compared."""
    found = changes(before, now)
    for change in found:
        print(change)
    left = len(ratios(before)) - len(found)
    worse = sum(change.is_worse for change in found)
    print(
        f"{len(found)} ratios compared, {worse} worse by more than {WORSE:.0%}, {left} not measured"
    )
    return bool(found) and not worse
