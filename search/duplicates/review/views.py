"""The review page of duplicates, its actions, and the history of decisions."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gallery.models import EmbeddingModel, Photo, SkippedFile
from gallery.paging import BadCursor
from gallery.signals import photos_changed
from gallery.templatetags import numbers
from gallery.trash import KEPT_DAYS
from gallery.views import PageRequest, get_photo, vary_on_htmx
from search.duplicates.find import compare
from search.duplicates.groups import groups
from search.duplicates.groups.criteria import BadCriteria, Criterion, criteria_of
from search.duplicates.models import DuplicateGroup, Kind, Resolution
from search.duplicates.review import decisions, export, listing, wording
from search.duplicates.review.forms import BulkDecision, BulkForm, DecisionForm
from search.duplicates.review.history import history_page, undo_batch
from search.duplicates.review.listing import Match, ReviewGroup, Sort
from search.duplicates.review.wording import Note

PAGE = 50
"""Groups a page."""
_MAX_LISTED_AGAIN = 200  # groups listed again after a change, however far one has scrolled
_SKIPPED_PAGE = 100  # files a page


# --- the list -------------------------------------------------------------------------------------


@require_safe
@login_required
def review(request: PageRequest) -> HttpResponseBase:
    """Many groups of one kind at once, each with the photo to keep and why."""
    if request.GET.get("kind") == listing.SAME_FILE:
        return _same_files(request)
    try:
        context = _listing(request, request.GET)
    except BadCursor:
        return redirect("duplicates")
    if request.htmx and request.GET.get("cursor"):
        return vary_on_htmx(render(request, "search/duplicates/_groups.html", context))
    with suppress(ValueError):
        context["note"] = wording.note_on(request.user, uuid.UUID(request.GET.get("did", "")))
    return _page(request, context)


def _page(request: PageRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    context |= {"progress": compare.progress(request.user), "criteria": _criteria(request)}
    return vary_on_htmx(render(request, "search/duplicates/review.html", context, status=status))


def _listing(request: PageRequest, query: QueryDict, *, limit: int = PAGE) -> dict[str, Any]:
    """Return what the list of groups shows; raises `BadCursor` for a made-up address."""
    totals = listing.totals_of(request.user)
    group_id, sort = query.get("group", ""), query.get("sort") or Sort.BYTES.value
    kind = query.get("kind") or wording.opening_kind(totals)
    following = None
    if group_id:
        page = _only(request, group_id)
        kind = page[0].group.kind if page else kind
    else:
        cursor = query.get("cursor", "")
        page, following = listing.group_page(
            request.user, kind, sort=sort, cursor=cursor, limit=limit
        )
    tabs = wording.tabs(totals)
    tab = next((tab for tab in tabs[1:] if tab.kind == kind), tabs[1])
    decided = Resolution.objects.visible_to(request.user).filter(kind=kind)
    return {
        "tabs": tabs,
        "tab": tab,
        "kind": tab.kind,
        "sort": sort,
        "groups": page,
        "next": following,
        "one": group_id,
        "sorts": Sort.choices,
        "decided_before": not page and decided.exists(),
    }


def _only(request: PageRequest, group_id: str) -> list[ReviewGroup]:
    try:
        group = listing.review_group(request.user, uuid.UUID(group_id))
    except ValueError:
        raise BadCursor(_("There is no such group.")) from None
    return [group] if group else []


def _criteria(request: PageRequest) -> dict[str, Any]:
    criteria = criteria_of(request.user.pk)
    order = [(name, Criterion(name).label) for name in criteria.order]
    return {"order": order, "pattern": criteria.pattern}


def _same_files(request: PageRequest) -> HttpResponseBase:
    """The files that were not stored because the same bytes were here: a list, or CSV of it."""
    if request.GET.get("format") == "csv":
        today = timezone.localdate().isoformat()
        return StreamingHttpResponse(
            export.skipped_files_csv(request.user, request.build_absolute_uri),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="skipped-files-{today}.csv"'},
        )
    cursor = request.GET.get("cursor", "")
    try:
        rows, following = listing.skipped_files(request.user, cursor=cursor, limit=_SKIPPED_PAGE)
    except BadCursor:
        return redirect("duplicates")
    tabs = wording.tabs(listing.totals_of(request.user))
    context = {"tabs": tabs, "tab": tabs[0], "kind": listing.SAME_FILE}
    context |= {"rows": rows, "next": following}
    if request.htmx:
        return vary_on_htmx(render(request, "search/duplicates/_skipped.html", context))
    context["progress"] = compare.progress(request.user)
    return vary_on_htmx(render(request, "search/duplicates/review.html", context))


@require_safe
@login_required
def progress(request: PageRequest) -> HttpResponse:
    """How far the search for duplicates is; the page asks every few seconds."""
    if request.GET.get("only") == "count":
        open_groups = DuplicateGroup.objects.visible_to(request.user).count()
        response = HttpResponse(numbers.count(open_groups) if open_groups else "")
    else:
        kind = request.GET.get("kind", "")
        context = {
            "progress": compare.progress(request.user),
            "tabs": wording.tabs(listing.totals_of(request.user)),
            "kind": kind if kind in wording.TAB_KINDS else "",
        }
        response = render(request, "search/duplicates/_progress.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@login_required
def find(request: PageRequest) -> HttpResponse:
    """Search all photos for duplicates again."""
    model = EmbeddingModel.objects.active()
    if model is None:
        messages.info(request, _("Photos can be compared once the model is loaded."))
        return _back(request)
    compare.request_sweep(model)
    photos_changed.send(sender=Photo)
    messages.success(request, _("All photos are being compared again."))
    return _back(request)


def _back(request: PageRequest, **extra: str) -> HttpResponse:
    """Go back to the list that the form was on."""
    values = {name: request.POST.get(name, "") for name in ("kind", "sort")} | extra
    query = urlencode({name: value for name, value in values.items() if value})
    return redirect(f"{reverse('duplicates')}?{query}")


@require_POST
@login_required
def criteria(request: PageRequest) -> HttpResponse:
    """Change what decides which photo is kept."""
    current = criteria_of(request.user.pk)
    order = request.POST.getlist("order") or current.order
    order = _move(order, request.POST.get("move", ""))
    try:
        groups.set_criteria(request.user, order, request.POST.get("pattern", current.pattern))
    except BadCriteria as error:
        note = Note(error.message.rstrip("."))
        return _list_again(request, note) if request.htmx else _page_again(request, note, 400)
    return _list_again(request, None, tuning=True) if request.htmx else _back(request)


def _move(order: list[str], move: str) -> list[str]:
    """Return the order with one name a place further up or down, as in "albums up"."""
    name, _separator, way = move.partition(" ")
    if name not in order:
        return order
    at = order.index(name)
    to = min(max(at + {"up": -1, "down": 1}.get(way, 0), 0), len(order) - 1)
    order = [other for other in order if other != name]
    return [*order[:to], name, *order[to:]]


def _list_again(request: PageRequest, note: Note | None, *, tuning: bool = False) -> HttpResponse:
    """Answer htmx with the whole list again, as far as it was loaded.

    While the criteria are being tuned, their panel stays open.
    """
    loaded = request.POST.get("loaded", "")[:9]  # Python reads no number of 4,301 digits.
    limit = min(max(int(loaded), PAGE), _MAX_LISTED_AGAIN) if loaded.isdecimal() else PAGE
    try:
        context = _listing(request, request.POST, limit=limit)
    except BadCursor:
        return _bad_request(request)
    context |= {"note": note, "criteria": _criteria(request), "again": True, "tuning": tuning}
    context["progress"] = compare.progress(request.user)
    return vary_on_htmx(render(request, "search/duplicates/_review.html", context))


def _page_again(request: PageRequest, note: Note, status: int) -> HttpResponse:
    """Show the list again and say why the request was refused."""
    try:
        context = _listing(request, request.POST)
    except BadCursor:
        return _bad_request(request)
    return _page(request, context | {"note": note}, status)


def _bad_request(request: PageRequest) -> HttpResponse:
    """Answer a form that no page of the gallery sends."""
    return render(request, "400.html", status=400)


# --- decisions ------------------------------------------------------------------------------------


@require_POST
@login_required
def resolve(request: PageRequest, group_id: uuid.UUID) -> HttpResponse:
    """Decide one group: keep some, stack all, or say that they are not the same."""
    form = DecisionForm(request.POST)
    if not form.is_valid():
        if listing.review_group(request.user, group_id) is None:
            raise Http404
        return _bad_request(request)
    try:
        resolution = decisions.resolve(request.user, group_id, **form.cleaned_data)
    except decisions.GroupChanged as error:
        note = Note(error.message.rstrip("."))
        return _still_open(request, group_id, form.cleaned_data["seen"], note, 409)
    except decisions.NothingKept:
        note = Note(_("At least one photo of a group is kept"))
        return _still_open(request, group_id, form.cleaned_data["seen"], note, 400)
    except DuplicateGroup.DoesNotExist:
        raise Http404 from None
    if not request.htmx:
        return _back(request, did=str(resolution.batch))
    return _in_place(request, {"note": wording.note_on(request.user, resolution.batch)})


def _still_open(
    request: PageRequest, group_id: uuid.UUID, seen: list[uuid.UUID], note: Note, status: int
) -> HttpResponse:
    """Say why a group was not decided, and show it as it is now, if it still exists."""
    if not request.htmx:
        return _page_again(request, note, status)
    group = listing.review_group(request.user, group_id)
    group = group or _group_with(request, request.POST.get("kind", ""), seen)
    return _in_place(request, {"note": note, "shown": group})


def _in_place(request: PageRequest, context: dict[str, Any]) -> HttpResponse:
    """Answer htmx with what replaces one group, and the new figures of the tabs."""
    context |= {
        "kind": request.POST.get("kind", ""),
        "sort": request.POST.get("sort", ""),
        "tabs": wording.tabs(listing.totals_of(request.user)),
    }
    return vary_on_htmx(render(request, "search/duplicates/_in_place.html", context))


@require_POST
@login_required
def resolve_many(request: PageRequest) -> HttpResponse:
    """Decide many groups in the same way: the first request asks with figures, the second does."""
    form = BulkForm(request.POST)
    if not form.is_valid():
        return _bad_request(request)
    decision = form.decision()
    if "sure" not in request.POST:
        return _ask(request, decision)
    batch = decision.carry_out(request.user)
    note = wording.note_on(request.user, batch.id) or Note(_("Nothing was left to decide"))
    if batch.skipped:
        note = Note(f"{note.text}. {wording.left_text(batch.skipped)}", note.batch)
    if request.htmx:
        return _list_again(request, note)
    if batch.skipped:
        messages.info(request, note.text)
    return _back(request, did=str(batch.id))


def _ask(request: PageRequest, decision: BulkDecision) -> HttpResponse:
    """Say in figures what a bulk decision would do, with the buttons to do it or not."""
    context = {
        "wish": decision,
        "figures": decision.figures(request.user),
        "fields": [
            (name, value)
            for name in ("kind", "sort", "scope", "page", "groups", "choice", "loaded")
            for value in request.POST.getlist(name)
        ],
        "kept_days": KEPT_DAYS,
    }
    template = "_ask.html" if request.htmx else "ask.html"
    return vary_on_htmx(render(request, f"search/duplicates/{template}", context))


@require_safe
@login_required
def history(request: PageRequest) -> HttpResponse:
    """What was decided, newest first."""
    cursor = request.GET.get("cursor", "")
    try:
        entries, following = history_page(request.user, cursor=cursor, limit=30)
    except BadCursor:
        return redirect("duplicates-history")
    context = {"entries": entries, "next": following, "cursor": cursor, "kept_days": KEPT_DAYS}
    part = "_history.html" if request.htmx and cursor else "history.html"
    return vary_on_htmx(render(request, f"search/duplicates/{part}", context))


@require_POST
@login_required
def undo(request: PageRequest, batch: uuid.UUID) -> HttpResponse:
    """Undo the decisions that were taken together."""
    resolution = Resolution.objects.visible_to(request.user).filter(batch=batch).first()
    if resolution is None:
        raise Http404
    result = undo_batch(request.user, batch)
    note = Note(wording.undo_text(restored=result.restored, missing=result.missing))
    at = request.POST.get("at", "")
    if request.htmx and at == "group":
        group = _group_with(request, resolution.kind, [resolution.keeper_id])
        return _in_place(request, {"note": note, "shown": group})
    if request.htmx and at == "list":
        return _list_again(request, note)
    if request.htmx:
        return render(request, "search/duplicates/_undone.html", {"text": note.text})
    messages.success(request, f"{note.text}.")
    return redirect("duplicates-history") if at == "history" else _back(request)


def _group_with(
    request: PageRequest, kind: str, photo_ids: Collection[uuid.UUID | None]
) -> ReviewGroup | None:
    """Return a group of one of the photos; regrouping may have given it another id."""
    mine = DuplicateGroup.objects.visible_to(request.user).filter(kind=kind)
    group_id = mine.filter(members__photo__in=photo_ids).values_list("pk", flat=True).first()
    return listing.review_group(request.user, group_id) if group_id else None


# --- one photo ------------------------------------------------------------------------------------


@require_safe
@login_required
def of_photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """The duplicates and similar shots of one photo."""
    photo = get_photo(request, photo_id)
    matches = listing.matches_of(request.user, photo.pk)
    kinds = [(kind, [match for match in matches if match.kind == kind]) for kind in Kind]
    context = {
        "photo": photo,
        "this": Match(photo, "", 1.0, "", None),
        "kinds": [(kind, rows) for kind, rows in kinds if rows],
        "skipped": SkippedFile.objects.filter(photo=photo).order_by("-skipped_at")[:20],
        "progress": compare.progress(request.user),
    }
    return render(request, "search/duplicates/of_photo.html", context)
