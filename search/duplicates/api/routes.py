"""The duplicates part of the API: groups, decisions, history, and the search for them."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Body, Query, Router, Status

from gallery.api.errors import ErrorOut
from gallery.models import EmbeddingModel, Photo
from gallery.signals import photos_changed
from gallery.user_errors import UserError
from search.duplicates.api.schemas import (
    BatchOut,
    CriteriaIn,
    CriteriaOut,
    FindOut,
    GroupOut,
    GroupsIn,
    GroupsOut,
    HistoryOut,
    MatchOut,
    PageIn,
    ProgressOut,
    ResolutionOut,
    ResolveIn,
    ResolveManyIn,
    SkippedFilesOut,
    UndoOut,
    group_out,
)
from search.duplicates.find import compare
from search.duplicates.groups import groups, keeper
from search.duplicates.groups.keeper import Criteria
from search.duplicates.models import DuplicateGroup, Resolution
from search.duplicates.review import decisions, listing
from search.duplicates.review.history import UndoResult, history_page, undo_batch
from search.duplicates.review.listing import Match

router = Router(tags=["duplicates"])

_ERRORS = frozenset({400, 401, 404, 409})


@router.get("/duplicates", response={200: GroupsOut, _ERRORS: ErrorOut})
def list_groups(request: HttpRequest, params: Query[GroupsIn]) -> Any:
    """List groups that wait for a decision."""
    page = listing.group_page(
        request.user, params.kind, sort=params.sort, cursor=params.cursor, limit=params.limit
    )
    return {
        "totals": listing.totals_of(request.user),
        "groups": [group_out(group) for group in page.groups],
        "next": page.next,
    }


@router.get("/duplicates/skipped", response={200: SkippedFilesOut, _ERRORS: ErrorOut})
def skipped_files(request: HttpRequest, params: Query[PageIn]) -> Any:
    """List files that were not stored because the same bytes were here already."""
    files, following = listing.skipped_files(request.user, cursor=params.cursor, limit=params.limit)
    return {"files": files, "next": following}


@router.get("/duplicates/history", response={200: HistoryOut, _ERRORS: ErrorOut})
def history(request: HttpRequest, params: Query[PageIn]) -> Any:
    """List what was decided."""
    entries, following = history_page(request.user, cursor=params.cursor, limit=params.limit)
    return {"entries": entries, "next": following}


@router.post("/duplicates/history/{uuid:batch}/undo", response={200: UndoOut, 404: ErrorOut})
def undo(request: HttpRequest, batch: uuid.UUID) -> UndoResult:
    """Undo decisions that were taken together; a second time does nothing."""
    try:
        return undo_batch(request.user, batch)
    except Resolution.DoesNotExist:
        raise Http404 from None


@router.get("/duplicates/criteria", response=CriteriaOut)
def criteria(request: HttpRequest) -> Criteria:
    """Return what decides which photo is kept."""
    return keeper.criteria_of(request.user.pk)


@router.put("/duplicates/criteria", response={200: CriteriaOut, _ERRORS: ErrorOut})
def set_criteria(request: HttpRequest, body: CriteriaIn) -> Criteria:
    """Change what decides which photo is kept; the keepers of all groups follow at once."""
    return groups.set_criteria(request.user, body.order, body.pattern)


@router.get("/duplicates/progress", response=ProgressOut)
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
def group(request: HttpRequest, group_id: uuid.UUID) -> GroupOut:
    """Return one group."""
    review_group = listing.review_group(request.user, group_id)
    if review_group is None:
        raise Http404
    return group_out(review_group)


@router.post(
    "/duplicates/{uuid:group_id}/resolve", response={200: ResolutionOut, _ERRORS: ErrorOut}
)
def resolve(
    request: HttpRequest, group_id: uuid.UUID, body: Body[ResolveIn | None] = None
) -> Resolution:
    """Decide one group; 409 when its photos are no longer those that were seen."""
    if body is None:
        get_object_or_404(DuplicateGroup.objects.visible_to(request.user), pk=group_id)
        message = _("The request has to say action, seen and keep.")
        raise UserError(message, code="bad_parameter")
    try:
        return decisions.resolve(
            request.user, group_id, body.action, seen=body.seen, keep=body.keep
        )
    except DuplicateGroup.DoesNotExist:
        raise Http404 from None


@router.get("/photos/{uuid:photo_id}/duplicates", response={200: list[MatchOut], 404: ErrorOut})
def of_photo(request: HttpRequest, photo_id: uuid.UUID) -> list[Match]:
    """List what one photo is like, the closest first."""
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    return listing.matches_of(request.user, photo.pk)
