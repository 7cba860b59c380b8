"""Stacks in the grid: make, open in place, and unstack."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gallery import stacks
from gallery.models import Photo, PhotoQuerySet, Stack
from gallery.views import PageRequest, uuids, vary_on_htmx
from gallery.views.tiles import stack_folds, tiles


@require_POST
@login_required
def make(request: PageRequest) -> HttpResponse:
    """Stack photos (`photo` fields; `cover` is one of them, else the first).

    With `cover` alone, that photo becomes the cover of its stack.
    """
    ids = uuids(request.POST.getlist("photo"))
    visible = Photo.objects.visible_to(request.user)
    cover = uuids([request.POST["cover"]]) if "cover" in request.POST else ids[:1]
    photo = get_object_or_404(visible, pk__in=cover)
    if ids:
        stack = stacks.create(visible.filter(pk__in=ids[: stacks.MAX_PHOTOS]), photo)
        message = _("Stacked.") if stack else _("A stack needs two photos or more.")
    elif photo.stack is not None:
        stacks.set_cover(photo.stack, photo)
        message = _("%(name)s is now the cover of its stack.") % {"name": photo.name}
    else:
        message = _("%(name)s is no longer in a stack.") % {"name": photo.name}
    messages.success(request, message)
    return redirect(photo)


@require_safe
@login_required
def photos(request: PageRequest, stack_id: uuid.UUID) -> HttpResponse:
    """The photos of a stack as a page; for htmx, only the tiles hidden under the cover.

    With `closed`, htmx gets the one tile of the stack in the grid. A stack whose photos are all in
    the trash has no page and no tile.
    """
    rows = list(_members(request, _get_stack(request, stack_id)))
    if not request.htmx:
        if not rows:
            raise Http404
        context = {"tiles": tiles(rows), "stack_id": stack_id, "cover": rows[0]}
        return vary_on_htmx(render(request, "gallery/stack.html", context))
    if "closed" in request.GET:
        closed = {"tiles": tiles(rows[:1], folds=stack_folds(rows[:1]))}
        return vary_on_htmx(render(request, "gallery/_tiles.html", closed))
    opened = {"tiles": tiles(rows[1:]), "of": rows[0].pk if rows else ""}
    return vary_on_htmx(render(request, "gallery/_tiles.html", opened))


@require_POST
@login_required
def unstack(request: PageRequest, stack_id: uuid.UUID) -> HttpResponse:
    """Show the photos of a stack one by one again; with `photo`, take only that one out."""
    stack = _get_stack(request, stack_id)
    members = _members(request, stack)
    visible = Photo.objects.visible_to(request.user)
    back = visible.filter(pk__in=uuids([request.POST.get("back", "")])).first()
    if "photo" in request.POST:
        photo = get_object_or_404(members, pk__in=uuids([request.POST["photo"]]))
        stacks.take_out(photo)
        message = _("%(name)s was taken out of the stack.") % {"name": photo.name}
    else:
        stacks.unstack(stack)
        message = _("The photos of the stack are now shown one by one.")
    messages.success(request, message)
    return redirect(back or "grid")


def _get_stack(request: PageRequest, stack_id: uuid.UUID) -> Stack:
    return get_object_or_404(Stack.objects.visible_to(request.user), pk=stack_id)


def _members(request: PageRequest, stack: Stack) -> PhotoQuerySet:
    """Return the visible photos of the stack, the cover first, then by age."""
    return Photo.objects.visible_to(request.user).filter(stack=stack).cover_first()
