"""The duplicates part of the API: groups, decisions, history, and the search for them."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Body, Query, Router, Status

from gallery.api.errors import ErrorOut, error
from gallery.models import EmbeddingModel, Photo
from gallery.paging import BadCursor
from gallery.signals import photos_changed
from gallery.user_errors import RETRY_SECONDS
from search.duplicates.api.schemas import (
    AlikeOut,
    BatchOut,
    CriteriaIn,
    CriteriaOut,
    FindOut,
    GroupOut,
    GroupsIn,
    GroupsOut,
    HistoryOut,
    PageIn,
    PhotoOut,
    ProgressOut,
    ResolutionOut,
    ResolveIn,
    ResolveManyIn,
    SkippedFilesOut,
    SkippedOut,
    TotalsOut,
    UndoneOut,
    entry_out,
    group_out,
    named,
)
from search.duplicates.find import compare
from search.duplicates.groups import groups, keeper
from search.duplicates.models import DuplicateGroup, Resolution
from search.duplicates.review import decisions

router = Router(tags=["duplicates"])

_ERRORS = frozenset({400, 401, 404, 409})


@router.get("/duplicates", response={200: GroupsOut, _ERRORS: ErrorOut})
def listed(request: HttpRequest, params: Query[GroupsIn]) -> GroupsOut:
    """List groups that wait for a decision."""
    page = groups.page(
        request.user, params.kind, sort=params.sort, cursor=params.cursor, limit=params.limit
    )
    totals = groups.totals(request.user)
    return GroupsOut(
        totals={kind: TotalsOut(**asdict(total)) for kind, total in totals.items()},
        groups=[group_out(group) for group in page.groups],
        next=page.next,
    )


@router.get("/duplicates/skipped", response={200: SkippedFilesOut, _ERRORS: ErrorOut})
def skipped(request: HttpRequest, params: Query[PageIn]) -> SkippedFilesOut:
    """List files that were not stored because the same bytes were here already."""
    rows, following = groups.skipped(request.user, cursor=params.cursor, limit=params.limit)
    return SkippedFilesOut(
        files=[
            SkippedOut(
                name=row.name,
                source=row.source,
                skipped_at=row.skipped_at,
                bytes=row.photo.size,
                photo=PhotoOut(**named(row.photo)),
            )
            for row in rows
        ],
        next=following,
    )


@router.get("/duplicates/history", response={200: HistoryOut, _ERRORS: ErrorOut})
def history(request: HttpRequest, params: Query[PageIn]) -> HistoryOut:
    """List what was decided."""
    entries, following = decisions.history(request.user, cursor=params.cursor, limit=params.limit)
    return HistoryOut(entries=[entry_out(entry) for entry in entries], next=following)


@router.post("/duplicates/history/{uuid:batch}/undo", response={200: UndoneOut, 404: ErrorOut})
def undo(request: HttpRequest, batch: uuid.UUID) -> UndoneOut:
    """Undo decisions that were taken together; a second time does nothing."""
    try:
        undone = decisions.undo(request.user, batch)
    except Resolution.DoesNotExist:
        raise Http404 from None
    return UndoneOut(restored=undone.restored, missing=undone.missing)


@router.get("/duplicates/criteria", response=CriteriaOut)
def criteria(request: HttpRequest) -> CriteriaOut:
    """Return what decides which photo is kept."""
    return CriteriaOut(**asdict(keeper.criteria_of(request.user)))


@router.put("/duplicates/criteria", response={200: CriteriaOut, _ERRORS: ErrorOut})
def set_criteria(request: HttpRequest, body: CriteriaIn) -> CriteriaOut:
    """Change what decides which photo is kept; the keepers of all groups follow at once."""
    return CriteriaOut(**asdict(keeper.set_criteria(request.user, body.order, body.pattern)))


@router.get("/duplicates/progress", response=ProgressOut)
def progress(request: HttpRequest) -> ProgressOut:
    """Return how far the search for duplicates is."""
    return ProgressOut(**asdict(compare.progress(request.user)))


@router.post("/duplicates/find", response={202: FindOut, 503: ErrorOut})
def find(request: HttpRequest) -> Any:
    """Compare all photos anew."""
    model = EmbeddingModel.objects.active()
    if model is None:
        response = error(503, "model_loading", "Photos can be compared once the model is loaded.")
        response["Retry-After"] = RETRY_SECONDS
        return response
    count = compare.request_sweep(model)
    photos_changed.send(sender=Photo)
    return Status(202, FindOut(photos=count))


@router.post("/duplicates/resolve", response={200: BatchOut, _ERRORS: ErrorOut})
def resolve_many(request: HttpRequest, body: ResolveManyIn) -> BatchOut:
    """Decide many groups in the same way; of each only the best photo is kept by "keep"."""
    done = decisions.resolve_many(request.user, body.kind, body.action, groups=body.groups)
    return BatchOut(
        batch=done.id if done.groups else None,
        groups=done.groups,
        photos=done.photos,
        freed=done.freed,
        skipped=done.skipped,
    )


@router.get("/duplicates/{uuid:group_id}", response={200: GroupOut, 404: ErrorOut})
def group(request: HttpRequest, group_id: uuid.UUID) -> GroupOut:
    """Return one group."""
    found = groups.shown(request.user, group_id)
    if found is None:
        raise Http404
    return group_out(found)


@router.post(
    "/duplicates/{uuid:group_id}/resolve", response={200: ResolutionOut, _ERRORS: ErrorOut}
)
def resolve(
    request: HttpRequest, group_id: uuid.UUID, body: Body[ResolveIn | None] = None
) -> ResolutionOut:
    """Decide one group; 409 when it is no longer the photos that were seen."""
    if body is None:
        get_object_or_404(DuplicateGroup.objects.visible_to(request.user), pk=group_id)
        raise BadCursor("The request has to say action, seen and keep.")
    try:
        done = decisions.resolve(
            request.user, group_id, body.action, seen=body.seen, keep=body.keep
        )
    except DuplicateGroup.DoesNotExist:
        raise Http404 from None
    return ResolutionOut(
        batch=done.batch,
        action=done.action,
        keeper=done.keeper_id,
        photos=done.photos,
        trashed=done.trashed,
        freed=done.freed,
    )


@router.get("/photos/{uuid:photo_id}/duplicates", response={200: list[AlikeOut], 404: ErrorOut})
def of_photo(request: HttpRequest, photo_id: uuid.UUID) -> list[AlikeOut]:
    """List what one photo is like, the closest first."""
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    return [
        AlikeOut(
            photo=PhotoOut(**named(one.photo)),
            kind=one.kind,
            closeness=round(one.closeness, 4),
            how=one.how,
            group=one.group,
        )
        for one in groups.alike(request.user, photo.pk)
    ]
