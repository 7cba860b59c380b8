"""The confusion matrix of a column in the form in which a page draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from search.understanding.evaluation.report import Report, cells

SHOWN = 30
"""Labels of a matrix on a page; of more, those with the most errors are shown."""
MISTAKES = 20
"""Mistakes that are listed, the most frequent first."""


@dataclass(frozen=True)
class Cell:
    """Photos of one label that were said to be another one, or the same; `share` of the row."""

    right: int
    said: int
    right_name: str
    said_name: str
    count: int
    share: float

    @property
    def is_right(self) -> bool:
        """Whether the label is the right one."""
        return self.right == self.said


@dataclass(frozen=True)
class Matrix:
    """Rows of cells by true label, columns by what was said; `left_out` labels are not shown."""

    names: list[str]
    rows: list[tuple[str, list[Cell]]]
    mistakes: list[Cell]
    left_out: int


def matrix(report: Report, column: Mapping[str, Any]) -> Matrix:
    """Return the matrix of the labels with the most mistakes, in their order."""
    names, found = report["labels"], cells(report, column)
    counts = {(right, said): count for right, said, count in found}
    totals = np.zeros(len(names), int)
    wrong = np.zeros(len(names), int)
    used = np.zeros(len(names), bool)
    for right, said, count in found:
        totals[right] += count
        used[[right, said]] = True
        if right != said:
            wrong[[right, said]] += count
    present = np.flatnonzero(used)
    order = present[np.argsort(-wrong[present], kind="stable")][:SHOWN]
    shown = sorted(order.tolist())

    def cell(right: int, said: int) -> Cell:
        count = counts.get((right, said), 0)
        share = count / max(int(totals[right]), 1)
        return Cell(right, said, names[right], names[said], count, share)

    mistakes = [cell(right, said) for right, said, _count in found if right != said]
    return Matrix(
        [names[label] for label in shown],
        [(names[right], [cell(right, said) for said in shown]) for right in shown if totals[right]],
        sorted(mistakes, key=lambda each: -each.count)[:MISTAKES],
        len(present) - len(shown),
    )
