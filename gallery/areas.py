"""Areas of the Earth: boxes of degrees, as queries and maps name them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.db.models import Q

_NUMBER = r"[+-]?[0-9]{1,3}(?:\.[0-9]{1,9})?"
_AREA = re.compile(rf"\s*({_NUMBER})" + rf"\s*[,\s]\s*({_NUMBER})" * 3 + r"\s*")
_DIGITS = 6  # some 10 cm
_MARGIN = 10.0**-_DIGITS


@dataclass(frozen=True)
class Area:
    """A box between two parallels and two meridians, in degrees.

    It reaches from `west` eastwards to `east`: where `west` is the larger one, over the date line.
    """

    south: float
    west: float
    north: float
    east: float

    @classmethod
    def parse(cls, text: str) -> Area | None:
        """Return the area of "south,west,north,east"; None for anything else."""
        match = _AREA.fullmatch(text)
        return cls._checked(*map(float, match.groups())) if match else None

    @classmethod
    def _checked(cls, south: float, west: float, north: float, east: float) -> Area | None:
        on_earth = -90 <= south <= north <= 90 and abs(west) <= 180 and abs(east) <= 180
        return cls(south, west, north, east) if on_earth else None

    @classmethod
    def around(cls, south: float, west: float, north: float, east: float) -> Area:
        """Return the area that holds these degrees for certain, whatever rounding does to them."""
        return cls(
            max(round(south - _MARGIN, _DIGITS), -90.0),
            max(round(west - _MARGIN, _DIGITS), -180.0),
            min(round(north + _MARGIN, _DIGITS), 90.0),
            min(round(east + _MARGIN, _DIGITS), 180.0),
        )

    def __str__(self) -> str:
        return ",".join(map(_plain, (self.south, self.west, self.north, self.east)))

    @property
    def crosses_date_line(self) -> bool:
        """Whether it reaches over the meridian of 180 degrees."""
        return self.west > self.east

    @property
    def height(self) -> float:
        """Degrees from south to north."""
        return self.north - self.south

    @property
    def width(self) -> float:
        """Degrees from west to east."""
        return self.east - self.west + 360 * self.crosses_date_line

    @property
    def middle(self) -> tuple[float, float]:
        """Latitude and longitude of the point halfway between its sides."""
        longitude = self.west + self.width / 2
        return (self.south + self.north) / 2, longitude - 360 * (longitude > 180)

    def q(self) -> Q:
        """Return the condition that a photo was taken here."""
        q = Q(latitude__gte=self.south, latitude__lte=self.north)
        west, east = Q(longitude__gte=self.west), Q(longitude__lte=self.east)
        return q & (west | east if self.crosses_date_line else west & east)


def _plain(number: float) -> str:
    """Return degrees without an exponent, trailing zeros, and a sign of zero."""
    number = round(number, _DIGITS) + 0.0  # turns -0 into 0
    return f"{number:.{_DIGITS}f}".rstrip("0").rstrip(".") if number else "0"
