"""Ranges of figures: sizes, ratios and stars."""

from __future__ import annotations

import math
from typing import Any

from django.db.models import BigIntegerField, F, FloatField, Q
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThanOrEqual, LessThan

from search.language.values import Bounds
from search.vectors.index import Range

_MILLION = 1_000_000
_SLACK = 1e-12
"""The embedded engine may read a ratio from disk with another last digit than was written. No two
ratios of pictures are as close as this."""

ORIENTATIONS = {
    "landscape": Q(width__gt=F("height")),
    "portrait": Q(width__lt=F("height")),
    "square": Q(width=F("height")),
}
_RATIO = Cast("width", FloatField()) / Cast("height", FloatField())
_PIXELS = Cast("width", BigIntegerField()) * F("height")


def whole_bounds(bounds: Bounds) -> tuple[int | None, int | None]:
    """Return the whole numbers within: from the first up to but without the second."""
    low = high = None
    if bounds.low is not None:
        figure = round(bounds.low, 3)
        low = math.ceil(figure) if bounds.with_low else math.floor(figure) + 1
    if bounds.high is not None:
        figure = round(bounds.high, 3)
        high = math.floor(figure) + 1 if bounds.with_high else math.ceil(figure)
    return low, high


def whole(column: str, bounds: Bounds) -> Q:
    """Return the condition that a column of whole numbers lies within."""
    return _between(F(column), *whole_bounds(bounds))


def bytes_of(bounds: Bounds) -> tuple[Q, Range]:
    """Return the condition on the size of files."""
    return whole("size", bounds), Range("bytes", *whole_bounds(bounds))


def pixels(bounds: Bounds) -> tuple[Q, Range]:
    """Return the condition on the number of pixels, which the index has in megapixels."""
    low, high = whole_bounds(bounds)
    # Halfway between two whole numbers no rounding matters.
    ends = (None if end is None else (end - 0.5) / _MILLION for end in (low, high))
    return _between(_PIXELS, low, high), Range("megapixels", *ends)


def aspect(bounds: Bounds) -> tuple[Q, Range]:
    """Return the condition on width divided by height."""
    low, high = bounds.low, bounds.high
    if low is not None:
        low *= 1 - _SLACK if bounds.with_low else 1 + _SLACK
    if high is not None:
        high *= 1 + _SLACK if bounds.with_high else 1 - _SLACK
    return _between(_RATIO, low, high), Range("aspect", low, high)


def _between(figure: Any, low: float | None, high: float | None) -> Q:
    q = Q()
    if low is not None:
        q &= Q(GreaterThanOrEqual(figure, low))
    if high is not None:
        q &= Q(LessThan(figure, high))
    return q
