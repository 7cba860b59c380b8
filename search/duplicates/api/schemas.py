"""What the duplicates part of the API takes and answers."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from django.urls import reverse
from ninja import Schema
from pydantic import AfterValidator, Field

from gallery.api.errors import In
from gallery.models import Photo
from search.duplicates.models import Kind, Resolution
from search.duplicates.review.listing import ReviewGroup, ReviewMember, Sort

_MEMBERS_LIMIT = 200
_GROUPS_LIMIT = 10_000
"""Groups in one request: some 400 KB of ids, decided within a minute."""

Action = Resolution.Action
Closeness = Annotated[float, AfterValidator(lambda closeness: round(closeness, 4))]


class GroupsIn(Schema):
    """Which groups to list: one kind, in which order, how many, from where."""

    kind: Kind = Kind.SAME_PICTURE
    sort: Sort = Sort.BYTES
    limit: int = 50
    cursor: str = ""


class PageIn(Schema):
    """How much to list, from where."""

    limit: int = 50
    cursor: str = ""


class ResolveIn(In):
    """A decision: the photos that were seen in the group, and for "keep" those that stay."""

    action: Action
    seen: list[uuid.UUID] = Field(max_length=_MEMBERS_LIMIT)
    keep: list[uuid.UUID] = Field([], max_length=_MEMBERS_LIMIT)


class ResolveManyIn(In):
    """The same decision for many groups of a kind; null stands for all of them."""

    kind: Kind
    action: Action
    groups: list[uuid.UUID] | None = Field(max_length=_GROUPS_LIMIT)


class CriteriaIn(In):
    """What decides which photo is kept, the most important first; those left out follow."""

    order: list[str] = Field(max_length=50)
    pattern: str = ""


class TotalsOut(Schema):
    """How many groups of a kind wait, with how many photos, and the bytes to recover."""

    groups: int
    photos: int
    bytes: int


class PhotoOut(Schema):
    """A photo by its id, name and addresses."""

    id: uuid.UUID
    name: str
    url: str
    thumbnail: str

    @staticmethod
    def resolve_url(photo: Photo) -> str:
        return photo.get_absolute_url()

    @staticmethod
    def resolve_thumbnail(photo: Photo) -> str:
        return reverse("thumbnail", args=[photo.pk])


class MemberOut(Schema):
    """A photo of a group; `keep` is true for the best one by the criteria, with its reasons."""

    id: uuid.UUID
    name: str
    url: str
    thumbnail: str
    bytes: int
    width: int
    height: int
    keep: bool
    reasons: list[str]
    closeness: Closeness
    how: str
    facts: dict[str, str]


class GroupOut(Schema):
    """A group, the photo to keep first; `differing` names the facts that are not all equal."""

    id: uuid.UUID
    kind: str
    recoverable: int
    closeness: Closeness
    newest_at: datetime
    differing: list[str]
    members: list[MemberOut]


class GroupsOut(Schema):
    """A page of groups, and the totals of all kinds."""

    totals: dict[str, TotalsOut]
    groups: list[GroupOut]
    next: str | None


class SkippedOut(Schema):
    """A file that was not stored because `photo` has the same bytes."""

    name: str
    source: str
    skipped_at: datetime
    bytes: int = Field(alias="photo.size")
    photo: PhotoOut


class SkippedFilesOut(Schema):
    """A page of files that were not stored, newest first."""

    files: list[SkippedOut]
    next: str | None


class ResolutionOut(Schema):
    """What was decided about one group; `batch` undoes it."""

    batch: uuid.UUID
    action: str
    keeper: uuid.UUID | None = Field(alias="keeper_id")
    photos: int
    trashed: int
    freed: int


class BatchOut(Schema):
    """What was decided about many groups; `batch` undoes it, null if there was nothing to do."""

    batch: uuid.UUID | None
    groups: int
    photos: int
    freed: int
    skipped: int


class HistoryEntryOut(Schema):
    """Decisions taken together."""

    batch: uuid.UUID
    decided_at: datetime
    action: str
    kind: str
    groups: int
    photos: int
    freed: int
    undone: bool
    covers: list[PhotoOut]


class HistoryOut(Schema):
    """A page of decisions, newest first."""

    entries: list[HistoryEntryOut]
    next: str | None


class UndoOut(Schema):
    """How many photos came back, and how many were deleted for ever meanwhile."""

    restored: int
    missing: int


class CriteriaOut(Schema):
    """What decides which photo is kept, the most important first."""

    order: list[str]
    pattern: str


class ProgressOut(Schema):
    """How many of the searchable photos were compared with all others."""

    total: int
    compared: int
    running: bool
    asked_at: datetime | None
    finished_at: datetime | None


class FindOut(Schema):
    """How many photos are to be compared again."""

    photos: int


class MatchOut(Schema):
    """A photo that the one asked about is like, and the group in which both wait, or null."""

    photo: PhotoOut
    kind: str
    closeness: Closeness
    how: str
    group: uuid.UUID | None


def group_out(review_group: ReviewGroup) -> GroupOut:
    """Return the public form of a group."""
    group = review_group.group
    return GroupOut(
        id=group.pk,
        kind=group.kind,
        recoverable=group.recoverable,
        closeness=group.closeness,
        newest_at=group.newest_at,
        differing=review_group.differing,
        members=[_member_out(member) for member in review_group.members],
    )


def _member_out(member: ReviewMember) -> MemberOut:
    photo = member.photo
    return MemberOut(
        id=photo.pk,
        name=photo.name,
        url=PhotoOut.resolve_url(photo),
        thumbnail=PhotoOut.resolve_thumbnail(photo),
        bytes=photo.size,
        width=photo.width,
        height=photo.height,
        keep=member.keep,
        reasons=member.reasons,
        closeness=member.closeness,
        how=member.how,
        facts=member.facts,
    )
