"""What the kept photo gains from those that go to the trash, and how that is taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, OuterRef

from gallery import facts, places
from gallery.models import Companion, Embedding, InAlbum, Photo, PhotoQuerySet, Tagged
from gallery.models.photo_library import CAPTION_LIMIT
from gallery.slices import slices
from gallery.taken_time import TIME_COLUMNS, unknown_time

Gains = dict[str, Any]
"""JSON of what one photo gained. Names and values:

albums: ids; tags: ids; favourite: True; caption: [before, after]; taken_at: ISO 8601;
time: {column: [before, after]} of `TIME_COLUMNS`, times in ISO 8601; place: EXIF keys and numbers,
in degrees and metres; rating: stars; companions: {id: id of the photo that had it}. Earlier
versions wrote shown_at: [before, after] and no time.
"""

_PLACE = ("latitude", "longitude", "altitude")
_COLUMNS = ("favourite", "caption", "rating")
_GUESSES = {Photo.DateSource.NAME, Photo.DateSource.FILE}


class AlbumsAndTags:
    """The albums, tags and companions of many photos, read in a few queries.

    Each by the photo's id: sets of ids, and companions in the order in which they came.
    """

    def __init__(self, photo_ids: Collection[UUID]) -> None:
        self.albums: dict[UUID, set[UUID]] = {}
        self.tags: dict[UUID, set[int]] = {}
        self.companions: dict[UUID, list[Companion]] = {}
        for some in slices(photo_ids):
            in_albums = InAlbum.objects.filter(photo_id__in=some)
            for photo_id, album_id in in_albums.values_list("photo_id", "album_id"):
                self.albums.setdefault(photo_id, set()).add(album_id)
            tagged = Tagged.objects.filter(photo_id__in=some)
            for photo_id, tag_id in tagged.values_list("photo_id", "tag_id"):
                self.tags.setdefault(photo_id, set()).add(tag_id)
            for companion in Companion.objects.filter(photo_id__in=some).defer("given"):
                self.companions.setdefault(companion.photo_id, []).append(companion)


def merge(keeper: Photo, others: Sequence[Photo], marks: AlbumsAndTags) -> Gains:
    """Give `keeper` what the others have and it lacks, in memory, and return what it gained.

    The others come best first: of two dates or places, the first one is taken. What the keeper has
    itself stays as it is, except that captions are put below each other. Of the files that are kept
    with the others, it gets those whose content it lacks, and a video only if it has none.
    """
    gains: Gains = {
        "albums": [str(pk) for pk in _lacking(keeper, others, marks.albums)],
        "tags": _lacking(keeper, others, marks.tags),
        "caption": _caption(keeper, others),
        "place": _place(keeper, others),
        "companions": _companions(keeper, others, marks.companions),
        **_date(keeper, others),
    }
    if not keeper.favourite and any(photo.favourite for photo in others):
        keeper.favourite = gains["favourite"] = True
    if not keeper.rating and others:
        keeper.rating = gains["rating"] = max(photo.rating for photo in others)
    return {name: value for name, value in gains.items() if value}


def _lacking(keeper: Photo, others: Sequence[Photo], marks: Mapping[UUID, set[Any]]) -> list[Any]:
    theirs = set().union(*(marks.get(photo.pk, set()) for photo in others))
    return sorted(theirs - marks.get(keeper.pk, set()))


def _companions(
    keeper: Photo, others: Sequence[Photo], companions: Mapping[UUID, list[Companion]]
) -> dict[str, str]:
    kept = list(companions.get(keeper.pk, []))
    gained: dict[str, str] = {}
    for companion in (one for photo in others for one in companions.get(photo.pk, [])):
        if not any(_stands_for(one, companion) for one in kept):
            kept.append(companion)
            gained[str(companion.pk)] = str(companion.photo_id)
    return gained


def _stands_for(kept: Companion, companion: Companion) -> bool:
    """Tell whether a photo that has one file has no use for another."""
    # The older of two videos would be played, whichever photo it came with.
    are_videos = kept.kind == companion.kind == Companion.Kind.VIDEO
    return are_videos or kept.sha256 == companion.sha256


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
    places.put_at(photo, facts.place(exif))


def _has_place(photo: Photo) -> bool:
    return "latitude" in photo.exif and "longitude" in photo.exif


def _date(keeper: Photo, others: Sequence[Photo]) -> Gains:
    dated = [photo for photo in others if photo.taken_at]
    giver = next((photo for photo in dated if photo.date_source not in _GUESSES), None)
    if keeper.taken_at is None and giver is None:
        giver = next(iter(dated), None)
    is_known = keeper.taken_at and keeper.date_source not in _GUESSES
    if is_known or giver is None or giver.taken_at is None:
        return {}
    time = {name: [_json(keeper, name), _json(giver, name)] for name in TIME_COLUMNS}
    for name in TIME_COLUMNS:
        setattr(keeper, name, getattr(giver, name))
    return {"taken_at": giver.taken_at.isoformat(), "time": time}


def _json(photo: Photo, column: str) -> Any:
    value = getattr(photo, column)
    return value.isoformat() if isinstance(value, datetime) else value


def save(merged: Iterable[tuple[Photo, Gains]]) -> None:
    """Save what photos gained by `merge`."""
    merged = [(photo, gains) for photo, gains in merged if gains]
    InAlbum.objects.bulk_create(
        [
            InAlbum(photo=photo, album_id=pk)
            for photo, gains in merged
            for pk in gains.get("albums", [])
        ],
        ignore_conflicts=True,
    )
    Tagged.objects.bulk_create(
        [Tagged(photo=photo, tag_id=pk) for photo, gains in merged for pk in gains.get("tags", [])],
        ignore_conflicts=True,
    )
    _move_companions(
        (pk, UUID(giver), photo.pk)
        for photo, gains in merged
        for pk, giver in gains.get("companions", {}).items()
    )
    _save_columns(merged)


def _move_companions(moves: Iterable[tuple[str, UUID, UUID]]) -> None:
    """Move companions, by their ids, from one photo to another that is there and lacks the file."""
    touched: set[UUID] = set()
    for pk, giver, taker in moves:
        companion = Companion.objects.filter(pk=pk, photo=giver).defer("given").first()
        if companion is None:
            continue
        takers = Photo.objects.not_deleted().filter(pk=taker)
        if takers.exclude(companions__sha256=companion.sha256).exists():
            Companion.objects.filter(pk=pk).update(photo=taker)
            touched |= {giver, taker}
    for some in slices(touched):
        _set_motion(Photo.objects.filter(pk__in=some))


def _set_motion(photos: PhotoQuerySet) -> None:
    """Note which of the photos have a video beside them now, unless they have one inside."""
    has_video = Exists(Companion.objects.filter(photo=OuterRef("pk"), kind=Companion.Kind.VIDEO))
    motions = Photo.Motion
    photos.filter(has_video, motion=motions.NONE).update(motion=motions.BESIDE)
    photos.filter(~has_video, motion=motions.BESIDE).update(motion=motions.NONE)


def take_back(merged: Iterable[tuple[Photo, Gains]]) -> None:
    """Take from photos what they gained, except what was changed since, and save them."""
    merged = [(photo, gains) for photo, gains in merged if gains]
    _remove_marks(InAlbum, "album_id", {p.pk: gains.get("albums", []) for p, gains in merged})
    _remove_marks(Tagged, "tag_id", {p.pk: gains.get("tags", []) for p, gains in merged})
    _move_companions(
        (pk, photo.pk, UUID(giver))
        for photo, gains in merged
        for pk, giver in gains.get("companions", {}).items()
    )
    for photo, gains in merged:
        _take_date(photo, gains)
        _take_rest(photo, gains)
    _save_columns(merged)


def _remove_marks(through: Any, column: str, marks: Mapping[UUID, Sequence[Any]]) -> None:
    """Delete rows of `through` by the photo's id and its `marks`, the ids in `column`."""
    texts = {photo_id: set(map(str, ids)) for photo_id, ids in marks.items() if ids}
    for some in slices(texts):
        rows = through.objects.filter(photo_id__in=some).values_list("pk", "photo_id", column)
        gone = [pk for pk, photo_id, mark in rows if str(mark) in texts[photo_id]]
        for part in slices(gone):
            through.objects.filter(pk__in=part).delete()


def _take_date(photo: Photo, gains: Gains) -> None:
    if "taken_at" not in gains or photo.taken_at != datetime.fromisoformat(gains["taken_at"]):
        return
    time = gains.get("time") or _earlier_time(photo, gains)
    for name, (before, _after) in time.items():
        is_time = name.endswith("_at") and before is not None
        setattr(photo, name, datetime.fromisoformat(before) if is_time else before)


def _earlier_time(photo: Photo, gains: Gains) -> dict[str, list[Any]]:
    """Return the columns of a photo without a date, from what an earlier version kept."""
    shown = datetime.fromisoformat(gains["shown_at"][0])
    columns = unknown_time(shown, ZoneInfo(settings.TIME_ZONE))
    return {
        name: [value.isoformat() if isinstance(value, datetime) else value, None]
        for name, value in columns.items()
    }


def _take_rest(photo: Photo, gains: Gains) -> None:
    if gains.get("favourite"):
        photo.favourite = False
    if "caption" in gains and photo.caption == gains["caption"][1]:
        photo.caption = gains["caption"][0]
    place = gains.get("place", {})
    if place and all(photo.exif.get(name) == value for name, value in place.items()):
        kept = {name: value for name, value in photo.exif.items() if name not in place}
        _set_exif(photo, kept)
    if photo.rating == gains.get("rating"):
        photo.rating = 0


def _save_columns(merged: Sequence[tuple[Photo, Gains]]) -> None:
    """Save the columns of photos, and have the index learn of a new day or place."""
    for photo, gains in merged:
        columns = [name for name in _COLUMNS if name in gains]
        columns += TIME_COLUMNS if "taken_at" in gains else []
        columns += ["exif", *places.COLUMNS] if "place" in gains else []
        if columns:
            photo.save(update_fields=columns)
    stale = [photo.pk for photo, gains in merged if "taken_at" in gains or "place" in gains]
    for some in slices(stale):
        Embedding.objects.project_again(some)
