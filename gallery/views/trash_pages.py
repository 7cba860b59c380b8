"""The trash page: what was deleted and can still come back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from gallery import trash
from gallery.models import Photo
from gallery.models.photos import PhotoQuerySet
from gallery.paging import BadCursor, page_after
from gallery.templatetags.numbers import count
from gallery.views import PageRequest, fields
from gallery.views.media import preview_of, thumbnail_of

PAGE = 96
"""Photos a page; far below the 1,000 fields that a form may have."""

_ASK_EVERY_TIME = "private, no-cache"  # what is deleted for ever is not shown out of a cache


@dataclass(frozen=True)
class Row:
    """A photo in the trash; `left` says for how long it can still come back."""

    photo: Photo
    left: str


@require_safe
@login_required
def page(request: PageRequest) -> HttpResponse:
    """The photos in the trash, those trashed last first; with `after`, from a cursor on."""
    photos = Photo.objects.in_trash_of(request.user)
    cursor = request.GET.get("after", "")
    try:
        found, following = page_after(photos, cursor, PAGE, by="trashed_at")
    except BadCursor:
        return redirect("trash")
    if cursor and not found:
        return redirect("trash")
    context = {
        "rows": [Row(photo, _left(photo)) for photo in found],
        "next": following,
        "further": cursor,
        "held": trash.holds(request.user),
        "kept_days": trash.KEPT_DAYS,
    }
    return render(request, "gallery/trash.html", context)


def _left(photo: Photo) -> str:
    days = trash.days_left(photo)
    return f"{days} days left" if days > 1 else "Last day"


@require_safe
@login_required
def thumbnail(request: PageRequest, photo_id: uuid.UUID) -> HttpResponseBase:
    """The thumbnail of a photo in the trash."""
    return thumbnail_of(request, _own(request, photo_id), cache=_ASK_EVERY_TIME)


@require_safe
@login_required
def preview(request: PageRequest, photo_id: uuid.UUID) -> HttpResponseBase:
    """The preview of a photo in the trash."""
    return preview_of(request, _own(request, photo_id), cache=_ASK_EVERY_TIME)


def _own(request: PageRequest, photo_id: uuid.UUID) -> Photo:
    return get_object_or_404(Photo.objects.in_trash_of(request.user), pk=photo_id)


@require_POST
@login_required
def restore(request: PageRequest) -> HttpResponse:
    """Bring photos back (`photo` fields, or `all`); with `undo`, go to the one that came back."""
    ids = trash.restore(_chosen(request))
    if "undo" in request.POST and len(ids) == 1:
        return redirect("photo", ids[0])
    if ids:
        messages.success(request, f"{_photos(len(ids))} back in the gallery.")
    else:
        messages.info(request, "Nothing was restored: choose photos that are in the trash.")
    return redirect("trash")


@require_POST
@login_required
def empty(request: PageRequest) -> HttpResponse:
    """Delete photos in the trash for ever (`photo` fields, or `all`), once they are `sure`."""
    chosen = _chosen(request)
    if "sure" not in request.POST:
        return _ask(request, chosen)
    gone = trash.empty(chosen)
    if gone:
        messages.success(request, f"{_photos(gone)} deleted for ever.")
    else:
        messages.info(request, "Nothing was deleted: choose photos that are in the trash.")
    return redirect("trash")


def _ask(request: PageRequest, chosen: PhotoQuerySet) -> HttpResponse:
    """Ask where no script did."""
    ids = list(chosen.values_list("pk", flat=True))
    if not ids:
        messages.info(request, "Nothing was deleted: choose photos that are in the trash.")
        return redirect("trash")
    everything = "all" in request.POST
    context = {"ids": [] if everything else ids, "all": everything, "number": len(ids)}
    context["bytes"] = chosen.total_bytes()
    return render(request, "gallery/trash_sure.html", context)


def _chosen(request: PageRequest) -> PhotoQuerySet:
    """Return the photos of the trash that a form names; what is no id names none."""
    photos = Photo.objects.in_trash_of(request.user)
    if "all" in request.POST:
        return photos
    return photos.filter(pk__in=fields.ids(request.POST.getlist("photo")))


def _photos(number: int) -> str:
    return f"{count(number)} photo{'s are' if number > 1 else ' is'}"
