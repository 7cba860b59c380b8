"""Groups as people see them: pages of groups, what differs in each, and how many there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum, TextChoices
from django.template.defaultfilters import filesizeformat
from django.utils.timezone import localtime
from django.utils.translation import gettext as _, gettext_lazy

from gallery.facts import camera, place_in_words
from gallery.models import LIVE_PHOTO, Photo, SkippedFile, User, hidden_photos
from gallery.paging import ID, NOT_GIVEN, REAL, TIME, BadCursor, check_limit, cursor_of, read_cursor
from gallery.templatetags import dates
from search.duplicates.groups import keeper
from search.duplicates.groups.criteria import Criteria, criteria_of
from search.duplicates.groups.figures import Figures, figures_of
from search.duplicates.groups.keeper import Measured
from search.duplicates.models import DuplicateEdge, DuplicateGroup, GroupMember, Kind, NotTheSame

SAME_FILE = "same_file"
"""The third kind, of files that were not stored at all; see `gallery.models.SkippedFile`."""

CURSOR = f"(?:{TIME}|{REAL})_{ID}"
"""How a cursor is written, whatever the order, as a regular expression (ECMA 262)."""
_FORM = re.compile(CURSOR)


class Sort(TextChoices):
    """The orders of the groups; the largest comes first in each."""

    BYTES = "bytes", gettext_lazy("Most bytes")
    DATE = "date", gettext_lazy("Newest")
    CLOSENESS = "closeness", gettext_lazy("Closest")

    @property
    def column(self) -> str:
        """The column of `DuplicateGroup` that is sorted by."""
        return {"bytes": "recoverable", "date": "newest_at"}.get(self, self.value)


class Fact(TextChoices):
    """What may differ between the photos of a group; the values are names in the API."""

    SIZE = "Size", gettext_lazy("Size")
    FILE = "File", gettext_lazy("File")
    TAKEN = "Taken", gettext_lazy("Taken")
    ADDED = "Added", gettext_lazy("Added")
    CAMERA = "Camera", gettext_lazy("Camera")
    LENS = "Lens", gettext_lazy("Lens")
    PLACE = "Place", gettext_lazy("Place")
    NAME = "Name", gettext_lazy("Name")
    ALBUMS = "Albums", gettext_lazy("Albums")
    TAGS = "Tags", gettext_lazy("Tags")
    FAVOURITE = "Favourite", gettext_lazy("Favourite")
    CAPTION = "Caption", gettext_lazy("Caption")


@dataclass(frozen=True)
class Totals:
    """How many groups of a kind wait, with how many photos, and the bytes to recover.

    For `SAME_FILE`: photos of which copies were skipped, files skipped, and bytes not stored.
    """

    groups: int = 0
    photos: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class ReviewMember:
    """A photo of a group: whether it is the one to keep, why, and the facts about it.

    `facts` has the same keys, values of `Fact`, for every member, in order, with "" where nothing
    is known. `closeness` (0 to 1) and `how` are relative to the group's medoid.
    """

    photo: Photo
    keep: bool
    reasons: list[str]
    closeness: float
    how: str
    facts: dict[str, str]


@dataclass(frozen=True)
class ReviewGroup:
    """A group with its members, the keeper first, and the facts that differ between them."""

    group: DuplicateGroup
    members: list[ReviewMember]
    differing: list[str]


@dataclass(frozen=True)
class Match:
    """A photo that another one is like, and the group in which both wait, if any."""

    photo: Photo
    kind: str
    closeness: float
    how: str
    group: UUID | None


def group_page(
    user: User, kind: str, *, sort: str = Sort.BYTES, cursor: str = "", limit: int = 50
) -> tuple[list[ReviewGroup], str | None]:
    """Return up to `limit` groups and the next cursor, None at the end.

    Raises `gallery.paging.BadCursor` for a made-up argument.
    """
    if kind not in Kind.values:
        raise BadCursor(_("There is no such kind of duplicates."))
    if sort not in Sort.values:
        raise BadCursor(_("sort must be bytes, date or closeness."))
    check_limit(limit)
    column = Sort(sort).column
    groups = DuplicateGroup.objects.visible_to(user).filter(kind=kind)
    if cursor:
        value, group_id = _read_cursor(cursor, sort)
        tied = Q(**{column: value, "id__gt": group_id})
        groups = groups.filter(Q(**{f"{column}__lt": value}) | tied)
    rows = list(groups.order_by(f"-{column}", "id")[: limit + 1])
    following = _cursor(rows[limit - 1], sort) if len(rows) > limit else None
    return _review_groups(user, rows[:limit]), following


def totals_of(user: User) -> dict[str, Totals]:
    """Return the totals of each kind and of `SAME_FILE`."""
    totals = {name: Totals() for name in (SAME_FILE, *Kind.values)}
    groups = DuplicateGroup.objects.visible_to(user).values("kind")
    for row in groups.annotate(n=Count("id"), photos=Sum("size"), bytes=Sum("recoverable")):
        totals[row["kind"]] = Totals(row["n"], row["photos"], row["bytes"])
    files = _skipped_files(user).aggregate(
        n=Count("photo", distinct=True), files=Count("id"), bytes=Sum("photo__size")
    )
    totals[SAME_FILE] = Totals(files["n"], files["files"], files["bytes"] or 0)
    return totals


def review_group(user: User, group_id: UUID) -> ReviewGroup | None:
    """Return one group, or None when it is gone, unknown or somebody else's."""
    rows = list(DuplicateGroup.objects.visible_to(user).filter(pk=group_id))
    return next(iter(_review_groups(user, rows)), None)


def skipped_files(
    user: User, *, cursor: str = "", limit: int = 50
) -> tuple[list[SkippedFile], str | None]:
    """Return files that were not stored, newest first, each with its photo, and the next cursor."""
    check_limit(limit, most=1000)
    files = _skipped_files(user)
    if cursor:
        at, number = read_cursor(cursor, int)
        files = files.filter(Q(skipped_at__lt=at) | Q(skipped_at=at, id__lt=number))
    rows = list(files.select_related("photo").order_by("-skipped_at", "-id")[: limit + 1])
    last = rows[limit - 1] if len(rows) > limit else None
    return rows[:limit], cursor_of(last.skipped_at, last.pk) if last else None


def _skipped_files(user: User) -> QuerySet[SkippedFile]:
    files = SkippedFile.objects.filter(LIVE_PHOTO, owner_id=user.pk or 0)
    return files.exclude(photo__in=hidden_photos(user))


def matches_of(user: User, photo_id: UUID) -> list[Match]:
    """Return the visible photos that a visible photo is like, the closest first."""
    touching = Q(first=photo_id) | Q(second=photo_id)
    pairs = NotTheSame.objects.filter(touching).values_list("first_id", "second_id")
    dismissed = {other for pair in pairs for other in pair}
    edges = {
        edge.second_id if edge.first_id == photo_id else edge.first_id: edge
        for edge in DuplicateEdge.objects.filter(touching)
    }
    ids = edges.keys() - dismissed | {photo_id}
    visible = Photo.objects.visible_to(user).in_bulk(list(ids))
    if photo_id not in visible:
        return []
    groups = dict(GroupMember.objects.filter(photo=photo_id).values_list("kind", "group_id"))
    members = GroupMember.objects.filter(group__in=groups.values())
    memberships = set(members.values_list("photo_id", "group_id"))
    matches = []
    for other in edges.keys() & visible.keys():
        edge, group = edges[other], groups.get(edges[other].kind)
        common = group if (other, group) in memberships else None
        matches.append(Match(visible[other], edge.kind, edge.closeness, edge.how, common))
    return sorted(matches, key=lambda match: (-match.closeness, match.photo.pk))


def _review_groups(user: User, groups: Sequence[DuplicateGroup]) -> list[ReviewGroup]:
    """Return groups with members in a number of queries that does not depend on how many."""
    members = GroupMember.objects.filter(group__in=[group.pk for group in groups])
    by_group: dict[UUID, list[GroupMember]] = {group.pk: [] for group in groups}
    # Photos and members in one query, because a photo may go to the trash between two.
    visible = members.filter(LIVE_PHOTO, photo__owner_id=user.pk).select_related("photo")
    for member in visible.prefetch_related("photo__albums", "photo__tags"):
        by_group[member.group_id].append(member)
    criteria = criteria_of(user.pk)
    measured: dict[UUID, Figures] = {}
    for kind in {group.kind for group in groups}:
        own = [group.pk for group in groups if group.kind == kind]
        ids = {member.photo_id for pk in own for member in by_group[pk]}
        measured |= figures_of(ids, kind)
    rows = [(group, by_group[group.pk]) for group in groups]
    return [_review_group(group, own, criteria, measured) for group, own in rows if len(own) > 1]


def _review_group(
    group: DuplicateGroup, members: list[GroupMember], criteria: Criteria, measured: Measured
) -> ReviewGroup:
    by_photo = {member.photo: member for member in members}
    photos = list(by_photo)
    albums = {photo.pk: len(photo.albums.all()) for photo in photos}
    ranked = keeper.rank(photos, criteria, albums, measured)
    # As they are now: a photo may have become a favourite since the group was written.
    group.keeper, group.size = ranked[0].photo, len(photos)
    group.recoverable = sum(photo.size for photo in photos) - group.keeper.size
    review_members = [
        ReviewMember(
            photo=ranked_photo.photo,
            keep=ranked_photo is ranked[0],
            reasons=ranked_photo.reasons,
            closeness=by_photo[ranked_photo.photo].closeness,
            how=by_photo[ranked_photo.photo].how,
            facts=_facts(ranked_photo.photo),
        )
        for ranked_photo in ranked
    ]
    first, *others = [member.facts for member in review_members]
    differing = [name for name in first if any(facts[name] != first[name] for facts in others)]
    return ReviewGroup(group, review_members, differing)


def _facts(photo: Photo) -> dict[str, str]:
    return {
        Fact.SIZE: f"{photo.width} × {photo.height}",
        Fact.FILE: f"{photo.format}, {filesizeformat(photo.size)}",
        Fact.TAKEN: _day(photo.local_time) if photo.taken_at else "",
        Fact.ADDED: _day(localtime(photo.created_at)),
        Fact.CAMERA: camera(photo.exif),
        Fact.LENS: str(photo.exif.get("lens", "")),
        Fact.PLACE: place_in_words(photo.exif),
        Fact.NAME: photo.name,
        Fact.ALBUMS: ", ".join(sorted(album.name for album in photo.albums.all())),
        Fact.TAGS: ", ".join(sorted(tag.name for tag in photo.tags.all())),
        Fact.FAVOURITE: _("yes") if photo.favourite else "",
        Fact.CAPTION: photo.caption,
    }


def _day(moment: datetime) -> str:
    return dates.moment(moment)


def _cursor(group: DuplicateGroup, sort: str) -> str:
    if sort == Sort.DATE:
        return cursor_of(group.newest_at, group.pk.hex)
    return f"{getattr(group, Sort(sort).column)!r}_{group.pk.hex}"


def _read_cursor(cursor: str, sort: str) -> tuple[Any, UUID]:
    if not _FORM.fullmatch(cursor):
        raise BadCursor(str(NOT_GIVEN))
    number, _separator, group_id = cursor.partition("_")
    value = int(number) if number.removeprefix("-").isdigit() else float(number)
    # A cursor of another order goes on somewhere, and harms nobody.
    if sort == Sort.DATE:
        return read_cursor(f"{int(value)}_{group_id}", UUID)
    return (int(value) if sort == Sort.BYTES else value), UUID(group_id)
