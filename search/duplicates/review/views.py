"""The review page of duplicates, its actions, and the history of decisions."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import (
    Http404,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from gallery.models import EmbeddingModel, Photo, SkippedFile
from gallery.paging import BadCursor
from gallery.signals import photos_changed
from gallery.trash import KEPT_DAYS
from gallery.views import PageRequest, get_photo, vary_on_htmx
from search.duplicates.find import compare
from search.duplicates.groups import groups, keeper
from search.duplicates.models import DuplicateGroup, Resolution
from search.duplicates.review import decisions as resolving, forms, skipped_csv, wording
from search.duplicates.review.wording import Note

PAGE = 50
"""Groups a page."""
_AT_ONCE = 200  # groups shown again at most after the criteria changed, however far one scrolled
_ROWS = 100  # files of the list of same files a page
_SORTS = {"bytes": "Most bytes", "date": "Newest", "closeness": "Closest"}
_KEEP_ONE = "At least one photo of a group is kept"


@require_safe
@login_required
def review(request: PageRequest) -> HttpResponseBase:
    """Many groups of one kind at once, with the keeper chosen and why."""
    kind = request.GET.get("kind", "")
    if kind == groups.SAME_FILE:
        return _same_files(request)
    try:
        context = _listing(request, request.GET)
    except BadCursor:
        return redirect("duplicates")
    if request.htmx and request.GET.get("cursor"):
        return vary_on_htmx(render(request, "search/duplicates/_groups.html", context))
    did = request.GET.get("did", "")
    if did:
        context["note"] = _note(request, did)
    return _page(request, context)


def _note(request: PageRequest, batch: str) -> Note | None:
    try:
        return wording.note_of(request.user, uuid.UUID(batch))
    except ValueError:
        return None


def _page(request: PageRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    context |= {"progress": compare.progress(request.user), "criteria": _criteria(request)}
    return vary_on_htmx(render(request, "search/duplicates/review.html", context, status=status))


def _listing(request: PageRequest, form: QueryDict, *, limit: int = PAGE) -> dict[str, Any]:
    """Return what the list of groups shows; raises `BadCursor` for a made-up address."""
    totals = groups.totals(request.user)
    one, kind, sort = form.get("group", ""), form.get("kind", ""), form.get("sort") or "bytes"
    if one:
        page = groups.Page(_only(request, one), None)
        kind = page.groups[0].group.kind if page.groups else kind
    kind = kind or wording.opening_kind(totals)
    if not one:
        page = groups.page(
            request.user, kind, sort=sort, cursor=form.get("cursor", ""), limit=limit
        )
    tabs = wording.tabs(totals)
    tab = next((tab for tab in tabs[1:] if tab.kind == kind), tabs[1])
    decisions = Resolution.objects.visible_to(request.user).filter(kind=kind)
    return {
        "tabs": tabs,
        "tab": tab,
        "kind": tab.kind,
        "sort": sort,
        "groups": page.groups,
        "next": page.next,
        "one": one,
        "sorts": _SORTS.items(),
        "decided_before": not page.groups and decisions.exists(),
    }


def _only(request: PageRequest, group_id: str) -> list[groups.Shown]:
    try:
        found = groups.shown(request.user, uuid.UUID(group_id))
    except ValueError:
        raise BadCursor("There is no such group.") from None
    return [found] if found else []


def _criteria(request: PageRequest) -> dict[str, Any]:
    chosen = keeper.criteria_of(request.user)
    order = [(name, keeper.CRITERIA[name]) for name in chosen.order]
    return {"order": order, "pattern": chosen.pattern}


def _same_files(request: PageRequest) -> HttpResponseBase:
    """The files that were not stored because the same bytes were here: a list, or CSV of it."""
    if request.GET.get("format") == "csv":
        today = timezone.localdate().isoformat()
        return StreamingHttpResponse(
            skipped_csv.as_csv(request.user, request.build_absolute_uri),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="skipped-files-{today}.csv"'},
        )
    try:
        rows, following = groups.skipped(
            request.user, cursor=request.GET.get("cursor", ""), limit=_ROWS
        )
    except BadCursor:
        return redirect("duplicates")
    tabs = wording.tabs(groups.totals(request.user))
    context = {
        "tabs": tabs,
        "tab": next(tab for tab in tabs if tab.kind == groups.SAME_FILE),
        "kind": groups.SAME_FILE,
        "rows": rows,
        "next": following,
    }
    if request.htmx:
        return vary_on_htmx(render(request, "search/duplicates/_skipped.html", context))
    context["progress"] = compare.progress(request.user)
    return vary_on_htmx(render(request, "search/duplicates/review.html", context))


@require_safe
@login_required
def progress(request: PageRequest) -> HttpResponse:
    """How far the search for duplicates is, asked for again and again."""
    if request.GET.get("only") == "count":
        open_groups = DuplicateGroup.objects.visible_to(request.user).count()
        response = HttpResponse(f"{open_groups:,}" if open_groups else "")
    else:
        kind = request.GET.get("kind", "")
        context = {
            "progress": compare.progress(request.user),
            "tabs": wording.tabs(groups.totals(request.user)),
            "kind": kind if kind in wording.KINDS else "",
        }
        response = render(request, "search/duplicates/_progress.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@login_required
def find(request: PageRequest) -> HttpResponse:
    """Search all photos for duplicates anew."""
    model = EmbeddingModel.objects.active()
    if model is None:
        messages.info(request, "Photos can be compared once the model is loaded.")
        return _back(request)
    compare.request_sweep(model)
    photos_changed.send(sender=Photo)
    messages.success(request, "All photos are being compared again.")
    return _back(request)


def _back(request: PageRequest, **also: str) -> HttpResponseRedirect:
    """Go back to the list that the form was on."""
    kept = {name: request.POST.get(name, "") for name in ("kind", "sort")} | also
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in kept.items() if value})
    return HttpResponseRedirect(f"{reverse('duplicates')}?{query.urlencode()}")


@require_POST
@login_required
def criteria(request: PageRequest) -> HttpResponse:
    """Change what decides which photo is kept."""
    chosen = keeper.criteria_of(request.user)
    order = request.POST.getlist("order") or chosen.order
    order = _moved(order, request.POST.get("move", ""))
    try:
        keeper.set_criteria(request.user, order, request.POST.get("pattern", chosen.pattern))
    except keeper.BadCriteria as error:
        return _refused(request, str(error))
    return _listed_again(request, None, tuning=True) if request.htmx else _back(request)


def _moved(order: list[str], move: str) -> list[str]:
    """Return the order with one name a place further up or down, as in "albums up"."""
    name, _, way = move.partition(" ")
    if name not in order:
        return order
    at = order.index(name)
    to = min(max(at + {"up": -1, "down": 1}.get(way, 0), 0), len(order) - 1)
    order = [one for one in order if one != name]
    return [*order[:to], name, *order[to:]]


def _listed_again(request: PageRequest, note: Note | None, *, tuning: bool = False) -> HttpResponse:
    """Answer htmx with the whole list anew, as far as it was unrolled.

    While the criteria are being tuned, their panel stays open.
    """
    loaded = request.POST.get("loaded", "")[:9]  # Python reads no number of 4,301 digits.
    limit = min(max(int(loaded), PAGE), _AT_ONCE) if loaded.isdecimal() else PAGE
    try:
        context = _listing(request, request.POST, limit=limit)
    except BadCursor:
        return _not_understood(request)
    context |= {"note": note, "criteria": _criteria(request), "again": True, "tuning": tuning}
    context["progress"] = compare.progress(request.user)
    return vary_on_htmx(render(request, "search/duplicates/_review.html", context))


def _refused(request: PageRequest, text: str) -> HttpResponse:
    """Show the list again with why what was sent is not done."""
    note = Note(text.rstrip("."))
    if request.htmx:
        return _listed_again(request, note)
    try:
        context = _listing(request, request.POST)
    except BadCursor:
        return _not_understood(request)
    return _page(request, context | {"note": note}, 400)


def _not_understood(request: PageRequest) -> HttpResponse:
    """Answer a form that holds what no page of the gallery sends."""
    return render(request, "400.html", status=400)


@require_POST
@login_required
def resolve(request: PageRequest, group_id: uuid.UUID) -> HttpResponse:
    """Decide one group: keep some, stack all, or say that they are not the same."""
    try:
        action, seen, keep = forms.decision(request.POST)
        made = resolving.resolve(request.user, group_id, action, seen=seen, keep=keep)
    except forms.BadForm:
        if groups.shown(request.user, group_id) is None:
            raise Http404 from None
        return _not_understood(request)
    except resolving.Changed as changed:
        return _still_open(request, group_id, changed.message.rstrip("."), 409)
    except resolving.NothingKept:
        return _still_open(request, group_id, _KEEP_ONE, 400)
    except DuplicateGroup.DoesNotExist:
        raise Http404 from None
    if not request.htmx:
        return _back(request, did=str(made.batch))
    note = wording.note_of(request.user, made.batch)
    return _in_place(request, {"note": note, "made": made})


def _still_open(request: PageRequest, group_id: uuid.UUID, text: str, status: int) -> HttpResponse:
    """Say why a group was not decided, and show it as it is now, if it is still there."""
    kind, seen = request.POST.get("kind", ""), forms.ids(request.POST.getlist("seen"))
    group = groups.shown(request.user, group_id) or _group_with(request, kind, seen)
    if request.htmx:
        return _in_place(request, {"note": Note(text), "shown": group})
    try:
        context = _listing(request, request.POST)
    except BadCursor:
        return _not_understood(request)
    return _page(request, context | {"note": Note(text)}, status)


def _in_place(request: PageRequest, context: dict[str, Any]) -> HttpResponse:
    """Answer htmx with what stands in the place of one group, and the new figures of the tabs."""
    kind = request.POST.get("kind", "")
    context |= {
        "kind": kind,
        "sort": request.POST.get("sort", ""),
        "tabs": wording.tabs(groups.totals(request.user)),
    }
    return vary_on_htmx(render(request, "search/duplicates/_in_place.html", context))


@require_POST
@login_required
def resolve_many(request: PageRequest) -> HttpResponse:
    """Decide many groups in the same way at once: first asked with figures, then done."""
    try:
        wish = forms.read(request.user, request.POST)
    except forms.BadForm:
        return _not_understood(request)
    if "sure" not in request.POST:
        return _ask(request, wish)
    batch = forms.carry_out(request.user, wish)
    note = wording.note_of(request.user, batch.id) or Note("Nothing was left to decide")
    if batch.skipped:
        left = wording.plural(batch.skipped, "group")
        note = Note(f"{note.text}. {left} had changed meanwhile and stayed.", note.batch)
    if request.htmx:
        return _listed_again(request, note)
    if batch.skipped:
        messages.info(request, note.text)
    return _back(request, did=str(batch.id))


def _ask(request: PageRequest, wish: forms.Wish) -> HttpResponse:
    """Say in figures what a wish would come to, with the buttons to do it or not."""
    context = {
        "wish": wish,
        "figures": forms.figures(request.user, wish),
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
        entries, following = resolving.history(request.user, cursor=cursor, limit=30)
    except BadCursor:
        return redirect("duplicates-history")
    context = {"entries": entries, "next": following, "cursor": cursor, "kept_days": KEPT_DAYS}
    part = "_history.html" if request.htmx and cursor else "history.html"
    return vary_on_htmx(render(request, f"search/duplicates/{part}", context))


@require_POST
@login_required
def undo(request: PageRequest, batch: uuid.UUID) -> HttpResponse:
    """Undo the decisions that were taken together."""
    made = Resolution.objects.visible_to(request.user).filter(batch=batch).first()
    try:
        undone = resolving.undo(request.user, batch)
    except Resolution.DoesNotExist:
        raise Http404 from None
    text = wording.came_back(restored=undone.restored, missing=undone.missing)
    at = request.POST.get("at", "")
    if request.htmx and at == "group":
        again = _group_with(request, made.kind, [made.keeper_id]) if made else None
        return _in_place(request, {"note": Note(text), "shown": again})
    if request.htmx and at == "list":
        return _listed_again(request, Note(text))
    if request.htmx:
        return render(request, "search/duplicates/_undone.html", {"text": text})
    messages.success(request, f"{text}.")
    return redirect("duplicates-history") if at == "history" else _back(request)


def _group_with(
    request: PageRequest, kind: str, photos: Collection[uuid.UUID | None]
) -> groups.Shown | None:
    """Return a group of one of the photos: another one now, after they were grouped anew."""
    mine = DuplicateGroup.objects.visible_to(request.user).filter(kind=kind)
    found = mine.filter(members__photo__in=photos).values_list("pk", flat=True).first()
    return groups.shown(request.user, found) if found else None


@require_safe
@login_required
def of_photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """The duplicates and similar shots of one photo."""
    photo = get_photo(request, photo_id)
    found = groups.alike(request.user, photo.pk)
    kinds = [
        (tab, [one for one in found if one.kind == tab.kind])
        for tab in wording.tabs({})
        if tab.kind != groups.SAME_FILE
    ]
    context = {
        "photo": photo,
        "this": groups.Alike(photo, "", 1.0, "", None),
        "kinds": [(tab, rows) for tab, rows in kinds if rows],
        "skipped": SkippedFile.objects.filter(photo=photo).order_by("-skipped_at")[:20],
        "progress": compare.progress(request.user),
    }
    return render(request, "search/duplicates/of_photo.html", context)
