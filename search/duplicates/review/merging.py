"""What the kept photo gets from those that go to the trash, and how it is taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from gallery import facts
from gallery.models import Embedding, InAlbum, Photo, Tagged
from gallery.models.photo_library import CAPTION_LIMIT
from gallery.slices import slices

Got = dict[str, Any]
"""JSON of what one photo got. Names and values:

albums: ids; tags: ids; favourite: True; caption: [before, after]; taken_at: ISO 8601;
shown_at: [before, after], ISO 8601; place: EXIF keys and numbers, in degrees and metres;
rating: stars.
"""

_PLACE = ("latitude", "longitude", "altitude")
_COLUMNS = {
    "favourite": ("favourite",),
    "caption": ("caption",),
    "taken_at": ("taken_at",),
    "shown_at": ("shown_at",),
    "place": ("exif", "latitude", "longitude"),
    "rating": ("rating",),
}


class Marks:
    """The albums and tags of many photos, read in a few queries: photo id -> ids."""

    def __init__(self, photo_ids: Collection[UUID]) -> None:
        self.albums: dict[UUID, set[UUID]] = {}
        self.tags: dict[UUID, set[int]] = {}
        for some in slices(photo_ids):
            in_albums = InAlbum.objects.filter(photo_id__in=some)
            for photo_id, album_id in in_albums.values_list("photo_id", "album_id"):
                self.albums.setdefault(photo_id, set()).add(album_id)
            tagged = Tagged.objects.filter(photo_id__in=some)
            for photo_id, tag_id in tagged.values_list("photo_id", "tag_id"):
                self.tags.setdefault(photo_id, set()).add(tag_id)


def merge(keeper: Photo, others: Sequence[Photo], marks: Marks) -> Got:
    """Give `keeper` what the others have and it lacks, in memory, and return what it got.

    The others come best first: of two dates or places, the first one's is taken. What the keeper
    has itself stays as it is, but for captions, which are put below each other.
    """
    got: Got = {
        "albums": [str(pk) for pk in _lacking(keeper, others, marks.albums)],
        "tags": _lacking(keeper, others, marks.tags),
        "caption": _caption(keeper, others),
        "place": _place(keeper, others),
        **_date(keeper, others),
    }
    if not keeper.favourite and any(photo.favourite for photo in others):
        keeper.favourite = got["favourite"] = True
    if not keeper.rating and others:
        keeper.rating = got["rating"] = max(photo.rating for photo in others)
    return {name: value for name, value in got.items() if value}


def _lacking(keeper: Photo, others: Sequence[Photo], marks: Mapping[UUID, set[Any]]) -> list[Any]:
    theirs = set().union(*(marks.get(photo.pk, set()) for photo in others))
    return sorted(theirs - marks.get(keeper.pk, set()))


def _caption(keeper: Photo, others: Sequence[Photo]) -> list[str]:
    before = lines = keeper.caption.strip()
    for photo in others:
        more = photo.caption.strip()
        longer = f"{lines}\n{more}".strip()
        if more and more not in lines and len(longer) <= CAPTION_LIMIT:
            lines = longer
    if lines == before:
        return []
    before, keeper.caption = keeper.caption, lines
    return [before, lines]


def _place(keeper: Photo, others: Sequence[Photo]) -> dict[str, float]:
    if _has_place(keeper):
        return {}
    exif: dict[str, Any] = next((photo.exif for photo in others if _has_place(photo)), {})
    place = {name: exif[name] for name in _PLACE if name in exif}
    _set_exif(keeper, {**keeper.exif, **place})
    return place


def _set_exif(photo: Photo, exif: dict[str, Any]) -> None:
    photo.exif = exif
    photo.latitude, photo.longitude = facts.place(exif) or (None, None)


def _has_place(photo: Photo) -> bool:
    return "latitude" in photo.exif and "longitude" in photo.exif


def _date(keeper: Photo, others: Sequence[Photo]) -> Got:
    taken = next((photo.taken_at for photo in others if photo.taken_at), None)
    if keeper.taken_at or taken is None:
        return {}
    got = {
        "taken_at": taken.isoformat(),
        "shown_at": [keeper.shown_at.isoformat(), taken.isoformat()],
    }
    keeper.taken_at = keeper.shown_at = taken
    return got


def give(merged: Iterable[tuple[Photo, Got]]) -> None:
    """Save what photos got by `merge`."""
    merged = [(photo, got) for photo, got in merged if got]
    InAlbum.objects.bulk_create(
        [
            InAlbum(photo=photo, album_id=pk)
            for photo, got in merged
            for pk in got.get("albums", [])
        ],
        ignore_conflicts=True,
    )
    Tagged.objects.bulk_create(
        [Tagged(photo=photo, tag_id=pk) for photo, got in merged for pk in got.get("tags", [])],
        ignore_conflicts=True,
    )
    for photo, got in merged:
        _save(photo, got)
    _project([photo for photo, got in merged if "shown_at" in got or "place" in got])


def take_back(merged: Iterable[tuple[Photo, Got]]) -> None:
    """Take from photos what they got, but for what was changed since, and save them."""
    merged = [(photo, got) for photo, got in merged if got]
    _unmark(InAlbum, "album_id", [(p, set(got.get("albums", []))) for p, got in merged])
    _unmark(
        Tagged,
        "tag_id",
        [(p, {str(pk) for pk in got.get("tags", [])}) for p, got in merged],
    )
    for photo, got in merged:
        _take_date(photo, got)
        _take_rest(photo, got)
        _save(photo, got)
    _project([photo for photo, got in merged if "taken_at" in got or "place" in got])


def _unmark(through: Any, column: str, given: list[tuple[Photo, set[str]]]) -> None:
    by_photo = {photo.pk: ids for photo, ids in given if ids}
    for some in slices(by_photo):
        rows = through.objects.filter(photo_id__in=some).values_list("pk", "photo_id", column)
        gone = [pk for pk, photo_id, mark in rows if str(mark) in by_photo[photo_id]]
        for part in slices(gone):
            through.objects.filter(pk__in=part).delete()


def _take_date(photo: Photo, got: Got) -> None:
    if "taken_at" not in got or photo.taken_at != datetime.fromisoformat(got["taken_at"]):
        return
    photo.taken_at = None
    before, after = (datetime.fromisoformat(day) for day in got["shown_at"])
    if photo.shown_at == after:
        photo.shown_at = before


def _take_rest(photo: Photo, got: Got) -> None:
    if got.get("favourite"):
        photo.favourite = False
    if "caption" in got and photo.caption == got["caption"][1]:
        photo.caption = got["caption"][0]
    place = got.get("place", {})
    if place and all(photo.exif.get(name) == value for name, value in place.items()):
        kept = {name: value for name, value in photo.exif.items() if name not in place}
        _set_exif(photo, kept)
    if photo.rating == got.get("rating"):
        photo.rating = 0


def _save(photo: Photo, got: Got) -> None:
    fields = [column for name, columns in _COLUMNS.items() if name in got for column in columns]
    if fields:
        photo.save(update_fields=fields)


def _project(photos: list[Photo]) -> None:
    """Have the index told of the new day or place: it keeps them of each photo."""
    for some in slices([photo.pk for photo in photos]):
        Embedding.objects.project_again(some)
