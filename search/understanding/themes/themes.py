"""The themes of a person, as cards: a photo for each, its name, how many photos, from when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery.models import EmbeddingModel, Photo, User
from gallery.models.dialects import ids_as_text
from gallery.names import clean_name
from search.understanding.models import MapRun, ThemeName
from search.understanding.themes.points import Points, unpacked

KEPT_PHOTOS = 200
"""Photos that a name is remembered by."""
OVERLAP = 0.5
"""A theme has a name if it has so much in common with the photos that the name was given to."""


@dataclass(frozen=True)
class Theme:
    """One theme of a level, its cover, and how many photos of it a person may see.

    `title` is the person's own name for it (`given`), or the one found by the machine, or "".
    `x` and `y` are where most of it lies on the map, from 0 to 1.
    """

    level: int
    number: int
    cover: UUID
    title: str
    given: bool
    photos: int
    first: date | None
    last: date | None
    x: float
    y: float


class LibraryMap:
    """The map of a person as they may see it: photos in the trash or out of sight are left out."""

    def __init__(self, user: User, run: MapRun) -> None:
        self._user = user
        self.run = run
        self.levels = len(run.themes)
        whole = unpacked(run.points, self.levels)
        visible = ids_as_text(Photo.objects.visible_to(user).order_by(), "pk")
        seen = [place for place, pk in enumerate(whole.ids) if pk in visible]
        self.points: Points = whole.only(np.array(seen, np.intp))
        self.unplaced = len(visible) - len(seen)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {pk: place for place, pk in enumerate(self.points.ids)}

    @cached_property
    def _names(self) -> list[ThemeName]:
        return list(ThemeName.objects.visible_to(self._user).order_by("-given_at"))

    def themes(self, level: int) -> list[Theme]:
        """Return the themes of a level that have photos, the largest first.

        Raises IndexError for a level that there is not.
        """
        described = self.run.themes[level]
        groups = self.points.themes[:, level].astype(np.intp)
        sizes = np.bincount(groups, minlength=len(described))
        given = self._given(level, groups, sizes)
        order = np.argsort(groups, kind="stable")
        bounds = np.searchsorted(groups[order], np.arange(len(described) + 1))
        found = []
        for number in np.argsort(-sizes, kind="stable").tolist():
            members = order[bounds[number] : bounds[number + 1]]
            if len(members):
                found.append(
                    self._theme(level, number, described[number], members, given.get(number))
                )
        return found

    def _theme(
        self, level: int, number: int, known: Any, members: NDArray[np.intp], given: str | None
    ) -> Theme:
        medoids = (pk for pk in known["medoids"] if pk in self._places)
        x, y = np.median(self.points.at[members], axis=0).tolist()
        return Theme(
            level=level,
            number=number,
            cover=UUID(hex=next(medoids, self.points.ids[members[0]])),
            title=given or known["title"],
            given=given is not None,
            photos=len(members),
            first=date.fromisoformat(known["first"]) if known["first"] else None,
            last=date.fromisoformat(known["last"]) if known["last"] else None,
            x=x,
            y=y,
        )

    def _given(
        self, level: int, groups: NDArray[np.intp], sizes: NDArray[np.intp]
    ) -> dict[int, str]:
        """Return the names that people gave, by the theme that each fits best now."""
        fits = []
        for row in self._names:
            if row.level == level and (fit := self._fit(row, groups, sizes)):
                fits.append((*fit, row.name))
        found: dict[int, str] = {}
        for _, number, name in sorted(fits, key=lambda fit: -fit[0]):
            if number not in found and name not in found.values():
                found[number] = name
        return found

    def _fit(
        self, row: ThemeName, groups: NDArray[np.intp], sizes: NDArray[np.intp]
    ) -> tuple[float, int] | None:
        """Return how well the theme with most of a name's photos fits it, and which that is."""
        known = [self._places[pk] for pk in row.photos if pk in self._places]
        if not known:
            return None
        held = np.bincount(groups[known], minlength=len(sizes))
        number = int(held.argmax())
        common = held[number] / len(known) * row.size
        if common < OVERLAP * min(row.size, sizes[number]):
            return None
        return float(common / (row.size + sizes[number] - common)), number

    def theme_of(self, level: int, photo_id: UUID) -> Theme | None:
        """Return the theme of a level that a photo is in; None for unknown levels and photos."""
        place = self._places.get(photo_id.hex)
        if place is None or not 0 <= level < self.levels:
            return None
        number = int(self.points.themes[place, level])
        return next(theme for theme in self.themes(level) if theme.number == number)

    def members(self, theme: Theme) -> list[UUID]:
        """Return the ids of the photos of a theme."""
        places = np.flatnonzero(self.points.themes[:, theme.level] == theme.number)
        return [UUID(hex=self.points.ids[place]) for place in places.tolist()]

    def rename(self, theme: Theme, name: str) -> None:
        """Give a theme a name that outlives models and drawings; "" takes it away.

        Raises `BadName`.
        """
        text = clean_name(name) if name.strip() else ""
        members = sorted(each.hex for each in self.members(theme))
        groups = self.points.themes[:, theme.level].astype(np.intp)
        sizes = np.bincount(groups, minlength=len(self.run.themes[theme.level]))
        own = ThemeName.objects.visible_to(self._user)
        former = [
            row.pk
            for row in own.filter(level=theme.level)
            if (fit := self._fit(row, groups, sizes)) and fit[1] == theme.number
        ]
        own.filter(pk__in=former).delete()
        self.__dict__.pop("_names", None)
        if text:
            # Ids are random, so the first ones are a random sample.
            ThemeName.objects.create(
                owner_id=self.run.owner_id,
                name=text,
                level=theme.level,
                photos=members[:KEPT_PHOTOS],
                size=len(members),
            )

    def within(self, west: float, north: float, east: float, south: float) -> Sequence[int]:
        """Return the positions of the points in a part of the map."""
        x, y = self.points.at.T
        inside = (x >= west) & (x <= east) & (y >= north) & (y <= south)
        return [int(place) for place in np.flatnonzero(inside)]


def run_of(user: User) -> MapRun | None:
    """Return the map of the active model, or None before a worker began one."""
    model = EmbeddingModel.objects.active()
    return MapRun.objects.visible_to(user).filter(model=model).first() if model else None


def library_map(user: User) -> LibraryMap | None:
    """Return the map of a person by the active model, or None while there is none.

    While the map of a new model is drawn, there is none either: its themes are others.
    """
    run = run_of(user)
    return LibraryMap(user, run) if run is not None and run.points else None
