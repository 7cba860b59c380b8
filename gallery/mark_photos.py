"""Changes the marks of many photos at once, and says what takes that back.

Photos are changed in small transactions one after the other, so that nobody waits long for them.
What was asked for is checked before the first one.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from gallery import albums, marks
from gallery.locks import lock_owner
from gallery.models import Album, InAlbum, Photo, Tag, Tagged, User
from gallery.names import TAGS_PER_PHOTO, clean_caption, clean_tags
from gallery.slices import slices

AT_ONCE = 200
"""Photos that are changed in one transaction: a tenth of a second."""
_COLUMNS = ("favourite", "rating", "caption")

Change = dict[str, Any]
"""Fields of `Marking` by name, and for what takes a change back also `ids`."""
_Former = defaultdict[UUID, Change]


@dataclass
class Marking:
    """What to do with photos; what is None or empty stays as it is.

    A tag or an album that is in both lists is added. Raises `gallery.names.BadName`.
    """

    favourite: bool | None = None
    rating: int | None = None
    caption: str | None = None
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()
    add_to_albums: Collection[UUID] = ()
    take_out_of_albums: Collection[UUID] = ()

    def __post_init__(self) -> None:
        if self.rating is not None:
            marks.check_stars(self.rating)
        if self.caption is not None:
            self.caption = clean_caption(self.caption)
        self.add_tags = clean_tags(self.add_tags)
        self.remove_tags = sorted({*clean_tags(self.remove_tags)} - {*self.add_tags})
        self.take_out_of_albums = {*self.take_out_of_albums} - {*self.add_to_albums}


@dataclass
class Marked:
    """How many photos changed; how many could not, and why; and the changes that take it back.

    `unknown` photos are not, or no longer, among those of the person. `full` ones have as many
    tags as a photo can have.
    """

    changed: int = 0
    unknown: int = 0
    full: int = 0
    undo: list[Change] = field(default_factory=list)


def mark(user: User, photo_ids: Iterable[UUID], marking: Marking) -> Marked:
    """Change the marks of a person's live photos, also of hidden ones."""
    result, former = Marked(), _Former(dict)
    for some in slices(sorted(set(photo_ids)), AT_ONCE):
        with transaction.atomic():
            # Who changes several photos takes it first, so that two such changes never deadlock.
            lock_owner(user.pk or 0)
            rows = _lock(user, some)
            _set_columns(rows, marking, former)
            result.full += _change_tags(user, rows, marking, former)
            _change_albums(user, rows, marking, former)
        result.unknown += len(some) - len(rows)
    result.changed = len(former)
    result.undo = _alike(former)
    return result


def _lock(user: User, ids: Sequence[UUID]) -> dict[UUID, Change]:
    """Return the columns of those photos that the person may change, as they are."""
    own = Photo.objects.visible_to(user, hidden=True).filter(pk__in=ids).order_by("pk")
    return {row.pop("pk"): row for row in own.select_for_update().values("pk", *_COLUMNS)}


def _set_columns(rows: Mapping[UUID, Change], marking: Marking, former: _Former) -> None:
    wanted = {name: getattr(marking, name) for name in _COLUMNS}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    changed = []
    for key, row in rows.items():
        if before := {name: row[name] for name in wanted if row[name] != wanted[name]}:
            former[key] |= before
            changed.append(key)
    if changed:
        Photo.objects.filter(pk__in=changed).update(**wanted)


def _change_tags(user: User, rows: Mapping[UUID, Change], marking: Marking, former: _Former) -> int:
    """Put tags on photos and take others off; return how many photos have no room for them."""
    if not (rows and (marking.add_tags or marking.remove_tags)):
        return 0
    added = marks.get_or_create_tags(user.pk or 0, marking.add_tags)
    removed = Tag.objects.filter(owner_id=user.pk, name__in=marking.remove_tags)
    names = {tag.pk: tag.name for tag in (*added, *removed)}
    rows_of_tags = Tagged.objects.filter(photo__in=rows, tag__in=names)
    present = set(rows_of_tags.values_list("photo", "tag"))
    off = [pair for pair in present if names[pair[1]] not in marking.add_tags]
    on = [(key, tag.pk) for key in rows for tag in added if (key, tag.pk) not in present]
    full = _without_room(rows, on, off)
    on = [pair for pair in on if pair[0] not in full]
    Tagged.objects.filter(photo__in={key for key, _tag in off}, tag__in=removed).delete()
    rows_to_add = [Tagged(photo_id=key, tag_id=tag) for key, tag in on]
    Tagged.objects.bulk_create(rows_to_add, ignore_conflicts=True)
    _remember(former, "remove_tags", [(key, names[tag]) for key, tag in on])
    _remember(former, "add_tags", [(key, names[tag]) for key, tag in off])
    return len(full)


def _without_room(
    rows: Mapping[UUID, Change], on: Iterable[tuple[UUID, int]], off: Iterable[tuple[UUID, int]]
) -> set[UUID]:
    """Return the photos that would have more than `TAGS_PER_PHOTO` tags."""
    more = Counter(key for key, _tag in on)
    more.subtract(Counter(key for key, _tag in off))
    counts = Tagged.objects.filter(photo__in=rows).order_by().values_list("photo")
    have = dict(counts.annotate(number=Count("pk")))
    return {key for key, number in more.items() if have.get(key, 0) + number > TAGS_PER_PHOTO}


def _change_albums(
    user: User, rows: Mapping[UUID, Change], marking: Marking, former: _Former
) -> None:
    """Put photos into albums and take them out of others; unknown albums are left aside."""
    photos = Photo.objects.filter(pk__in=rows)
    own = Album.objects.visible_to(user)
    for album in own.filter(pk__in=marking.add_to_albums).order_by("pk"):
        before = _members(album, rows)
        albums.add(album, photos)
        _remember(former, "take_out_of_albums", _pairs(rows.keys() - before, album))
    for album in own.filter(pk__in=marking.take_out_of_albums).order_by("pk"):
        before = _members(album, rows)
        albums.take_out(album, photos)
        _remember(former, "add_to_albums", _pairs(before, album))


def _members(album: Album, rows: Mapping[UUID, Change]) -> set[UUID]:
    within = InAlbum.objects.filter(album_id=album.pk, photo_id__in=rows)
    return set(within.values_list("photo_id", flat=True))


def _pairs(keys: Iterable[UUID], album: Album) -> list[tuple[UUID, str]]:
    return [(key, str(album.pk)) for key in keys]


def _remember(former: _Former, name: str, pairs: Iterable[tuple[UUID, str]]) -> None:
    for key, value in sorted(pairs):
        former[key].setdefault(name, []).append(value)


def _alike(former: _Former) -> list[Change]:
    """Return the changes that photos need to be as before, each with the ids of all who need it."""
    ids: dict[str, list[UUID]] = defaultdict(list)
    for key, change in former.items():
        ids[json.dumps(change, sort_keys=True)].append(key)
    return [{"ids": keys, **json.loads(change)} for change, keys in ids.items()]
