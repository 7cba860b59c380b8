"""The form that corrects the date of one photo, and undoing that, without scripts too."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from gallery import correct_dates, date_sentences
from gallery.correct_dates import AsInFile
from gallery.corrections import (
    BadDate,
    Correction,
    SetDate,
    SetZone,
    Shift,
    Unknown,
    read_clock,
    read_day,
    read_zone,
    wall_of,
)
from gallery.models import Photo
from gallery.views import PageRequest, get_photo, uuids

_UNITS = ("years", "days", "hours", "minutes")
_MOST_DIGITS = 9  # more than any calendar has minutes


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def correct_date(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """The form for the date of a photo; POST corrects it and goes back to the photo."""
    photo = get_photo(request, photo_id)
    problem = ""
    if request.method == "POST":
        try:
            _correct(request, photo)
        except BadDate as error:
            problem = error.message
        else:
            return redirect(photo)
    wall = wall_of(photo)
    typed = request.POST if problem else _fields(wall)
    context = {"photo": photo, "wall": wall, "typed": typed, "problem": problem}
    return render(request, "gallery/date.html", context, status=400 if problem else 200)


def _fields(wall: datetime | None) -> dict[str, str]:
    """Return what the form holds for a photo of this local time."""
    return {"day": f"{wall:%Y-%m-%d}", "clock": f"{wall:%H:%M:%S}"} if wall else {}


def _correct(request: PageRequest, photo: Photo) -> None:
    photos = Photo.objects.visible_to(request.user, hidden=True).filter(pk=photo.pk)
    result = correct_dates.correct(photos, correction(request.POST))
    context = {
        "says": date_sentences.corrected(result.photos),
        "photo": photo,
        "undo": result.batch,
    }
    message = render_to_string("gallery/_undo_dates.html", context, request)
    messages.success(request, mark_safe(message))  # noqa: S308 - the template escapes


def correction(form: QueryDict) -> Correction | AsInFile:
    """Return what the fields of the form say; raise `BadDate`."""
    what = form.get("what")
    if what == "set":
        zone = form.get("zone", "")
        clock = read_clock(form.get("clock", ""))
        return SetDate(read_day(form.get("day", "")), clock, read_zone(zone) if zone else None)
    if what == "shift":
        sign = -1 if form.get("direction") == "earlier" else 1
        return Shift(**{unit: sign * _whole(form.get(unit, "")) for unit in _UNITS})
    if what == "zone":
        to_zone = read_zone(form.get("to_zone", ""))
        return SetZone(to_zone, keep_instant=form.get("keep") == "instant")
    if what == "unknown":
        return Unknown()
    if what == "reset":
        return AsInFile()
    raise BadDate(_("Choose what to correct."))


def _whole(text: str) -> int:
    """Return the whole number in a field, 0 for an empty one; raise `BadDate`."""
    digits = text.strip() or "0"
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _MOST_DIGITS:
        raise BadDate(_("Enter years, days, hours and minutes as whole numbers."))
    return int(digits)


@require_POST
@login_required
def undo(request: PageRequest) -> HttpResponse:
    """Take a correction back (`undo` is its batch), and go to the photo (`photo`) or the grid."""
    batches = uuids([request.POST.get("undo", "")])
    undone = sum(correct_dates.undo(request.user, batch) for batch in batches)
    messages.success(request, _("Undone.") if undone else _("There is nothing to undo."))
    ids = uuids([request.POST.get("photo", "")])
    photo = Photo.objects.visible_to(request.user).filter(pk__in=ids).first()
    return redirect(photo or "grid")
