"""The trash page: photos that were deleted and can still come back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.http import require_POST, require_safe

from gallery import lived_time, trash
from gallery.models import Photo, PhotoQuerySet
from gallery.paging import BadCursor, page_after
from gallery.templatetags.numbers import count
from gallery.views import PageRequest, uuids
from gallery.views.bearer_tokens import session_or_token
from gallery.views.media import preview_of, thumbnail_of

PAGE = 96
"""Photos per page; far below the 1,000 fields that a form may have."""

_REVALIDATE = "private, no-cache"  # a cache must not show what was deleted for ever


@dataclass(frozen=True)
class Row:
    """A photo in the trash; `left` says how long it can still come back."""

    photo: Photo
    left: str


@require_safe
@login_required
def page(request: PageRequest) -> HttpResponse:
    """The photos in the trash, the latest first; with `after`, those that follow a cursor."""
    photos = Photo.objects.in_trash_of(request.user)
    cursor = request.GET.get("after", "")
    try:
        rows, next_cursor = page_after(photos, cursor, PAGE, by="trashed_at")
    except BadCursor:
        return redirect("trash")
    if cursor and not rows:
        return redirect("trash")
    lived = lived_time.total()
    context = {
        "rows": [Row(photo, _left(photo, lived)) for photo in rows],
        "next": next_cursor,
        "further": cursor,
        "held": trash.contents(request.user),
        "kept_days": trash.KEPT_DAYS,
        "overdue": trash.overdue(request.user).count(),
    }
    return render(request, "gallery/trash.html", context)


def _left(photo: Photo, lived: int) -> str:
    days = trash.days_left(photo, lived)
    if days <= 1:
        return _("Last day")
    return ngettext("%(days)d day left", "%(days)d days left", days) % {"days": days}


@require_safe
@session_or_token
def thumbnail(request: PageRequest, photo_id: uuid.UUID) -> HttpResponseBase:
    """The thumbnail of a photo in the trash."""
    return thumbnail_of(request, _get_photo(request, photo_id), cache=_REVALIDATE)


@require_safe
@session_or_token
def preview(request: PageRequest, photo_id: uuid.UUID) -> HttpResponseBase:
    """The preview of a photo in the trash."""
    return preview_of(request, _get_photo(request, photo_id), cache=_REVALIDATE)


def _get_photo(request: PageRequest, photo_id: uuid.UUID) -> Photo:
    return get_object_or_404(Photo.objects.in_trash_of(request.user), pk=photo_id)


@require_POST
@login_required
def restore(request: PageRequest) -> HttpResponse:
    """Bring photos back (`photo` fields, or `all`); with `undo`, go to the photo."""
    ids = trash.restore(_selection(request))
    if "undo" in request.POST and len(ids) == 1:
        return redirect("photo", ids[0])
    if ids:
        text = ngettext(
            "%(count)s photo is back in the gallery.",
            "%(count)s photos are back in the gallery.",
            len(ids),
        )
        messages.success(request, text % {"count": count(len(ids))})
    else:
        messages.info(request, _("Nothing was restored: choose photos that are in the trash."))
    return redirect("trash")


@require_POST
@login_required
def empty(request: PageRequest) -> HttpResponse:
    """Delete photos in the trash for ever, if `sure` is sent too.

    They are named by `photo` fields, `all`, or `overdue`.
    """
    photos = _selection(request)
    if "sure" not in request.POST and photos.exists():
        return _confirm(request, photos)
    number = trash.empty(photos)
    if number:
        text = ngettext(
            "%(count)s photo was deleted for ever.",
            "%(count)s photos were deleted for ever.",
            number,
        )
        messages.success(request, text % {"count": count(number)})
    else:
        messages.info(request, _("Nothing was deleted: choose photos that are in the trash."))
    return redirect("trash")


def _confirm(request: PageRequest, photos: PhotoQuerySet) -> HttpResponse:
    """Ask for confirmation if no script has done so."""
    ids = list(photos.values_list("pk", flat=True))
    named = next((name for name in ("all", "overdue") if name in request.POST), "")
    context = {"ids": [] if named else ids, "named": named, "number": len(ids)}
    context["bytes"] = photos.total_bytes()
    return render(request, "gallery/trash_sure.html", context)


def _selection(request: PageRequest) -> PhotoQuerySet:
    """Return the photos of the trash that a form names; values that are no ids name none."""
    photos = Photo.objects.in_trash_of(request.user)
    if "overdue" in request.POST:
        return trash.overdue(request.user)
    if "all" in request.POST:
        return photos
    return photos.filter(pk__in=uuids(request.POST.getlist("photo")))
