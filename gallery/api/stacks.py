"""The stacks part of the API: make a stack, read it, choose its cover, take it apart."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Body, Router, Schema, Status

from gallery import stacks
from gallery.api.errors import ErrorOut, In
from gallery.models import Photo, Stack
from gallery.paging import BadCursor

router = Router(tags=["stacks"])
_ERRORS = frozenset({400, 401, 404})


class StackIn(In):
    """The photos to stack; `cover` is one of them, else the first."""

    ids: list[uuid.UUID] = []
    cover: uuid.UUID | None = None


class CoverIn(In):
    """The photo to be the cover."""

    id: uuid.UUID | None = None


class StackOut(Schema):
    """A stack: the id of its cover, and those of all its photos, the cover first."""

    id: uuid.UUID
    cover: uuid.UUID | None
    photos: list[uuid.UUID]


@router.post("/stacks", response={201: StackOut, _ERRORS: ErrorOut})
def make_stack(request: HttpRequest, body: Body[StackIn | None] = None) -> Status[StackOut]:
    """Stack photos under a cover; photos that were in other stacks leave those."""
    ids = list(dict.fromkeys(body.ids)) if body else []
    if not 2 <= len(ids) <= stacks.MAX_PHOTOS:
        message = _("ids must name between 2 and %(most)d photos.") % {"most": stacks.MAX_PHOTOS}
        raise BadCursor(message)
    cover = (body.cover if body else None) or ids[0]
    if cover not in ids:
        raise BadCursor(_("cover must be one of ids."))
    photos = Photo.objects.visible_to(request.user).filter(pk__in=ids)
    by_id = photos.in_bulk()
    stack = stacks.create(photos, by_id[cover]) if len(by_id) == len(ids) else None
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
def set_cover(
    request: HttpRequest, stack_id: uuid.UUID, body: Body[CoverIn | None] = None
) -> StackOut:
    """Make another photo of the stack its cover."""
    stack = _get_stack(request, stack_id)
    members = Photo.objects.visible_to(request.user).filter(stack=stack)
    photo = members.filter(pk=body.id).first() if body and body.id else None
    if photo is None:
        raise BadCursor(_("id must name a photo of this stack."))
    stacks.set_cover(stack, photo)
    return _stack_out(stack)


def _get_stack(request: HttpRequest, stack_id: uuid.UUID) -> Stack:
    return get_object_or_404(Stack.objects.visible_to(request.user), pk=stack_id)


def _stack_out(stack: Stack) -> StackOut:
    photos = stacks.members([stack.pk]).get(stack.pk, [])
    return StackOut(id=stack.pk, cover=photos[0] if photos else None, photos=photos)
