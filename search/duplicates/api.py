"""The duplicates part of the API: groups, decisions, history, and the search for them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema, Status
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from gallery.api.described import cursor_like, exactly_one, given, one_of, shown, unique, up_to
from gallery.api.errors import ErrorOut, In
from gallery.api.lists import PageIn
from gallery.models import EmbeddingModel, Photo
from gallery.paging import BY_NUMBER
from gallery.signals import photos_changed
from gallery.user_errors import UserError
from search.duplicates.find import compare
from search.duplicates.groups import groups
from search.duplicates.groups.criteria import PATTERN_LIMIT, Criteria, Criterion, criteria_of
from search.duplicates.models import DuplicateGroup, Kind, Resolution
from search.duplicates.review import decisions, listing
from search.duplicates.review.forms import IDS_LIMIT
from search.duplicates.review.history import UndoResult, history_page, undo_batch
from search.duplicates.review.listing import Match, ReviewGroup, Sort

router = Router(tags=["duplicates"])

_ERRORS = frozenset({400, 401, 404, 409})
_MEMBERS_LIMIT = 200

Action = Resolution.Action
Closeness = Annotated[float, AfterValidator(lambda closeness: round(closeness, 4))]
Thumbnail = Annotated[str, BeforeValidator(lambda photo_id: reverse("thumbnail", args=[photo_id]))]
"""The address of a thumbnail, made from the id of the photo."""


# --- what the routes take and answer --------------------------------------------------------------


class SkippedIn(PageIn):
    """How many skipped files to list, from where."""

    limit: Annotated[int, up_to(1000)] = 50
    cursor: Annotated[str, cursor_like(BY_NUMBER)] = ""


class GroupsIn(PageIn):
    """Which groups to list: one kind, in which order, how many, from where."""

    cursor: Annotated[str, cursor_like(listing.CURSOR)] = ""
    kind: Kind = Kind.SAME_PICTURE
    sort: Sort = Sort.BYTES


class ResolveIn(In):
    """A decision: the photos that were seen in the group, and for "keep" those that stay."""

    model_config = ConfigDict(
        json_schema_extra=exactly_one(
            given("keep", {"minItems": 1}, action={"const": Action.KEEP}),
            {"properties": {"action": {"not": {"const": Action.KEEP}}}},
        )
    )

    action: Action
    seen: list[uuid.UUID] = Field(max_length=_MEMBERS_LIMIT)
    keep: list[uuid.UUID] = Field([], max_length=_MEMBERS_LIMIT)


class ResolveManyIn(In):
    """The same decision for many groups of a kind; null stands for all of them."""

    kind: Kind
    action: Action
    groups: list[uuid.UUID] | None = Field(max_length=IDS_LIMIT)


class CriteriaIn(In):
    """What decides which photo is kept, the most important first; those left out follow."""

    order: Annotated[list[Annotated[str, one_of(Criterion)]], *unique]
    pattern: Annotated[str, shown(PATTERN_LIMIT)] = ""


class TotalsOut(Schema):
    """How many groups of a kind wait, with how many photos, and the bytes to recover."""

    groups: int
    photos: int
    bytes: int


class PhotoRef(Schema):
    """A photo by its id, name and addresses."""

    id: uuid.UUID
    name: str
    url: str = Field(alias="get_absolute_url")
    thumbnail: Thumbnail = Field(alias="pk")


class GroupMemberOut(Schema):
    """A photo of a group; `keep` is true for the best one by the criteria, with its reasons."""

    id: uuid.UUID = Field(alias="photo.pk")
    name: str = Field(alias="photo.name")
    url: str = Field(alias="photo.get_absolute_url")
    thumbnail: Thumbnail = Field(alias="photo.pk")
    bytes: int = Field(alias="photo.size")
    width: int = Field(alias="photo.width")
    height: int = Field(alias="photo.height")
    keep: bool
    reasons: list[str]
    closeness: Closeness
    how: str
    facts: dict[str, str]


class GroupOut(Schema):
    """A group, the photo to keep first; `differing` names the facts that are not all equal."""

    id: uuid.UUID = Field(alias="group.pk")
    kind: str = Field(alias="group.kind")
    recoverable: int = Field(alias="group.recoverable")
    closeness: Closeness = Field(alias="group.closeness")
    newest_at: datetime = Field(alias="group.newest_at")
    differing: list[str]
    members: list[GroupMemberOut]


class GroupsOut(Schema):
    """A page of groups, and the totals of all kinds."""

    totals: dict[str, TotalsOut]
    groups: list[GroupOut]
    next: str | None


class SkippedFileOut(Schema):
    """A file that was not stored because `photo` has the same bytes."""

    name: str
    source: str
    skipped_at: datetime
    bytes: int = Field(alias="photo.size")
    photo: PhotoRef


class SkippedFilesOut(Schema):
    """A page of files that were not stored, newest first."""

    files: list[SkippedFileOut]
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
    covers: list[PhotoRef]


class HistoryOut(Schema):
    """A page of decisions, newest first."""

    entries: list[HistoryEntryOut]
    next: str | None


class CriteriaOut(Schema):
    """What decides which photo is kept, the most important first."""

    order: list[str]
    pattern: str


class FindOut(Schema):
    """How many photos are to be compared again."""

    photos: int


class AlikeOut(Schema):
    """A photo that the one asked about is like, and the group in which both wait, or null."""

    photo: PhotoRef
    kind: str
    closeness: Closeness
    how: str
    group: uuid.UUID | None


# --- routes ---------------------------------------------------------------------------------------


@router.get("/duplicates", response={200: GroupsOut, _ERRORS: ErrorOut})
def list_groups(request: HttpRequest, params: Query[GroupsIn]) -> Any:
    """List groups that wait for a decision."""
    page, following = listing.group_page(request.user, **params.dict())
    return {"totals": listing.totals_of(request.user), "groups": page, "next": following}


@router.get("/duplicates/skipped", response={200: SkippedFilesOut, _ERRORS: ErrorOut})
def skipped_files(request: HttpRequest, params: Query[SkippedIn]) -> Any:
    """List files that were not stored because the same bytes were here already."""
    files, following = listing.skipped_files(request.user, **params.dict())
    return {"files": files, "next": following}


@router.get("/duplicates/history", response={200: HistoryOut, _ERRORS: ErrorOut})
def history(request: HttpRequest, params: Query[PageIn]) -> Any:
    """List what was decided."""
    entries, following = history_page(request.user, **params.dict())
    return {"entries": entries, "next": following}


@router.post("/duplicates/history/{uuid:batch}/undo", response={200: UndoResult, 404: ErrorOut})
def undo(request: HttpRequest, batch: uuid.UUID) -> UndoResult:
    """Undo decisions that were taken together; a second time does nothing."""
    try:
        return undo_batch(request.user, batch)
    except Resolution.DoesNotExist:
        raise Http404 from None


@router.get("/duplicates/criteria", response=CriteriaOut)
def criteria(request: HttpRequest) -> Criteria:
    """Return what decides which photo is kept."""
    return criteria_of(request.user.pk)


@router.put("/duplicates/criteria", response={200: CriteriaOut, _ERRORS: ErrorOut})
def set_criteria(request: HttpRequest, body: CriteriaIn) -> Criteria:
    """Change what decides which photo is kept; the keepers of all groups follow at once."""
    return groups.set_criteria(request.user, body.order, body.pattern)


@router.get("/duplicates/progress", response=compare.Progress)
def progress(request: HttpRequest) -> compare.Progress:
    """Return how far the search for duplicates is."""
    return compare.progress(request.user)


@router.post("/duplicates/find", response={202: FindOut, 503: ErrorOut})
def find(request: HttpRequest) -> Any:
    """Compare all photos again."""
    model = EmbeddingModel.objects.active()
    if model is None:
        message = _("Photos can be compared once the model is loaded.")
        raise UserError(message, code="model_loading", status=503)
    count = compare.request_sweep(model)
    photos_changed.send(sender=Photo)
    return Status(202, {"photos": count})


@router.post("/duplicates/resolve", response={200: BatchOut, _ERRORS: ErrorOut})
def resolve_many(request: HttpRequest, body: ResolveManyIn) -> Any:
    """Decide many groups in the same way; "keep" keeps only the best photo of each."""
    batch = decisions.resolve_many(request.user, body.kind, body.action, groups=body.groups)
    return vars(batch) | {"batch": batch.id if batch.groups else None}


@router.get("/duplicates/{uuid:group_id}", response={200: GroupOut, 404: ErrorOut})
def group(request: HttpRequest, group_id: uuid.UUID) -> ReviewGroup:
    """Return one group."""
    review_group = listing.review_group(request.user, group_id)
    if review_group is None:
        raise Http404
    return review_group


@router.post(
    "/duplicates/{uuid:group_id}/resolve", response={200: ResolutionOut, _ERRORS: ErrorOut}
)
def resolve(request: HttpRequest, group_id: uuid.UUID, body: ResolveIn) -> Resolution:
    """Decide one group; 409 when its photos are no longer those that were seen."""
    try:
        return decisions.resolve(
            request.user, group_id, body.action, seen=body.seen, keep=body.keep
        )
    except DuplicateGroup.DoesNotExist:
        raise Http404 from None


@router.get("/photos/{uuid:photo_id}/duplicates", response={200: list[AlikeOut], 404: ErrorOut})
def of_photo(request: HttpRequest, photo_id: uuid.UUID) -> list[Match]:
    """List what one photo is like, the closest first."""
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    return listing.matches_of(request.user, photo.pk)
