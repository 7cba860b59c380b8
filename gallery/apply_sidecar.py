"""Giving a photo what a sidecar says of it, without touching what a person has said.

Photo managers write XMP to correct a picture, so XMP comes before what the picture's file says.
Takeout's JSON repeats what a service thought, so it only fills gaps. Both leave alone what was
changed here since: `Companion.given` tells what earlier sidecars gave.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from gallery import facts, marks, places
from gallery.models import Companion, Embedding, Photo
from gallery.names import TAGS_PER_PHOTO, BadName, clean_caption, clean_tag
from gallery.sidecars import Sidecar
from gallery.signals import photos_changed
from gallery.taken_time import Clock, TakenTime, clock_at

_Dates, _Offsets = Photo.DateSource, Photo.OffsetSource

_GAPS = {_Dates.UNKNOWN, _Dates.FILE}
_GUESSES = _GAPS | {_Dates.NAME, _Dates.SIDECAR}
"""Sources of a date that any sidecar may replace, and those that an XMP may that is not sure."""

_ASSUMED = {_Offsets.UNKNOWN, _Offsets.ASSUMED, _Offsets.PLACE}
"""Sources of an offset that no file told."""

_SECONDS = len("2024-05-31T18:30:15")

Given = dict[str, Any]


@dataclass
class _Change:
    """One photo, locked, and what a sidecar is about to give it.

    `before` is what earlier sidecars gave, `given` what this one does; `columns` are to be saved.
    """

    photo: Photo
    sidecar: Sidecar
    corrects: bool
    before: Given
    given: Given
    columns: dict[str, Any]


def apply_sidecar(photo: Photo, companion: Companion, sidecar: Sidecar) -> None:
    """Give a photo what its new companion says, and note in the companion what that was.

    It runs inside the transaction that locks the row of `photo`.
    """
    earlier = photo.companions.exclude(pk=companion.pk).order_by("created_at", "pk")
    corrects = companion.kind == Companion.Kind.XMP
    change = _Change(
        photo, sidecar, corrects, _merged(earlier.values_list("given", flat=True)), {}, {}
    )
    for take in _TAKES:
        take(change)
    _save(change)
    companion.given = change.given
    companion.save(update_fields=["given"])


def may_give_time(old: Photo, photo: Photo) -> bool:
    """Tell whether what a sidecar said of the time of `old` counts for another file, too.

    It counts as if the sidecar came to that file.
    """
    if old.date_source != _Dates.SIDECAR:  # It only told the offset of the camera's own clock.
        return photo.wall_at == old.wall_at and photo.offset_source in _ASSUMED
    giver = old.companions.filter(given__has_key="date").order_by("created_at", "pk").last()
    corrects = giver is not None and giver.kind == Companion.Kind.XMP
    is_shot = giver is not None and giver.given["date"]
    return _outweighs(photo.date_source, corrects=corrects, is_shot=is_shot)


def _merged(gifts: Any) -> Given:
    """Return what was given last of each kind; of tags, all that ever were."""
    merged: Given = {}
    for given in gifts:
        tags = [*merged.get("tags", []), *given.get("tags", [])]
        merged |= {**given, "tags": tags}
    return merged


def _save(change: _Change) -> None:
    photo, columns = change.photo, change.columns
    for column, value in columns.items():
        setattr(photo, column, value)
    if columns:
        photo.save(update_fields=list(columns))
    if "exif" in columns or "wall_at" in columns:
        Embedding.objects.project_again([photo.pk])
        transaction.on_commit(lambda: photos_changed.send(sender=Photo))


def _take_rating(change: _Change) -> None:
    photo, stars = change.photo, change.sidecar.rating
    if stars and photo.rating == change.before.get("rating", facts.facts(photo.exif).rating):
        change.columns["rating"] = change.given["rating"] = stars


def _take_caption(change: _Change) -> None:
    photo, caption = change.photo, _caption(change.sidecar.caption)
    is_untouched = photo.caption == change.before.get("caption", "")
    if caption and is_untouched and (change.corrects or not photo.caption):
        change.columns["caption"] = change.given["caption"] = caption


def _caption(text: str) -> str:
    try:
        return clean_caption(text)
    except BadName:
        # Normalised text can be longer than it was.
        return ""


def _take_favourite(change: _Change) -> None:
    is_news = change.sidecar.favourite and "favourite" not in change.before
    if is_news and not change.photo.favourite:
        change.columns["favourite"] = change.given["favourite"] = True


def _take_tags(change: _Change) -> None:
    """Add the tags, but none that somebody took off after a sidecar had given it."""
    had = set(change.photo.tags.values_list("name", flat=True))
    known = {name.casefold() for name in [*had, *change.before.get("tags", [])]}
    new = [tag for tag in _tags(change.sidecar) if tag.casefold() not in known]
    new = new[: max(TAGS_PER_PHOTO - len(had), 0)]
    if new:
        marks.add_tags(change.photo, new)
        change.given["tags"] = new


def _tags(sidecar: Sidecar) -> list[str]:
    cleaned = []
    for text in sidecar.tags:
        try:
            cleaned.append(clean_tag(text))
        except BadName:
            continue
    return list(dict.fromkeys(cleaned))


def _take_place(change: _Change) -> None:
    photo, sidecar = change.photo, change.sidecar
    here = [photo.latitude, photo.longitude]
    is_untouched = here == change.before.get("place", here)
    may_replace = is_untouched and (change.corrects or here == [None, None])
    if sidecar.latitude is None or not may_replace:
        return
    exif = {key: value for key, value in photo.exif.items() if key != "altitude"}
    exif |= {"latitude": sidecar.latitude, "longitude": sidecar.longitude}
    if sidecar.altitude is not None:
        exif["altitude"] = sidecar.altitude
    places.put_at(photo, facts.place(exif))
    change.columns |= {"exif": exif} | {name: getattr(photo, name) for name in places.COLUMNS}
    change.given["place"] = [photo.latitude, photo.longitude]


def _take_date(change: _Change) -> None:
    if _is_persons(change.photo):
        return
    taken = _taken(change) if _may_replace_date(change) else None
    if taken is None or (change.photo.taken_at and _is_repeated(change, taken.wall)):
        taken = _same_clock(change)
    if taken is None:
        return
    with suppress(OverflowError):
        change.columns |= taken.columns(change.photo.name)
        if taken.date_source == _Dates.SIDECAR:
            change.given["date"] = change.sidecar.is_shot


def _is_persons(photo: Photo) -> bool:
    """Tell whether a person spoke of the date, if only of its zone or that nobody knows it."""
    has_word = photo.date_source == _Dates.PERSON or photo.offset_source == _Offsets.PERSON
    return has_word or photo.date_corrections.exists()


def _may_replace_date(change: _Change) -> bool:
    return _outweighs(
        change.photo.date_source, corrects=change.corrects, is_shot=change.sidecar.is_shot
    )


def _outweighs(source: str, *, corrects: bool, is_shot: bool) -> bool:
    """Tell whether the date of a sidecar comes before one of another source."""
    if not corrects:
        return source in _GAPS
    return is_shot or source in _GUESSES


def _taken(change: _Change) -> TakenTime | None:
    """Return the time that the sidecar tells; None without one or at the ends of the calendar."""
    photo, sidecar = change.photo, change.sidecar
    if sidecar.instant:
        return _clock(change).local(datetime.fromisoformat(sidecar.instant), _Dates.SIDECAR)
    if not sidecar.wall:
        return None
    wall = datetime.fromisoformat(sidecar.wall)
    if sidecar.utc_offset is not None:
        return TakenTime(wall, sidecar.utc_offset, _Dates.SIDECAR, _Offsets.SIDECAR)
    if photo.utc_offset is not None and photo.offset_source not in _ASSUMED:
        return TakenTime(wall, photo.utc_offset, _Dates.SIDECAR, photo.offset_source)
    return _clock(change).at(wall, _Dates.SIDECAR)


def _is_repeated(change: _Change, wall: datetime) -> bool:
    """Tell whether a local time is the photo's own, as far as the sidecar told it."""
    told = change.sidecar.told or _SECONDS
    return wall.isoformat()[:told] == change.photo.wall_at.replace(tzinfo=None).isoformat()[:told]


def _same_clock(change: _Change) -> TakenTime | None:
    """Return the camera's own time with an offset that is news; None if nothing is."""
    photo, sidecar = change.photo, change.sidecar
    wall, offset = photo.wall_at.replace(tzinfo=None), sidecar.utc_offset
    is_clock = photo.date_source in {_Dates.CAMERA, _Dates.METADATA}
    if not is_clock or photo.offset_source not in _ASSUMED:
        return None
    if offset is not None and _is_repeated(change, datetime.fromisoformat(sidecar.wall)):
        return TakenTime(wall, offset, photo.date_source, _Offsets.SIDECAR)
    if "exif" in change.columns:
        return _clock(change).at(wall, photo.date_source)
    return None


def _clock(change: _Change) -> Clock:
    """Return the clock of the place, which the sidecar may just have told, or the gallery's."""
    exif = change.columns.get("exif", change.photo.exif)
    return clock_at(exif, ZoneInfo(settings.TIME_ZONE))


_TAKES: tuple[Callable[[_Change], None], ...] = (
    _take_rating,
    _take_caption,
    _take_favourite,
    _take_tags,
    _take_place,
    _take_date,
)
