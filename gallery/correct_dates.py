"""Corrects the dates of photos, one or thousands at once, and takes corrections back.

Files are never changed. What a date was before is kept (`gallery.models.DateCorrection`), so that
each correction can be undone, and all of them together.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from gallery.corrections import Correction
from gallery.locks import lock_owner, lock_owners_of
from gallery.models import Embedding, Photo, PhotoQuerySet, User
from gallery.models.corrections import DateCorrection
from gallery.signals import photos_changed
from gallery.slices import slices
from gallery.taken_time import TIME_COLUMNS

_ASSIGNMENTS = ", ".join(f"{name} = %s" for name in TIME_COLUMNS)
_UPDATE = f"UPDATE {Photo._meta.db_table} SET {_ASSIGNMENTS} WHERE id = %s"  # noqa: S608 - constants

_NEEDED = ("name", "created_at", "latitude", "longitude")
_SLICE = 1_000  # photos whose rows are written together

Columns = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A photo, with its date as it is, and the values of `TIME_COLUMNS` as they should be."""

    photo: Photo
    columns: Columns

    @property
    def before(self) -> Columns:
        """The values of `TIME_COLUMNS` as they are."""
        return {name: getattr(self.photo, name) for name in TIME_COLUMNS}


class AsInFile:
    """What the file said about the date, before anybody corrected it."""


@dataclass(frozen=True)
class Corrected:
    """How many photos changed, and the batch that undoes it, None if there were none."""

    photos: int
    batch: uuid.UUID | None


def correct(photos: PhotoQuerySet, correction: Correction | AsInFile) -> Corrected:
    """Correct the dates of live photos in one transaction.

    Raises `gallery.corrections.BadDate` if a photo would leave the calendar; then none changes.
    """
    batch = uuid.uuid4()
    with transaction.atomic():
        lock_owners_of(photos)
        found = list(changes(photos.select_for_update(no_key=True), correction))
        for some in slices(found, _SLICE):
            DateCorrection.objects.bulk_create(
                DateCorrection(photo=change.photo, batch=batch, before=_to_json(change.before))
                for change in some
            )
            _save(some)
        _announce(found)
    return Corrected(len(found), batch if found else None)


def changes(photos: PhotoQuerySet, correction: Correction | AsInFile) -> Iterator[Change]:
    """Yield those of the live photos that the correction changes; raise `BadDate`."""
    rows = list(photos.live().order_by("pk").only(*_NEEDED, *TIME_COLUMNS))
    first = _first_dates(rows) if isinstance(correction, AsInFile) else {}
    for photo in rows:
        if isinstance(correction, AsInFile):
            columns = first.get(photo.pk)
        else:
            columns = correction.columns(photo)
        if columns is not None and Change(photo, columns).before != columns:
            yield Change(photo, columns)


def _first_dates(photos: Sequence[Photo]) -> dict[uuid.UUID, Columns]:
    """Return what files said, by the ids of those photos that were corrected since."""
    dates: dict[uuid.UUID, Columns] = {}
    for some in slices(photo.pk for photo in photos):
        for row in DateCorrection.objects.first_of(some):
            dates[row.photo_id] = _from_json(row.before)
    return dates


def undo(user: User, batch: uuid.UUID) -> int:
    """Give photos the dates that they had before they were corrected; return how many.

    Photos that were corrected again since, or are in the trash, stay as they are. Undoing twice
    does nothing.
    """
    visible = Photo.objects.visible_to(user)
    with transaction.atomic():
        lock_owner(user.pk or 0)
        last = DateCorrection.objects.latest_of_photos().filter(batch=batch, photo__in=visible)
        locked = last.select_for_update(of=("photo",), no_key=True).order_by("photo_id")
        rows = list(locked.select_related("photo"))
        undone = [Change(row.photo, _from_json(row.before)) for row in rows]
        for some in slices(undone, _SLICE):
            _save(some)
        for keys in slices(row.pk for row in rows):
            DateCorrection.objects.filter(pk__in=keys).delete()
        _announce(undone)
    return len(undone)


def _save(some: Sequence[Change]) -> None:
    """Write the columns of photos, and have the index learn of the new dates."""
    # Each photo has values of its own, and `bulk_update` takes 40 seconds for 10,000 of them.
    with connection.cursor() as cursor:
        cursor.executemany(_UPDATE, [_values(change) for change in some])
    Embedding.objects.project_again(change.photo.pk for change in some)


def _values(change: Change) -> list[Any]:
    """Return the parameters of `_UPDATE`, as the database takes them."""
    fields = {field.name: field for field in Photo._meta.concrete_fields}
    values = {**change.columns, "id": change.photo.pk}
    ordered = [(fields[name], values[name]) for name in (*TIME_COLUMNS, "id")]
    return [field.get_db_prep_save(value, connection) for field, value in ordered]


def _announce(found: Sequence[Change]) -> None:
    if found:
        transaction.on_commit(lambda: photos_changed.send(sender=Photo))


def _to_json(columns: Columns) -> Columns:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in columns.items()
    }


def _from_json(columns: Columns) -> Columns:
    return {
        name: datetime.fromisoformat(value) if name.endswith("_at") and value else value
        for name, value in columns.items()
    }
