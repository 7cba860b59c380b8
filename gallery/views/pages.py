"""The grid, the photo page, problems, and uploading without scripts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gallery import companions, marks, originals_marker, read_originals, sensitive, trash
from gallery.alternative_texts import describe
from gallery.companion_names import Neighbours
from gallery.decoding import PoolBusy
from gallery.facts import MAX_STARS, facts_in_words
from gallery.folders import external
from gallery.models import Album, Embedding, EmbeddingModel, FileDamage, Photo, PhotoQuerySet, Stack
from gallery.models.embeddings import retry
from gallery.models.photo_library import CAPTION_LIMIT, NAME_LIMIT, TAG_LIMIT
from gallery.paging import BadCursor, cursor_from, cursor_of, page_after, page_before
from gallery.quality_words import words_of
from gallery.recent import recent
from gallery.signals import photos_changed
from gallery.user_errors import UserError
from gallery.views import PageRequest, get_photo, vary_on_htmx
from gallery.views.tiles import PAGE, by_day, rendition_widths, stack_folds, tiles, years

_MAX_PROBLEMS = 200


@require_safe
@login_required
def grid(request: PageRequest) -> HttpResponse:
    """All photos by day. A stack is one tile; with `stacks=all`, each of its photos has its own."""
    apart = request.GET.get("stacks") == "all"
    photos = Photo.objects.visible_to(request.user)
    photos = photos if apart else photos.unfolded()
    any_stack = Stack.objects.visible_to(request.user).exists
    find_years = partial(recent, request.user, f"years-{apart}", partial(years, photos))
    context = {"apart": apart, "any_stack": any_stack, "years": cache(find_years)}
    return photos_by_day(request, photos, "gallery/grid.html", context, folded=not apart)


def photos_by_day(
    request: PageRequest,
    photos: PhotoQuerySet,
    template: str,
    context: Any,
    *,
    folded: bool = False,
) -> HttpResponse:
    """Answer with photos by day; with `after` or `before` those around a cursor (htmx: only them).

    With `folded`, a stack is one tile. Functions in `context` are called for whole pages only.
    """
    part = request.htmx and not {"after", "before"}.isdisjoint(request.GET)
    try:
        rows, newer, older = _rows_and_cursors(request, photos, whole=not part)
    except BadCursor:
        return redirect(request.path)
    jumped = request.GET.get("after") or request.GET.get("before")
    if "before" in request.GET and not (rows or part):
        return redirect(request.path)
    context |= {
        "days": by_day(tiles(rows, folds=stack_folds(rows) if folded else None)),
        "start": cursor_from(rows[0]) if rows else "",
        "newer": newer,
        "next": older,
        "jumped": jumped,
    }
    return vary_on_htmx(render(request, "gallery/_days.html" if part else template, context))


def _rows_and_cursors(
    request: PageRequest, photos: PhotoQuerySet, *, whole: bool
) -> tuple[list[Photo], str | None, str | None]:
    """Return a page of photos, and the cursors of the pages before and after it, None for none.

    What was loaded before a part is on the page already. Raises `BadCursor`.
    """
    if before := request.GET.get("before", ""):
        rows, newer = page_before(photos, before, PAGE)
        older = cursor_of(rows[-1].shown_at, rows[-1].pk.hex) if rows and whole else None
        return rows, newer, older
    after = request.GET.get("after", "")
    rows, older = page_after(photos, after, PAGE)
    if not (rows and after and whole):
        return rows, None, older
    here = cursor_of(rows[0].shown_at, rows[0].pk.hex)
    return rows, here if page_before(photos, here, 1)[0] else None, older


@require_safe
@login_required
def photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """One photo and its facts; for htmx only the details, for the lightbox's drawer."""
    return photo_page(request, get_photo(request, photo_id))


def photo_page(request: PageRequest, photo: Photo, problem: str = "") -> HttpResponse:
    """Answer with the page of a photo; `problem` says why a form was refused (400)."""
    context: dict[str, Any] = {
        "tile": tiles([photo])[0],
        "photo": photo,
        "facts": facts_in_words(photo.exif, photo.place),
        "kept": external.kept(photo),
        "pixels": photo.width * photo.height,
        "marks": marks_context(request, photo, problem),
        "quality": words_of(photo),
    }
    if request.htmx:
        return vary_on_htmx(render(request, "gallery/_details.html", context))
    newer, older = _neighbours(request, photo)
    context |= {"newer": newer, "older": older, **rendition_widths(photo)}
    context["start"] = cursor_from(photo)
    context["stacked"] = _stack_members(request, photo)
    status = 400 if problem else 200
    return vary_on_htmx(render(request, "gallery/photo.html", context, status=status))


def marks_context(request: PageRequest, photo: Photo, problem: str = "") -> dict[str, Any]:
    """Return the marks of a photo, and the names suggested while somebody types.

    `problem` is the sentence on what was just typed and refused.
    """
    albums = Album.objects.visible_to(request.user).order_by(Lower("name"), "name")
    return {
        "photo": photo,
        "stars": range(1, MAX_STARS + 1),
        "tags": list(photo.tags.order_by(Lower("name"), "name").values_list("name", flat=True)),
        "albums": list(albums.filter(photos=photo)),
        "sensitive": photo.confirmed_kinds,
        "kinds": sensitive.treatments(request.user),
        "known_tags": marks.tags_in_use(request.user),
        "known_albums": list(albums.values_list("name", flat=True)[: marks.SUGGESTION_LIMIT]),
        "caption_limit": CAPTION_LIMIT,
        "tag_limit": TAG_LIMIT,
        "name_limit": NAME_LIMIT,
        "problem": problem,
    }


def _stack_members(request: PageRequest, photo: Photo) -> list[Photo]:
    """Return all photos of the photo's stack, the cover first; none without a stack."""
    if photo.stack_id is None:
        return []
    members = Photo.objects.visible_to(request.user).filter(stack=photo.stack_id)
    photos = list(members.cover_first())
    describe(photos)
    return photos if len(photos) > 1 else []


def _neighbours(request: PageRequest, photo: Photo) -> tuple[Photo | None, Photo | None]:
    """Return the next newer and the next older photo of the grid."""
    photos = Photo.objects.visible_to(request.user)
    ahead = Q(shown_at__gt=photo.shown_at) | Q(shown_at=photo.shown_at, id__gt=photo.pk)
    newer = photos.filter(ahead).order_by("shown_at", "id").first()
    return newer, photos.before(photo.shown_at, photo.pk).newest_first().first()


@require_POST
@login_required
def delete_photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Move one photo to the trash and go back to the grid."""
    photo = get_photo(request, photo_id)
    trash.trash(Photo.objects.visible_to(request.user, hidden=True).filter(pk=photo.pk))
    undo = render_to_string("gallery/_undo.html", {"photo": photo}, request)
    messages.success(request, mark_safe(undo))  # noqa: S308 - the template escapes the name
    return redirect("grid")


@require_POST
@login_required
def retry_photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Try a failed photo again, and go back to where the button was."""
    photo = get_photo(request, photo_id)
    with transaction.atomic():
        if retry(Embedding.objects.filter(photo=photo, state=Embedding.State.FAILED)):
            transaction.on_commit(lambda: photos_changed.send(sender=Photo))
    messages.success(request, _("Trying %(name)s again.") % {"name": photo.name})
    return redirect(photo if "from_photo" in request.POST else "problems")


@require_safe
@login_required
def problems(request: PageRequest) -> HttpResponse:
    """The photos that could not be made searchable, with the reason and what can be done."""
    active = EmbeddingModel.objects.filter(state=EmbeddingModel.State.ACTIVE)
    failed = Embedding.objects.visible_to(request.user).in_states(active, Embedding.State.FAILED)
    # Sorted here: for the order of keys, SQLite would walk over all rows of the model.
    ids = sorted(failed.values_list("pk", flat=True), reverse=True)
    rows = Embedding.objects.filter(pk__in=ids[:_MAX_PROBLEMS]).select_related("photo")
    context = {"rows": list(rows.order_by("-pk")), "more": len(ids) > _MAX_PROBLEMS}
    context["damaged"] = FileDamage.objects.visible_to(request.user).newest(_MAX_PROBLEMS)
    context["overdue"] = trash.overdue(request.user).count()
    return render(request, "gallery/problems.html", context)


@require_safe
@login_required
def originals(request: PageRequest) -> HttpResponse:
    """When the originals were last read whole, and which are damaged."""
    damage = FileDamage.objects.visible_to(request.user)
    context = {
        "readings": read_originals.readings(request.user),
        "days": settings.SCRUB_DAYS,
        "damaged": damage.newest(_MAX_PROBLEMS),
        "number": damage.count(),
    }
    return render(request, "gallery/originals.html", context)


@require_safe
@login_required
def status_strip(request: PageRequest) -> HttpResponse:
    """The line that says how much is searchable; pages poll it."""
    response = render(request, "gallery/_status.html")
    response["Cache-Control"] = "no-store"
    return response


@dataclass(frozen=True)
class Outcome:
    """The outcome for one file of the plain upload form."""

    name: str
    message: str
    url: str = ""
    failed: bool = False


@login_required
def upload(request: PageRequest) -> HttpResponse:
    """Take in a few files from a plain form, for browsers without scripts."""
    outcomes: list[Outcome] = []
    status = 200
    if request.method == "POST":
        beside = Neighbours()
        files = sorted(request.FILES.getlist("file"), key=_belongs_to_a_picture)
        outcomes = [_ingest(request, cast("TemporaryUploadedFile", file), beside) for file in files]
        refusal = getattr(request, "upload_refused", None)
        if refusal is not None:
            outcomes.append(Outcome(_("Upload"), str(refusal), failed=True))
        if not outcomes:
            outcomes = [Outcome(_("Upload"), _("Choose at least one picture."), failed=True)]
        status = 400 if all(outcome.failed for outcome in outcomes) else 200
        if status == 400 and originals_marker.is_away():
            status = originals_marker.OriginalsAway.status
    context = {
        "outcomes": outcomes,
        "at_once": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        "limit_mb": settings.MAX_FILE_BYTES // (1024 * 1024),
    }
    return render(request, "gallery/upload.html", context, status=status)


def _belongs_to_a_picture(file: UploadedFile[Any]) -> bool:
    """Tell whether a file comes after the pictures, by its name."""
    return companions.is_named_like_companion(file.name or "")


def _ingest(request: PageRequest, file: TemporaryUploadedFile, beside: Neighbours) -> Outcome:
    """Take in one file; an error in it does not stop the others."""
    name = file.name or _("picture")
    path = Path(file.temporary_file_path())
    try:
        result = companions.take_in(request.user, path, name, beside=beside)
    except UserError as error:
        return Outcome(name, error.message, failed=True)
    except PoolBusy:
        return Outcome(name, _("Too many pictures at once. Try this one again."), failed=True)
    if isinstance(result, companions.Kept):
        message = _("kept with %(name)s") % {"name": result.photo.name}
        return Outcome(name, message, reverse("photo", args=[result.photo.pk]))
    beside.add(name, result.photo.pk)
    if result.restored:
        message = _("brought back from the trash")
    elif result.duplicate:
        message = _("already here")
    else:
        message = _("added, searchable in a moment")
    return Outcome(name, message, reverse("photo", args=[result.photo.pk]))
