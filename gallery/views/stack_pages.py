"""Stacks in the grid: made, opened in place, and taken apart."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from gallery import stacks
from gallery.models import Photo, Stack
from gallery.models.photos import PhotoQuerySet
from gallery.views import PageRequest
from gallery.views.fields import ids
from gallery.views.pages import vary
from gallery.views.tiles import stack_folds, tiles


@require_POST
@login_required
def make(request: PageRequest) -> HttpResponse:
    """Stack the chosen photos (`photo` fields; `cover` is one of them, else the first).

    With `cover` alone, that photo becomes the cover of the stack that it is in.
    """
    chosen = ids(request.POST.getlist("photo"))
    visible = Photo.objects.visible_to(request.user)
    cover = ids([request.POST["cover"]]) if "cover" in request.POST else chosen[:1]
    photo = get_object_or_404(visible, pk__in=cover)
    if chosen:
        made = stacks.stack(visible.filter(pk__in=chosen[: stacks.LARGEST]), photo)
        said = "Stacked." if made else "A stack needs two photos or more."
    elif photo.stack is not None:
        stacks.set_cover(photo.stack, photo)
        said = f"{photo.name} is the cover of its stack now."
    else:
        said = f"{photo.name} is in no stack any more."
    messages.success(request, said)
    return redirect(photo)


@require_safe
@login_required
def photos(request: PageRequest, stack_id: uuid.UUID) -> HttpResponse:
    """The photos of a stack: a page; for htmx, only the tiles that are folded under the cover.

    With `closed`, htmx gets the one tile that stands for the stack in the grid. A stack that is
    in the trash as a whole has no page and no tile.
    """
    rows = list(_members(request, _own(request, stack_id)))
    if not request.htmx:
        if not rows:
            raise Http404
        context = {"tiles": tiles(rows), "stack_id": stack_id, "cover": rows[0]}
        return vary(render(request, "gallery/stack.html", context))
    if "closed" in request.GET:
        closed = {"tiles": tiles(rows[:1], folds=stack_folds(rows[:1]))}
        return vary(render(request, "gallery/_tiles.html", closed))
    opened = {"tiles": tiles(rows[1:]), "of": rows[0].pk if rows else ""}
    return vary(render(request, "gallery/_tiles.html", opened))


@require_POST
@login_required
def unstack(request: PageRequest, stack_id: uuid.UUID) -> HttpResponse:
    """Show the photos of a stack one by one again; with `photo`, take only that one out."""
    made = _own(request, stack_id)
    rows = _members(request, made)
    visible = Photo.objects.visible_to(request.user)
    back = visible.filter(pk__in=ids([request.POST.get("back", "")])).first()
    if "photo" in request.POST:
        photo = get_object_or_404(rows, pk__in=ids([request.POST["photo"]]))
        stacks.take_out(photo)
        messages.success(request, f"{photo.name} was taken out of the stack.")
    else:
        stacks.unstack(made)
        messages.success(request, "Every photo of the stack is shown on its own again.")
    return redirect(back or "grid")


def _own(request: PageRequest, stack_id: uuid.UUID) -> Stack:
    return get_object_or_404(Stack.objects.visible_to(request.user), pk=stack_id)


def _members(request: PageRequest, made: Stack) -> PhotoQuerySet:
    """Return what is visible of the stack, the cover first, then the oldest."""
    return Photo.objects.visible_to(request.user).filter(stack=made).cover_first()
