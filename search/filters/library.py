"""The names in a person's library: albums, tags, labels, places, cameras and lenses.

Filters look names up and note those that do not exist; completion and the filter form offer them.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from time import monotonic
from typing import TypeVar, cast
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Max, Min, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy

from gallery import marks
from gallery.models import Album, Audience, Photo, PhotoQuerySet, Tag, User
from search.filters.places import Places, place_names, places_of
from search.language.query_errors import excerpt
from search.understanding.labels import names as labels
from search.understanding.labels.names import LabelName

MIN_SECONDS, MAX_SECONDS, FACTOR = 10, 300, 200
"""How long names are cached: `FACTOR` times as long as the lookup took, within bounds. People type
keys more often than they make albums, and one photo changes little in a large library."""
MAX_NAMES = 500
"""Names of each kind that are cached."""

_COMPARISONS = 1000  # names at most that an unknown one is compared with
_TYPES = {"HEIF": "heic"}
_UNKNOWN = {
    "album": gettext_lazy("There is no album %(name)s."),
    "tag": gettext_lazy("There is no tag %(name)s."),
    "label": gettext_lazy("There is no label %(name)s."),
    "camera": gettext_lazy("There is no camera %(name)s."),
    "lens": gettext_lazy("There is no lens %(name)s."),
    "place": gettext_lazy("No photo was taken in %(name)s."),
}
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Library:
    """The names of one person's library. Each kind is read from SQL once, when first needed.

    `notes` collects sentences about names that do not exist.
    """

    def __init__(self, user: User) -> None:
        self._user = user
        self.owner = user.pk
        self.notes: list[str] = []
        self._columns: dict[str, tuple[str, ...]] = {}

    @cached_property
    def today(self) -> date:
        """Today in the time zone of the gallery."""
        return timezone.localdate(timezone=timezone.get_default_timezone())

    def album_ids(self, names: Iterable[str]) -> list[UUID]:
        """Return the ids of the albums with these names, ignoring case."""
        return self._ids_by_name("album", self._albums, names)

    def tag_ids(self, names: Iterable[str]) -> list[int]:
        """Return the ids of the tags with these names, ignoring case."""
        return self._ids_by_name("tag", self._tags, names)

    def label_ids(self, names: Iterable[str]) -> list[UUID]:
        """Return the ids of the labels with these names, with or without that of their set."""
        ids: list[UUID] = []
        for name in names:
            found = labels.meant(self._labels, name)
            ids += found
            if not found:
                known = [each.name for each in self._labels[:_COMPARISONS]]
                self._note_unknown("label", name, known)
        return ids

    def place_ids(self, names: Iterable[str]) -> set[int]:
        """Return the GeoNames numbers of the towns of the library in the places of these names."""
        towns: set[int] = set()
        for name in names:
            meant = self.places.called(name)
            towns |= meant
            if not meant:
                self._note_unknown("place", name, place_names(self.places)[:_COMPARISONS])
        return towns

    @cached_property
    def places(self) -> Places:
        """The places of the photos."""
        return places_of(self._user)

    def match_equipment(self, column: str, values: Iterable[str]) -> tuple[str, ...]:
        """Return the names of cameras or lenses (`column`) that the values mean.

        A value that equals a name means that name alone. Otherwise a value matches names that
        contain it, or all its words, ignoring case.
        """
        names = self._equipment(column)
        matches: dict[str, None] = {}
        for value in values:
            meant = [name for name in names if name == value] or _names_with(names, value)
            matches |= dict.fromkeys(meant)
            if not meant:
                words = [word for name in names[:_COMPARISONS] for word in name.split()]
                self._note_unknown(column, value, [*names[:_COMPARISONS], *words])
        return tuple(matches)

    @cached_property
    def _albums(self) -> list[tuple[UUID, str]]:
        return list(Album.objects.visible_to(self._user).values_list("pk", "name"))

    @cached_property
    def _tags(self) -> list[tuple[int, str]]:
        return list(Tag.objects.filter(owner_id=self._user.pk).values_list("pk", "name"))

    @cached_property
    def _labels(self) -> list[LabelName]:
        return labels.label_names(self._user)

    def _equipment(self, column: str) -> tuple[str, ...]:
        if column not in self._columns:
            photos = Photo.objects.visible_to(self._user).exclude(**{column: ""})
            names = photos.order_by(column).values_list(column, flat=True).distinct()
            self._columns[column] = tuple(names)
        return self._columns[column]

    def _ids_by_name(
        self, kind: str, rows: Sequence[tuple[_Key, str]], values: Iterable[str]
    ) -> list[_Key]:
        ids: list[_Key] = []
        for value in values:
            if matches := [key for key, name in rows if fold_name(name) == fold_name(value)]:
                ids += matches
            else:
                self._note_unknown(kind, value, [name for _key, name in rows[:_COMPARISONS]])
        return ids

    def _note_unknown(self, kind: str, value: str, names: Sequence[str]) -> None:
        note = str(_UNKNOWN[kind]) % {"name": excerpt(value)}
        if similar := similar_name(value, names):
            hint = _("Did you mean %(name)s?") % {"name": excerpt(similar)}
            note = f"{note} {hint}"
        self.notes.append(note)


def fold_name(text: str) -> str:
    """Return a name in the form in which names are compared: in NFC and without case."""
    return unicodedata.normalize("NFC", text).casefold()


def similar_name(value: str, names: Sequence[str]) -> str:
    """Return the name that was probably meant; empty when none is similar."""
    wanted = fold_name(value)
    by_fold = {fold_name(name): name for name in reversed(names)}
    inside = [fold for fold in by_fold if wanted in fold]
    near = inside or difflib.get_close_matches(wanted, list(by_fold), n=1)
    return by_fold[min(near, key=len)] if near else ""


def _names_with(names: Sequence[str], value: str) -> list[str]:
    """Return the names that contain a value, or all its words."""
    wanted = fold_name(value)
    words = wanted.split()
    return [
        name
        for name in names
        if wanted in (fold := fold_name(name)) or all(word in fold.split() for word in words)
    ]


# --- names to choose from -------------------------------------------------------------------------


@dataclass(frozen=True)
class Traits:
    """What a library has beside names: file types as filters call them, years from the latest."""

    types: tuple[str, ...]
    years: tuple[int, ...]


def library_names(user: User) -> Mapping[str, list[str]]:
    """Return the names of a person's albums, tags, labels, places, cameras and lenses by filter.

    The most used come first; of albums, the latest. They may be some seconds old; those that an
    audience sees never are, so that what was taken out of an album is gone at once.
    """
    if isinstance(user, Audience):
        return _library_names(user)
    return _cached(f"library-names-{user.pk}", lambda: _library_names(user))


def library_traits(user: User) -> Traits:
    """Return the traits of a person's library, which may be some seconds old."""
    return _cached(f"library-traits-{user.pk}", lambda: _library_traits(user))


def _cached(key: str, read: Callable[[], _Value]) -> _Value:
    value = cache.get(key)
    if value is None:
        started = monotonic()
        value = read()
        seconds = FACTOR * (monotonic() - started)
        cache.set(key, value, min(max(seconds, MIN_SECONDS), MAX_SECONDS))
    return cast("_Value", value)


def _library_names(user: User) -> dict[str, list[str]]:
    latest = Album.objects.visible_to(user).order_by("-created_at")
    photos = Photo.objects.visible_to(user)
    through = Tag.photos.through.objects.filter(tag__owner_id=user.pk)  # the trash included
    uses = dict(through.values_list("tag__name").annotate(uses=Count("*")).order_by())
    tags = sorted(marks.tags_in_use(user), key=lambda name: -uses.get(name, 0))
    return {
        "album": list(latest.values_list("name", flat=True)[:MAX_NAMES]),
        "tag": tags[:MAX_NAMES],
        "label": labels.most_used(user, MAX_NAMES),
        "camera": _most_used(photos.exclude(camera=""), "camera"),
        "lens": _most_used(photos.exclude(lens=""), "lens"),
        "place": _most_used_places(user),
    }


def _most_used_places(user: User) -> list[str]:
    photos = Photo.objects.visible_to(user).exclude(place_id=None)
    counts = photos.order_by().values_list("place_id").annotate(uses=Count("*"))
    by_use = sorted(counts, key=lambda row: (-row[1], row[0]))
    return place_names(places_of(user), [key for key, _uses in by_use])[:MAX_NAMES]


def _library_traits(user: User) -> Traits:
    photos = Photo.objects.visible_to(user)
    types = [_TYPES.get(kind, kind.lower()) for kind in _most_used(photos, "format")]
    ends = photos.exclude(taken_at=None).aggregate(first=Min("wall_at"), last=Max("wall_at"))
    first, last = ends["first"], ends["last"]
    years = range(last.year, first.year - 1, -1) if first and last else ()
    return Traits(tuple(dict.fromkeys(types)), tuple(years))


def _most_used(photos: PhotoQuerySet, column: str) -> list[str]:
    """Return the values of a column. Counting rows lets the database use its index alone."""
    counts = photos.order_by().values_list(column).annotate(uses=Count("*"))
    rows: QuerySet[Photo, tuple[str, int]] = counts.order_by("-uses", column)
    return [row[0] for row in rows[:MAX_NAMES]]
