"""The duplicates part of the API: groups, decisions, history, and the search for them."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Body, Query, Router, Status

from gallery.api.errors import ErrorOut
from gallery.middleware import RETRY_SECONDS, error
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
    PhotoOut,
    ProgressOut,
    ResolutionOut,
    ResolveIn,
    ResolveManyIn,
    SkippedFilesOut,
    SkippedOut,
    TotalsOut,
    UndoOut,
    entry_out,
    group_out,
    photo_fields,
)
from search.duplicates.find import compare
from search.duplicates.groups import groups, keeper
from search.duplicates.models import DuplicateGroup, Resolution
from search.duplicates.review import decisions, listing
from search.duplicates.review.history import history_page, undo_batch

router = Router(tags=["duplicates"])

_ERRORS = frozenset({400, 401, 404, 409})


@router.get("/duplicates", response={200: GroupsOut, _ERRORS: ErrorOut})
def list_groups(request: HttpRequest, params: Query[GroupsIn]) -> GroupsOut:
    """List groups that wait for a decision."""
    page = listing.group_page(
        request.user, params.kind, sort=params.sort, cursor=params.cursor, limit=params.limit
    )
    totals = listing.totals_of(request.user)
    return GroupsOut(
        totals={kind: TotalsOut(**asdict(total)) for kind, total in totals.items()},
        groups=[group_out(group) for group in page.groups],
        next=page.next,
    )


@router.get("/duplicates/skipped", response={200: SkippedFilesOut, _ERRORS: ErrorOut})
def skipped_files(request: HttpRequest, params: Query[PageIn]) -> SkippedFilesOut:
    """List files that were not stored because the same bytes were here already."""
    rows, following = listing.skipped_files(request.user, cursor=params.cursor, limit=params.limit)
    return SkippedFilesOut(
        files=[
            SkippedOut(
                name=row.name,
                source=row.source,
                skipped_at=row.skipped_at,
                bytes=row.photo.size,
                photo=PhotoOut(**photo_fields(row.photo)),
            )
            for row in rows
        ],
        next=following,
    )


@router.get("/duplicates/history", response={200: HistoryOut, _ERRORS: ErrorOut})
def history(request: HttpRequest, params: Query[PageIn]) -> HistoryOut:
    """List what was decided."""
    entries, following = history_page(request.user, cursor=params.cursor, limit=params.limit)
    return HistoryOut(entries=[entry_out(entry) for entry in entries], next=following)


@router.post("/duplicates/history/{uuid:batch}/undo", response={200: UndoOut, 404: ErrorOut})
def undo(request: HttpRequest, batch: uuid.UUID) -> UndoOut:
    """Undo decisions that were taken together; a second time does nothing."""
    try:
        result = undo_batch(request.user, batch)
    except Resolution.DoesNotExist:
        raise Http404 from None
    return UndoOut(restored=result.restored, missing=result.missing)


@router.get("/duplicates/criteria", response=CriteriaOut)
def criteria(request: HttpRequest) -> CriteriaOut:
    """Return what decides which photo is kept."""
    return CriteriaOut(**asdict(keeper.criteria_of(request.user.pk)))


@router.put("/duplicates/criteria", response={200: CriteriaOut, _ERRORS: ErrorOut})
def set_criteria(request: HttpRequest, body: CriteriaIn) -> CriteriaOut:
    """Change what decides which photo is kept; the keepers of all groups follow at once."""
    return CriteriaOut(**asdict(groups.set_criteria(request.user, body.order, body.pattern)))


@router.get("/duplicates/progress", response=ProgressOut)
def progress(request: HttpRequest) -> ProgressOut:
    """Return how far the search for duplicates is."""
    return ProgressOut(**asdict(compare.progress(request.user)))


@router.post("/duplicates/find", response={202: FindOut, 503: ErrorOut})
def find(request: HttpRequest) -> Any:
    """Compare all photos again."""
    model = EmbeddingModel.objects.active()
    if model is None:
        message = _("Photos can be compared once the model is loaded.")
        response = error(503, "model_loading", message)
        response["Retry-After"] = RETRY_SECONDS
        return response
    count = compare.request_sweep(model)
    photos_changed.send(sender=Photo)
    return Status(202, FindOut(photos=count))


@router.post("/duplicates/resolve", response={200: BatchOut, _ERRORS: ErrorOut})
def resolve_many(request: HttpRequest, body: ResolveManyIn) -> BatchOut:
    """Decide many groups in the same way; "keep" keeps only the best photo of each."""
    batch = decisions.resolve_many(request.user, body.kind, body.action, groups=body.groups)
    return BatchOut(
        batch=batch.id if batch.groups else None,
        groups=batch.groups,
        photos=batch.photos,
        freed=batch.freed,
        skipped=batch.skipped,
    )


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
) -> ResolutionOut:
    """Decide one group; 409 when its photos are no longer those that were seen."""
    if body is None:
        get_object_or_404(DuplicateGroup.objects.visible_to(request.user), pk=group_id)
        raise UserError(_("The request has to say action, seen and keep."), code="bad_parameter")
    try:
        resolution = decisions.resolve(
            request.user, group_id, body.action, seen=body.seen, keep=body.keep
        )
    except DuplicateGroup.DoesNotExist:
        raise Http404 from None
    return ResolutionOut(
        batch=resolution.batch,
        action=resolution.action,
        keeper=resolution.keeper_id,
        photos=resolution.photos,
        trashed=resolution.trashed,
        freed=resolution.freed,
    )


@router.get("/photos/{uuid:photo_id}/duplicates", response={200: list[MatchOut], 404: ErrorOut})
def of_photo(request: HttpRequest, photo_id: uuid.UUID) -> list[MatchOut]:
    """List what one photo is like, the closest first."""
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    return [
        MatchOut(
            photo=PhotoOut(**photo_fields(match.photo)),
            kind=match.kind,
            closeness=round(match.closeness, 4),
            how=match.how,
            group=match.group,
        )
        for match in listing.matches_of(request.user, photo.pk)
    ]
