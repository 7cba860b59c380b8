"""What a person's library has by name, and what to say of names that it does not have."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from functools import cached_property
from typing import TypeVar
from uuid import UUID

from django.utils import timezone

from gallery.models import Album, Photo, Tag, User
from search.language.terms import shown

_COMPARED = 1000  # names that an unknown one is compared with
_LIKENESS = 0.6
_Key = TypeVar("_Key")


class Library:
    """The names of one person's library, each kind asked of SQL once and only when needed.

    `notes` gathers sentences about names that are not there.
    """

    def __init__(self, user: User) -> None:
        self._user = user
        self.owner = user.pk
        self.notes: list[str] = []
        self.zone = timezone.get_default_timezone()

    @cached_property
    def today(self) -> date:
        """Today in the time zone of the gallery."""
        return timezone.localdate(timezone=self.zone)

    def second(self, day: date) -> int:
        """Return when a day begins in the time zone of the gallery, in Unix seconds."""
        return int(datetime.combine(day, time(), self.zone).timestamp())

    @cached_property
    def cameras(self) -> tuple[str, ...]:
        """All cameras that took a photo."""
        return self._column("camera")

    @cached_property
    def lenses(self) -> tuple[str, ...]:
        """All lenses that a photo was taken with."""
        return self._column("lens")

    def albums(self, values: Iterable[str]) -> list[UUID]:
        """Return the albums of these names, in capitals or not."""
        return self._of_names("album", self._albums, values)

    def tags(self, values: Iterable[str]) -> list[int]:
        """Return the tags of these names, in capitals or not."""
        return self._of_names("tag", self._tags, values)

    def named(self, kind: str, names: Sequence[str], values: Iterable[str]) -> tuple[str, ...]:
        """Return which of `names`, cameras or lenses, the values mean.

        A name spelt exactly means that one alone; otherwise a part of it will do, or some of its
        words, in capitals or not.
        """
        found: dict[str, None] = {}
        for value in values:
            meant = [name for name in names if name == value] or _containing(names, value)
            found |= dict.fromkeys(meant)
            if not meant:
                words = [word for name in names[:_COMPARED] for word in name.split()]
                self._miss(kind, value, [*names[:_COMPARED], *words])
        return tuple(found)

    @cached_property
    def _albums(self) -> list[tuple[UUID, str]]:
        return list(Album.objects.visible_to(self._user).values_list("pk", "name"))

    @cached_property
    def _tags(self) -> list[tuple[int, str]]:
        return list(Tag.objects.filter(owner_id=self._user.pk).values_list("pk", "name"))

    def _column(self, column: str) -> tuple[str, ...]:
        photos = Photo.objects.visible_to(self._user).exclude(**{column: ""})
        return tuple(photos.order_by(column).values_list(column, flat=True).distinct())

    def _of_names(
        self, kind: str, rows: Sequence[tuple[_Key, str]], values: Iterable[str]
    ) -> list[_Key]:
        found: list[_Key] = []
        for value in values:
            meant = [key for key, name in rows if folded(name) == folded(value)]
            found += meant
            if not meant:
                self._miss(kind, value, [name for _, name in rows[:_COMPARED]])
        return found

    def _miss(self, kind: str, value: str, names: Sequence[str]) -> None:
        near = nearest(value, names)
        hint = f" Did you mean {shown(near)}?" if near else ""
        self.notes.append(f"There is no {kind} {shown(value)}.{hint}")


def folded(text: str) -> str:
    """Return a text as names are compared: composed, and without capitals."""
    return unicodedata.normalize("NFC", text).casefold()


def nearest(value: str, names: Sequence[str]) -> str:
    """Return the name that was probably meant; empty when none is alike."""
    wanted = folded(value)
    by_fold = {folded(name): name for name in reversed(names)}
    inside = [fold for fold in by_fold if wanted in fold]
    near = inside or difflib.get_close_matches(wanted, list(by_fold), n=1, cutoff=_LIKENESS)
    return by_fold[min(near, key=len)] if near else ""


def _containing(names: Sequence[str], value: str) -> list[str]:
    wanted = folded(value)
    words = wanted.split()
    return [
        name
        for name in names
        if wanted in (fold := folded(name)) or all(word in fold.split() for word in words)
    ]
