"""Distances on Earth in SQL, as the index measures them."""

from __future__ import annotations

import math
from typing import Any

from django.db.models import F, FloatField, Q, Value
from django.db.models.functions import Cos, Radians, Sin
from django.db.models.lookups import LessThanOrEqual

RADIUS = 6_371_008.8
"""Metres, the mean radius of Earth (IUGG), as `search.vectors.index.Near` has it."""

_SLACK = 1e-6  # degrees, some 10 cm: the box must not cut off what rounding lets pass


def within(latitude: float, longitude: float, metres: float) -> Q:
    """Return the condition that a photo has a place within a great-circle distance.

    A box of degrees comes first, since it is far cheaper than the distance.
    """
    angle = metres / RADIUS
    located = Q(latitude__isnull=False, longitude__isnull=False)
    if angle >= math.pi:
        return located
    half = math.sin(angle / 2) ** 2
    near = Q(LessThanOrEqual(_haversine(latitude, longitude), Value(half, FloatField())))
    return located & _box(latitude, longitude, angle) & near


def _box(latitude: float, longitude: float, angle: float) -> Q:
    """Return the condition of a box around the circle; at a pole it goes all round."""
    high = math.degrees(angle) + _SLACK
    q = Q(latitude__gte=latitude - high, latitude__lte=latitude + high)
    if abs(latitude) + high >= 90:
        return q
    wide = math.degrees(math.asin(math.sin(angle) / math.cos(math.radians(latitude)))) + _SLACK
    west, east = longitude - wide, longitude + wide
    if west >= -180 and east <= 180:
        return q & Q(longitude__gte=west, longitude__lte=east)
    # Across the date line, west and east of it.
    return q & (Q(longitude__gte=_turned(west)) | Q(longitude__lte=_turned(east)))


def _turned(longitude: float) -> float:
    return (longitude + 180) % 360 - 180


def _haversine(latitude: float, longitude: float) -> Any:
    """Return sin² of half the angle between a photo's place and a point, from 0 to 1."""
    north = _sin_of_half(F("latitude") - Value(latitude, FloatField()))
    east = _sin_of_half(F("longitude") - Value(longitude, FloatField()))
    there = Cos(Radians(F("latitude"))) * Value(math.cos(math.radians(latitude)), FloatField())
    return north * north + there * east * east


def _sin_of_half(degrees: Any) -> Any:
    return Sin(Radians(degrees) / Value(2.0, FloatField()), output_field=FloatField())
