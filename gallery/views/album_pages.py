"""Albums, favourites, tags, stacks, and the marks that people put on a photo."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import albums as album_records, marks, sensitive, stacks
from gallery.models import Album, Photo, PhotoQuerySet, Stack, Tag
from gallery.models.photo_library import NAME_LIMIT
from gallery.models.sensitive import State
from gallery.names import BadName
from gallery.user_errors import UserError
from gallery.views import PageRequest, get_photo, uuids, vary_on_htmx
from gallery.views.pages import marks_context, photo_page, photos_by_day
from gallery.views.tiles import stack_folds, tiles


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def albums(request: PageRequest) -> HttpResponse:
    """All albums with their covers and counts; POST creates one."""
    problem, status = "", 200
    if request.method == "POST":
        try:
            return redirect(album_records.create(request.user, request.POST.get("name", "")))
        except UserError as error:
            problem, status = error.message, error.status
    context = {
        "albums": album_records.summaries(Album.objects.visible_to(request.user)),
        "problem": problem,
        "typed": request.POST.get("name", ""),
        "name_limit": NAME_LIMIT,
        "tags": marks.tags_in_use(request.user),
    }
    return render(request, "gallery/albums.html", context, status=status)


@require_safe
@login_required
def album(request: PageRequest, album_id: uuid.UUID) -> HttpResponse:
    """The photos of one album, by day."""
    return _album_page(request, _get_album(request, album_id))


def _album_page(request: PageRequest, album: Album, problem: str = "") -> HttpResponse:
    photos = Photo.objects.visible_to(request.user).filter(albums=album)
    context = {
        "title": album.name,
        "album": album,
        "problem": problem,
        "typed": request.POST.get("name", album.name),
        "name_limit": NAME_LIMIT,
    }
    return _page(request, photos, context)


@require_POST
@login_required
def change_album(request: PageRequest, album_id: uuid.UUID) -> HttpResponse:
    """Rename an album (`name`), remove it (`remove`), or take photos out of it (`photo`)."""
    album = _get_album(request, album_id)
    if "remove" in request.POST:
        album_records.remove(album)
        message = _("The album %(name)s was removed. Its photos stay in the gallery.")
        messages.success(request, message % {"name": album.name})
        return redirect("albums")
    ids = uuids(request.POST.getlist("photo")[: album_records.PHOTOS_PER_REQUEST])
    album_records.take_out(album, Photo.objects.visible_to(request.user).filter(pk__in=ids))
    if "name" in request.POST:
        try:
            album_records.rename(album, request.POST["name"])
        except UserError as error:
            # The field shows what was typed; the rest of the page shows the old name.
            response = _album_page(request, _get_album(request, album_id), error.message)
            response.status_code = error.status
            return response
    return redirect(album)


@require_safe
@login_required
def favourites(request: PageRequest) -> HttpResponse:
    """The favourites, by day."""
    photos = Photo.objects.visible_to(request.user).filter(favourite=True)
    return _page(request, photos, {"title": _("Favourites"), "favourites": True})


@require_safe
@login_required
def tag(request: PageRequest, name: str) -> HttpResponse:
    """The photos with a tag, by day."""
    try:
        photos = marks.photos_with_tag(request.user, name)
    except (Tag.DoesNotExist, BadName):
        raise Http404 from None
    return _page(request, photos, {"title": name, "tag": name})


def _page(request: PageRequest, photos: PhotoQuerySet, context: dict[str, Any]) -> HttpResponse:
    """Answer with photos by day, stacks unfolded: people chose these photos one by one."""
    context["count"] = cache(photos.count)
    return photos_by_day(request, photos, "gallery/album.html", context)


@require_POST
@login_required
def mark_photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Change favourite, stars, caption, tags or albums of a photo, by the fields that are sent.

    htmx gets the marks again, with a sentence in them if something was refused.
    """
    photo = get_photo(request, photo_id)
    problem = ""
    try:
        with transaction.atomic():
            _apply_marks(request, photo)
    except UserError as error:
        problem = error.message
    if request.htmx:
        # Never an error answer: htmx would not swap it in.
        context = {"marks": marks_context(request, photo, problem)}
        return vary_on_htmx(render(request, "gallery/_marks.html", context))
    return photo_page(request, photo, problem) if problem else redirect(photo)


def _apply_marks(request: PageRequest, photo: Photo) -> None:
    """Do what the form says; fields that are not sent change nothing."""
    form = request.POST
    if form.get("favourite") in {"0", "1"}:
        marks.update(photo, favourite=form["favourite"] == "1")
    if form.get("rating") in marks.STARS:
        marks.update(photo, rating=int(form["rating"]))
    if "caption" in form:
        marks.update(photo, caption=form["caption"])
    if "tag" in form:
        marks.add_tags(photo, [text for text in form["tag"].split(",") if text.strip()])
    if "untag" in form:
        marks.remove_tag(photo, form["untag"])
    photos = Photo.objects.visible_to(request.user, hidden=True).filter(pk=photo.pk)
    for field, state in (("sensitive", State.CONFIRMED), ("harmless", State.CLEARED)):
        if field in form:
            sensitive.decide(request.user, photos, form[field], state)
    if "album" in form:
        album_records.add(album_records.get_or_create(request.user, form["album"]), photos)
    for album_id in uuids(form.getlist("unalbum")[: album_records.PHOTOS_PER_REQUEST]):
        album_records.take_out(_get_album(request, album_id), photos)


def _get_album(request: PageRequest, album_id: uuid.UUID) -> Album:
    return get_object_or_404(Album.objects.visible_to(request.user), pk=album_id)


@require_POST
@login_required
def make_stack(request: PageRequest) -> HttpResponse:
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
def stack(request: PageRequest, stack_id: uuid.UUID) -> HttpResponse:
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
    opened = {"tiles": tiles(rows[1:], of=rows[0].pk if rows else None)}
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
