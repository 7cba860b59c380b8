"""The grid, the photo page, problems, and uploading without scripts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST, require_safe

from gallery import ingest, trash
from gallery.decoding import PoolBusy
from gallery.files import StorageFull
from gallery.models import Embedding, EmbeddingModel, Photo, Stack
from gallery.models.embeddings import retry
from gallery.paging import BadCursor, page_after
from gallery.signals import photos_changed
from gallery.uploads import Refused
from gallery.views import PageRequest
from gallery.views.facts import facts, rendition_widths
from gallery.views.marks import marks
from gallery.views.tiles import PAGE, by_day, stack_folds, tiles, years

_PROBLEMS_SHOWN = 200


@require_safe
@login_required
def grid(request: PageRequest) -> HttpResponse:
    """All photos by day; with `after`, those that follow a cursor (for htmx: only them).

    A stack is one tile; with `stacks=all`, every photo of it has its own.
    """
    apart = request.GET.get("stacks") == "all"
    photos = Photo.objects.visible_to(request.user)
    photos = photos if apart else photos.unfolded()
    cursor = request.GET.get("after", "")
    try:
        rows, following = page_after(photos, cursor, PAGE)
    except BadCursor:
        return redirect("grid")
    shown = tiles(rows, folds=None if apart else stack_folds(rows))
    context: dict[str, Any] = {"days": by_day(shown), "next": following, "jumped": cursor}
    context["apart"] = apart
    if request.htmx and cursor:
        return vary(render(request, "gallery/_days.html", context))
    context["any_stack"] = Stack.objects.visible_to(request.user).exists()
    return vary(render(request, "gallery/grid.html", context | {"years": years(photos)}))


@require_safe
@login_required
def photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """One photo with what is known of it; for htmx only the details, for the lightbox's drawer."""
    return show_photo(request, own(request, photo_id))


def show_photo(request: PageRequest, row: Photo, problem: str = "") -> HttpResponse:
    """Answer with the page of a photo; `problem` says what of a form was not taken (400)."""
    context: dict[str, Any] = {
        "tile": tiles([row])[0],
        "photo": row,
        "facts": facts(row),
        "pixels": row.width * row.height,
        "marks": marks(request, row, problem),
    }
    if request.htmx:
        return vary(render(request, "gallery/_details.html", context))
    newer, older = neighbours(request, row)
    context |= {"newer": newer, "older": older, **rendition_widths(row)}
    context["stacked"] = stacked_with(request, row)
    return vary(render(request, "gallery/photo.html", context, status=400 if problem else 200))


def stacked_with(request: PageRequest, row: Photo) -> list[Photo]:
    """Return all photos of the stack that this one is in, its cover first; none without one."""
    if row.stack_id is None:
        return []
    visible = Photo.objects.visible_to(request.user).filter(stack=row.stack_id)
    members = list(visible.cover_first())
    return members if len(members) > 1 else []


def own(request: HttpRequest, photo_id: uuid.UUID) -> Photo:
    """Return the photo if the asking user may know of it, else raise the one 404."""
    return get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)


def vary(response: HttpResponse) -> HttpResponse:
    """Mark an answer that is a page or a part of one, by who asks."""
    patch_vary_headers(response, ["HX-Request"])
    return response


def neighbours(request: PageRequest, row: Photo) -> tuple[Photo | None, Photo | None]:
    """Return the next newer and the next older photo of the grid."""
    photos = Photo.objects.visible_to(request.user)
    ahead = Q(shown_at__gt=row.shown_at) | Q(shown_at=row.shown_at, id__gt=row.pk)
    newer = photos.filter(ahead).order_by("shown_at", "id").first()
    return newer, photos.before(row.shown_at, row.pk).newest_first().first()


@require_POST
@login_required
def delete_photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Move one photo to the trash and go back to the grid."""
    row = own(request, photo_id)
    trash.trash(Photo.objects.visible_to(request.user).filter(pk=row.pk))
    undo = render_to_string("gallery/_undo.html", {"photo": row}, request)
    messages.success(request, mark_safe(undo))  # noqa: S308 - the template escapes the name
    return redirect("grid")


@require_POST
@login_required
def retry_photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Try a failed photo again, and go back to where the button was."""
    row = own(request, photo_id)
    with transaction.atomic():
        if retry(Embedding.objects.filter(photo=row, state=Embedding.State.FAILED)):
            transaction.on_commit(lambda: photos_changed.send(sender=Photo))
    messages.success(request, f"{row.name} is being tried again.")
    return redirect(row if "from_photo" in request.POST else "problems")


@require_safe
@login_required
def problems(request: PageRequest) -> HttpResponse:
    """The photos that could not be made searchable, with the reason and what can be done."""
    failed = Embedding.objects.filter(
        photo__in=Photo.objects.visible_to(request.user),
        model=EmbeddingModel.objects.active(),
        state=Embedding.State.FAILED,
    ).select_related("photo")
    rows = list(failed.order_by("-photo__created_at")[: _PROBLEMS_SHOWN + 1])
    context = {"rows": rows[:_PROBLEMS_SHOWN], "more": len(rows) > _PROBLEMS_SHOWN}
    return render(request, "gallery/problems.html", context)


@require_safe
@login_required
def status_strip(request: PageRequest) -> HttpResponse:
    """The line that says how much is searchable, asked for again and again."""
    response = render(request, "gallery/_status.html")
    response["Cache-Control"] = "no-store"
    return response


@dataclass(frozen=True)
class Outcome:
    """What became of one file of the plain upload form."""

    name: str
    message: str
    url: str = ""
    failed: bool = False


@login_required
def upload(request: PageRequest) -> HttpResponse:
    """Take in files from a plain form, a few at a time; the panel of the page does it better."""
    outcomes: list[Outcome] = []
    status = 200
    if request.method == "POST":
        sent = request.FILES.getlist("file")
        outcomes = [_take_in(request, cast("TemporaryUploadedFile", file)) for file in sent]
        stopped = getattr(request, "upload_refused", None)
        if stopped is not None:
            outcomes.append(Outcome("Upload", str(stopped), failed=True))
        if not outcomes:
            outcomes = [Outcome("Upload", "Choose at least one picture.", failed=True)]
        status = 400 if all(outcome.failed for outcome in outcomes) else 200
    context = {
        "outcomes": outcomes,
        "at_once": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        "limit_mb": settings.MAX_FILE_BYTES // (1024 * 1024),
    }
    return render(request, "gallery/upload.html", context, status=status)


def _take_in(request: PageRequest, file: TemporaryUploadedFile) -> Outcome:
    """Return what became of one file; no reason for refusing it stops the others."""
    name = file.name or "picture"
    try:
        result = ingest.ingest(request.user, Path(file.temporary_file_path()), name)
    except (Refused, StorageFull) as error:
        return Outcome(name, error.message, failed=True)
    except PoolBusy:
        return Outcome(name, "Too many pictures at once. Try this one again.", failed=True)
    said = "already here" if result.duplicate else "added, searchable in a moment"
    said = "brought back from the trash" if result.restored else said
    return Outcome(name, said, reverse("photo", args=[result.photo.pk]))
