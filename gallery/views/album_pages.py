"""Albums, favourites, tags, and the marks that people put on a photo."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import albums as marking
from gallery.models import Album, Photo, Tag
from gallery.models.collections import NAME_LIMIT
from gallery.models.photos import PhotoQuerySet
from gallery.paging import BadCursor, page_after
from gallery.views import PageRequest
from gallery.views.fields import ids
from gallery.views.marks import marks
from gallery.views.pages import own, show_photo, vary
from gallery.views.tiles import PAGE, by_day, tiles


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def albums(request: PageRequest) -> HttpResponse:
    """All albums with their covers and counts; POST creates one."""
    problem, status = "", 200
    if request.method == "POST":
        try:
            return redirect(marking.create(request.user, request.POST.get("name", "")))
        except marking.BadName as error:
            problem, status = error.message, error.status
    context = {
        "albums": marking.listed(Album.objects.visible_to(request.user)),
        "problem": problem,
        "typed": request.POST.get("name", ""),
        "name_limit": NAME_LIMIT,
        "tags": marking.tags_in_use(request.user),
    }
    return render(request, "gallery/albums.html", context, status=status)


@require_safe
@login_required
def album(request: PageRequest, album_id: uuid.UUID) -> HttpResponse:
    """The photos of one album, by day."""
    return _album_page(request, _own_album(request, album_id))


def _album_page(request: PageRequest, row: Album, problem: str = "") -> HttpResponse:
    photos = Photo.objects.visible_to(request.user).filter(albums=row)
    context = {
        "title": row.name,
        "album": row,
        "problem": problem,
        "typed": request.POST.get("name", row.name),
        "name_limit": NAME_LIMIT,
    }
    return _page(request, photos, context)


@require_POST
@login_required
def change_album(request: PageRequest, album_id: uuid.UUID) -> HttpResponse:
    """Rename an album (`name`), remove it (`remove`), or take photos out of it (`photo`)."""
    row = _own_album(request, album_id)
    if "remove" in request.POST:
        marking.remove(row)
        messages.success(request, f"The album {row.name} was removed. Its photos are still here.")
        return redirect("albums")
    chosen = ids(request.POST.getlist("photo")[: marking.AT_ONCE])
    marking.take_out(row, Photo.objects.visible_to(request.user).filter(pk__in=chosen))
    if "name" in request.POST:
        try:
            marking.rename(row, request.POST["name"])
        except marking.BadName as error:
            # What was typed is shown in the field; everything else keeps the name that it has.
            response = _album_page(request, _own_album(request, album_id), error.message)
            response.status_code = error.status
            return response
    return redirect(row)


@require_safe
@login_required
def favourites(request: PageRequest) -> HttpResponse:
    """The favourites, by day."""
    photos = Photo.objects.visible_to(request.user).filter(favourite=True)
    return _page(request, photos, {"title": "Favourites", "favourites": True})


@require_safe
@login_required
def tag(request: PageRequest, name: str) -> HttpResponse:
    """The photos with a tag, by day."""
    try:
        photos = marking.photos_with(request.user, name)
    except (Tag.DoesNotExist, marking.BadName):
        raise Http404 from None
    return _page(request, photos, {"title": name, "tag": name})


def _page(request: PageRequest, photos: PhotoQuerySet, context: dict[str, Any]) -> HttpResponse:
    """Answer with photos by day; with `after`, those behind a cursor (for htmx: only them).

    Stacks are not folded here: somebody chose these photos one by one.
    """
    cursor = request.GET.get("after", "")
    try:
        rows, following = page_after(photos, cursor, PAGE)
    except BadCursor:
        return redirect(request.path)
    context |= {"days": by_day(tiles(rows)), "next": following, "jumped": cursor}
    if request.htmx and cursor:
        return vary(render(request, "gallery/_days.html", context))
    context["count"] = photos.count()
    return vary(render(request, "gallery/album.html", context))


@require_POST
@login_required
def mark_photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Change favourite, stars, caption, tags or albums of a photo, by whichever fields are sent.

    htmx gets the marks anew; with a sentence in them when something cannot be taken.
    """
    row = own(request, photo_id)
    problem = ""
    try:
        with transaction.atomic():
            _mark(request, row)
    except marking.BadName as error:
        problem = error.message
    if request.htmx:
        # The marks say what was not taken; htmx swaps in nothing from an error answer.
        return vary(render(request, "gallery/_marks.html", {"marks": marks(request, row, problem)}))
    return show_photo(request, row, problem) if problem else redirect(row)


def _mark(request: PageRequest, row: Photo) -> None:
    """Do what the form says; fields that are not sent change nothing."""
    sent = request.POST
    if sent.get("favourite") in {"0", "1"}:
        marking.mark(row, favourite=sent["favourite"] == "1")
    if sent.get("rating") in marking.STARS:
        marking.mark(row, rating=int(sent["rating"]))
    if "caption" in sent:
        marking.mark(row, caption=sent["caption"])
    if "tag" in sent:
        marking.add_tags(row, [text for text in sent["tag"].split(",") if text.strip()])
    if "untag" in sent:
        marking.remove_tag(row, sent["untag"])
    photo = Photo.objects.visible_to(request.user).filter(pk=row.pk)
    if "album" in sent:
        marking.add(marking.get_or_create(request.user, sent["album"]), photo)
    for album_id in ids(sent.getlist("unalbum")[: marking.AT_ONCE]):
        marking.take_out(_own_album(request, album_id), photo)


def _own_album(request: PageRequest, album_id: uuid.UUID) -> Album:
    return get_object_or_404(Album.objects.visible_to(request.user), pk=album_id)
