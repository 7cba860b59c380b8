"""The stacks part of the API: make a stack, look at it, choose its cover, take it apart."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
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
    """The photo that shall stand for its stack."""

    id: uuid.UUID | None = None


class StackOut(Schema):
    """A stack: the photo that stands for it, and the ids of all, the cover's first."""

    id: uuid.UUID
    cover: uuid.UUID | None
    photos: list[uuid.UUID]


@router.post("/stacks", response={201: StackOut, _ERRORS: ErrorOut})
def make(request: HttpRequest, body: Body[StackIn | None] = None) -> Status[StackOut]:
    """Stack photos under a cover; photos that were in other stacks leave those."""
    wanted = list(dict.fromkeys(body.ids)) if body else []
    if not 2 <= len(wanted) <= stacks.LARGEST:
        raise BadCursor(f"ids must name between 2 and {stacks.LARGEST} photos.")
    cover = (body.cover if body else None) or wanted[0]
    if cover not in wanted:
        raise BadCursor("cover must be one of ids.")
    photos = Photo.objects.visible_to(request.user).filter(pk__in=wanted)
    found = photos.in_bulk()
    made = stacks.stack(photos, found[cover]) if len(found) == len(wanted) else None
    if made is None:
        raise Http404
    return Status(201, _out(made))


@router.get("/stacks/{uuid:stack_id}", response={200: StackOut, 404: ErrorOut})
def look(request: HttpRequest, stack_id: uuid.UUID) -> StackOut:
    """Return one stack."""
    return _out(_own(request, stack_id))


@router.delete("/stacks/{uuid:stack_id}", response={204: None, 404: ErrorOut})
def unstack(request: HttpRequest, stack_id: uuid.UUID) -> HttpResponse:
    """Show the photos of a stack one by one again; none is deleted."""
    stacks.unstack(_own(request, stack_id))
    return HttpResponse(status=204)


@router.post("/stacks/{uuid:stack_id}/cover", response={200: StackOut, _ERRORS: ErrorOut})
def cover(request: HttpRequest, stack_id: uuid.UUID, body: Body[CoverIn | None] = None) -> StackOut:
    """Let another photo of the stack stand for it."""
    made = _own(request, stack_id)
    members = Photo.objects.visible_to(request.user).filter(stack=made)
    photo = members.filter(pk=body.id).first() if body and body.id else None
    if photo is None:
        raise BadCursor("id must name a photo of this stack.")
    stacks.set_cover(made, photo)
    return _out(made)


def _own(request: HttpRequest, stack_id: uuid.UUID) -> Stack:
    return get_object_or_404(Stack.objects.visible_to(request.user), pk=stack_id)


def _out(made: Stack) -> StackOut:
    photos = stacks.members([made.pk]).get(made.pk, [])
    return StackOut(id=made.pk, cover=photos[0] if photos else None, photos=photos)
