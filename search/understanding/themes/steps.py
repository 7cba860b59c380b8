"""Long work in steps, so that a worker can stop between two of them and go on later."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TypeVar

Result = TypeVar("Result")

Steps = Generator[float, None, Result]
"""Work that yields which share of it is done, from 0 to 1, and returns its result."""


def part(steps: Steps[Result], start: float, end: float) -> Steps[Result]:
    """Do work that is a part of other work: its share runs from `start` to `end` there."""
    while True:
        try:
            share = next(steps)
        except StopIteration as over:
            result: Result = over.value
            return result
        yield start + share * (end - start)


def finish(steps: Steps[Result]) -> Result:
    """Do all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as over:
            result: Result = over.value
            return result


def slices(length: int, size: int) -> Iterator[slice]:
    """Yield the slices of at most `size` that cover `length` rows."""
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))
