"""The stacks part of the API: make a stack, read it, choose its cover, take it apart."""

from __future__ import annotations

import uuid
from typing import Annotated

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from pydantic import Field

from gallery import stacks
from gallery.api.described import unique
from gallery.api.errors import ErrorOut, In
from gallery.models import Photo, Stack
from gallery.paging import BadCursor

router = Router(tags=["stacks"])
_ERRORS = frozenset({400, 401, 404})


class StackIn(In):
    """The photos to stack; `cover` is one of them, else the first."""

    ids: Annotated[list[uuid.UUID], Field(min_length=2, max_length=stacks.MAX_PHOTOS), *unique]
    cover: uuid.UUID | None = None


class CoverIn(In):
    """The photo to be the cover."""

    id: uuid.UUID


class StackOut(Schema):
    """A stack: the id of its cover, and those of all its photos, the cover first."""

    id: uuid.UUID
    cover: uuid.UUID | None
    photos: list[uuid.UUID]


@router.post("/stacks", response={201: StackOut, _ERRORS: ErrorOut})
def make_stack(request: HttpRequest, body: StackIn) -> Status[StackOut]:
    """Stack photos under a cover; photos that were in other stacks leave those."""
    cover = body.cover or body.ids[0]
    if cover not in body.ids:
        raise BadCursor(_("cover must be one of ids."))
    photos = Photo.objects.visible_to(request.user).filter(pk__in=body.ids)
    by_id = photos.in_bulk()
    stack = stacks.create(photos, by_id[cover]) if len(by_id) == len(body.ids) else None
    if stack is None:
        raise Http404
    return Status(201, _stack_out(stack))


@router.get("/stacks/{uuid:stack_id}", response={200: StackOut, 404: ErrorOut})
def stack(request: HttpRequest, stack_id: uuid.UUID) -> StackOut:
    """Return one stack."""
    return _stack_out(_get_stack(request, stack_id))


@router.delete("/stacks/{uuid:stack_id}", response={204: None, 404: ErrorOut})
def unstack(request: HttpRequest, stack_id: uuid.UUID) -> HttpResponse:
    """Show the photos of a stack one by one again; none is deleted."""
    stacks.unstack(_get_stack(request, stack_id))
    return HttpResponse(status=204)


@router.post("/stacks/{uuid:stack_id}/cover", response={200: StackOut, _ERRORS: ErrorOut})
def set_cover(request: HttpRequest, stack_id: uuid.UUID, body: CoverIn) -> StackOut:
    """Make another photo of the stack its cover."""
    stack = _get_stack(request, stack_id)
    members = Photo.objects.visible_to(request.user).filter(stack=stack)
    photo = members.filter(pk=body.id).first()
    if photo is None:
        raise BadCursor(_("id must name a photo of this stack."))
    stacks.set_cover(stack, photo)
    return _stack_out(stack)


def _get_stack(request: HttpRequest, stack_id: uuid.UUID) -> Stack:
    return get_object_or_404(Stack.objects.visible_to(request.user), pk=stack_id)


def _stack_out(stack: Stack) -> StackOut:
    photos = stacks.members([stack.pk]).get(stack.pk, [])
    return StackOut(id=stack.pk, cover=photos[0] if photos else None, photos=photos)
