"""Groups as people see them: pages of groups, what differs in each, and how much there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.timezone import localtime

from gallery.facts import camera, place_in_words
from gallery.models import LIVE_PHOTO, Photo, SkippedFile, User
from gallery.paging import NOT_GIVEN, BadCursor, check_limit, cursor_of, read_cursor
from search.duplicates.groups import ranking
from search.duplicates.groups.ranking import Criteria
from search.duplicates.models import DuplicateGroup, GroupMember, Kind, Likeness, NotTheSame

SORTS = {"bytes": "recoverable", "date": "newest_at", "closeness": "closeness"}
"""Names of orders and the columns behind them; the largest comes first in each."""
SAME_FILE = "same_file"
"""The third kind, of files that were not stored at all; see `gallery.models.SkippedFile`."""


@dataclass(frozen=True)
class Totals:
    """How many groups of a kind wait, with how many photos, and the bytes to recover.

    For `SAME_FILE`: photos of which copies were skipped, files skipped, and bytes not stored.
    """

    groups: int = 0
    photos: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class ShownMember:
    """A photo of a group: whether it is the one to keep, and what is known of it.

    `facts` has the same names for every member, in order, the value "" where nothing is known;
    `differing` are the (name, value) pairs of those that differ within the group. `closeness`
    (0 to 1) and `how` are against the group's medoid.
    """

    photo: Photo
    keep: bool
    reasons: list[str]
    closeness: float
    how: str
    facts: dict[str, str]
    differing: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Shown:
    """A group with its members, the keeper first, and the names of facts that differ."""

    group: DuplicateGroup
    members: list[ShownMember]
    differing: list[str]


@dataclass(frozen=True)
class Page:
    """Some groups and the cursor of those that follow, None at the end."""

    groups: list[Shown]
    next: str | None


@dataclass(frozen=True)
class Alike:
    """Another photo that one is like, and the group in which both wait, if any."""

    photo: Photo
    kind: str
    closeness: float
    how: str
    group: UUID | None


def page(user: User, kind: str, *, sort: str = "bytes", cursor: str = "", limit: int = 50) -> Page:
    """Return up to `limit` groups; raises `gallery.paging.BadCursor` for a made-up argument."""
    if kind not in Kind.values:
        raise BadCursor("There is no such kind of duplicates.")
    if sort not in SORTS:
        raise BadCursor("sort must be bytes, date or closeness.")
    check_limit(limit)
    column = SORTS[sort]
    groups = DuplicateGroup.objects.visible_to(user).filter(kind=kind)
    if cursor:
        value, group_id = _read(cursor, sort)
        tied = Q(**{column: value, "id__gt": group_id})
        groups = groups.filter(Q(**{f"{column}__lt": value}) | tied)
    rows = list(groups.order_by(f"-{column}", "id")[: limit + 1])
    more = len(rows) > limit
    following = _cursor(rows[limit - 1], sort) if more else None
    return Page(_shown(user, rows[:limit]), following)


def totals(user: User) -> dict[str, Totals]:
    """Return the totals of each kind, `SAME_FILE` too."""
    found = {name: Totals() for name in (SAME_FILE, *Kind.values)}
    groups = DuplicateGroup.objects.visible_to(user).values("kind")
    for row in groups.annotate(n=Count("id"), photos=Sum("size"), bytes=Sum("recoverable")):
        found[row["kind"]] = Totals(row["n"], row["photos"], row["bytes"])
    files = _skipped(user).aggregate(
        n=Count("photo", distinct=True), files=Count("id"), bytes=Sum("photo__size")
    )
    found[SAME_FILE] = Totals(files["n"], files["files"], files["bytes"] or 0)
    return found


def shown(user: User, group_id: UUID) -> Shown | None:
    """Return one group, or None when it is gone, unknown or somebody else's."""
    rows = list(DuplicateGroup.objects.visible_to(user).filter(pk=group_id))
    return next(iter(_shown(user, rows)), None)


def skipped(
    user: User, *, cursor: str = "", limit: int = 50
) -> tuple[list[SkippedFile], str | None]:
    """Return files that were not stored, newest first, each with its photo, and the next cursor."""
    check_limit(limit, most=1000)
    files = _skipped(user)
    if cursor:
        at, number = read_cursor(cursor, int)
        files = files.filter(Q(skipped_at__lt=at) | Q(skipped_at=at, id__lt=number))
    rows = list(files.select_related("photo").order_by("-skipped_at", "-id")[: limit + 1])
    last = rows[limit - 1] if len(rows) > limit else None
    return rows[:limit], cursor_of(last.skipped_at, last.pk) if last else None


def _skipped(user: User) -> Any:
    return SkippedFile.objects.filter(LIVE_PHOTO, owner_id=user.pk or 0)


def alike(user: User, photo_id: UUID) -> list[Alike]:
    """Return the visible photos that a visible photo is like, the closest first."""
    edges = Likeness.objects.filter(Q(first=photo_id) | Q(second=photo_id))
    words = NotTheSame.objects.filter(Q(first=photo_id) | Q(second=photo_id))
    apart = {photo for pair in words.values_list("first_id", "second_id") for photo in pair}
    by_id = {edge.second_id if edge.first_id == photo_id else edge.first_id: edge for edge in edges}
    visible = Photo.objects.visible_to(user).in_bulk(list({*by_id, photo_id} - apart | {photo_id}))
    if photo_id not in visible:
        return []
    groups = dict(GroupMember.objects.filter(photo=photo_id).values_list("kind", "group_id"))
    members = set(
        GroupMember.objects.filter(group__in=groups.values()).values_list("photo_id", "group_id")
    )
    found = []
    for other, edge in by_id.items():
        group = groups.get(edge.kind)
        if other in visible:
            together = group if (other, group) in members else None
            found.append(Alike(visible[other], edge.kind, edge.closeness, edge.how, together))
    return sorted(found, key=lambda one: (-one.closeness, one.photo.pk))


def _shown(user: User, groups: Sequence[DuplicateGroup]) -> list[Shown]:
    """Return groups with members in a number of queries that does not depend on how many."""
    members = GroupMember.objects.filter(group__in=[group.pk for group in groups])
    by_group: dict[UUID, list[GroupMember]] = {group.pk: [] for group in groups}
    # Photos and members in one query, as a photo may go to the trash between two.
    visible = members.filter(LIVE_PHOTO, photo__owner_id=user.pk).select_related("photo")
    for member in visible.prefetch_related("photo__albums", "photo__tags"):
        by_group[member.group_id].append(member)
    criteria = ranking.saved(user.pk or 0)
    return [
        _one(group, by_group[group.pk], criteria) for group in groups if len(by_group[group.pk]) > 1
    ]


def _one(group: DuplicateGroup, members: list[GroupMember], criteria: Criteria) -> Shown:
    by_photo = {member.photo_id: member for member in members}
    photos = [member.photo for member in members]
    albums = {photo.pk: len(photo.albums.all()) for photo in photos}
    ranked = ranking.rank(photos, criteria, albums)
    # As they are now: a photo may have become a favourite since the group was written.
    group.keeper, group.size = ranked[0].photo, len(photos)
    group.recoverable = sum(photo.size for photo in photos) - group.keeper.size
    facts = {photo.pk: _facts(photo) for photo in photos}
    first, *others = facts.values()
    differing = [name for name in first if any(one[name] != first[name] for one in others)]
    return Shown(
        group,
        [
            ShownMember(
                photo=one.photo,
                keep=place == 0,
                reasons=one.reasons,
                closeness=by_photo[one.photo.pk].closeness,
                how=by_photo[one.photo.pk].how,
                facts=facts[one.photo.pk],
                differing=[(name, facts[one.photo.pk][name]) for name in differing],
            )
            for place, one in enumerate(ranked)
        ],
        differing,
    )


def _facts(photo: Photo) -> dict[str, str]:
    return {
        "Size": f"{photo.width} × {photo.height}",
        "File": f"{photo.format}, {filesizeformat(photo.size)}",
        "Taken": _day(photo.taken_at) if photo.taken_at else "",
        "Added": _day(photo.created_at),
        "Camera": camera(photo.exif),
        "Lens": str(photo.exif.get("lens", "")),
        "Place": place_in_words(photo.exif),
        "Name": photo.name,
        "Albums": ", ".join(sorted(album.name for album in photo.albums.all())),
        "Tags": ", ".join(sorted(tag.name for tag in photo.tags.all())),
        "Favourite": "yes" if photo.favourite else "",
        "Caption": photo.caption,
    }


def _day(moment: datetime) -> str:
    return date_format(localtime(moment), "j F Y, H:i")


def _cursor(group: DuplicateGroup, sort: str) -> str:
    if sort == "date":
        return cursor_of(group.newest_at, group.pk.hex)
    return f"{getattr(group, SORTS[sort])!r}_{group.pk.hex}"


def _read(cursor: str, sort: str) -> tuple[Any, UUID]:
    if sort == "date":
        return read_cursor(cursor, UUID)
    number, _, group_id = cursor.partition("_")
    try:
        value = (int if sort == "bytes" else float)(number)
        key = UUID(group_id)
    except ValueError:
        raise _bad() from None
    if not 0 <= value < 2**63:  # False for NaN too.
        raise _bad()
    return value, key


def _bad() -> BadCursor:
    return BadCursor(str(NOT_GIVEN))
