"""The results of a run: its measurements, and the machine, versions and load behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.suite.measurements import Measurement, as_rows, from_rows


@dataclass(frozen=True)
class Results:
    """One run; `facts` are those of `machine.facts`, `absent` says what was not run and why."""

    facts: Mapping[str, Any]
    measurements: Sequence[Measurement]
    absent: Mapping[str, str] = field(default_factory=dict)

    def of(
        self, part: str, subject: str, figure: str, size: int | None = None
    ) -> Measurement | None:
        """Return the measurement, or None if it was not made."""
        for one in self.measurements:
            if (one.part, one.subject, one.figure, one.size) == (part, subject, figure, size):
                return one
        return None

    def has_feature(self, name: str) -> bool:
        return name in self.facts.get("machine", {}).get("features", [])

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            **self.facts,
            "not_run": dict(self.absent),
            "measurements": as_rows(self.measurements),
        }
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> Results:
    """Return the results in a file; raise OSError, KeyError or ValueError for anything else."""
    content = json.loads(path.read_text(encoding="utf-8"))
    measurements = from_rows(content.pop("measurements"))
    return Results(content, measurements, content.pop("not_run"))


def ratio(first: Measurement | None, second: Measurement | None) -> float | None:
    """Return the median over the rounds of first / second, or None if one was not measured.

    Rounds are compared with each other, since load that changes meets both. Where their numbers
    differ, the medians are.
    """
    if first is None or second is None:
        return None
    if len(first.values) != len(second.values):
        return first.median / second.median
    return median(one / other for one, other in zip(first.values, second.values, strict=True))
