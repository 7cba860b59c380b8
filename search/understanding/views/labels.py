"""The pages of label sets: all sets, one set, one label with its photos; and a photo's labels."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery.alternative_texts import describe
from gallery.models import EmbeddingModel
from gallery.user_errors import UserError
from gallery.views import PageRequest, get_photo, vary_on_htmx
from search.understanding.labels import (
    albums,
    hits,
    label_sets,
    pasting,
    projection,
    ranking,
    verdicts,
)
from search.understanding.labels.presets import PRESETS
from search.understanding.labels.projection import State
from search.understanding.models import Kind, Label, LabelSet
from search.understanding.models.labels import LABEL_LIMIT, NAME_LIMIT

PAGE = 60
"""Photos of a label on a page."""
ASKED = 8
"""Photos that a label's page asks about."""
_ANSWERS = {"yes": True, "no": False, "clear": None}


@dataclass(frozen=True)
class Branch:
    """A label in its tree, how deep it lies, and how many photos have it."""

    label: Label
    depth: int
    count: int


# --- sets -----------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def sets(request: PageRequest) -> HttpResponse:
    """All label sets, and the form that makes one from a list or a preset."""
    if request.method != "POST":
        return _sets_page(request, _filled(request.GET.get("preset", "")))
    typed = {name: request.POST.get(name, "") for name in ("name", "kind", "labels")}
    try:
        kind = typed["kind"] if typed["kind"] in Kind.values else Kind.ANY_OF
        labels = pasting.read(typed["labels"])
        made = label_sets.make(request.user, typed["name"], kind, labels)
    except UserError as error:
        return _sets_page(request, typed, error)
    _prepared(request, made)
    return redirect("label-set", made.pk)


def _filled(key: str) -> dict[str, Any]:
    preset = PRESETS.get(key)
    if preset is None:
        return {"kind": Kind.ANY_OF}
    return {
        "name": preset.title, "kind": preset.kind, "labels": preset.text, "preset": preset,
    }  # fmt: skip


def _sets_page(
    request: PageRequest, typed: dict[str, Any], error: UserError | None = None
) -> HttpResponse:
    model = EmbeddingModel.objects.active()
    listed = label_sets.listed(request.user)
    context = {
        "sets": [(row, hits.photos_with_any(row, model)) for row in listed],
        "typed": typed,
        "problem": error.message if error else "",
        "presets": PRESETS.values(),
        "kinds": Kind.choices,
        "name_limit": NAME_LIMIT,
    }
    status = error.status if error else 200
    return render(request, "understanding/label_sets.html", context, status=status)


@require_safe
@login_required
def label_set(request: PageRequest, set_id: uuid.UUID) -> HttpResponse:
    """One set: its labels in their tree, with live counts."""
    return _set_page(request, _own_set(request, set_id))


def _set_page(
    request: PageRequest, row: LabelSet, typed: str = "", error: UserError | None = None
) -> HttpResponse:
    state = _prepared(request, row)
    counts = hits.counts(row, EmbeddingModel.objects.active())
    context = {
        "set": row,
        "branches": _branches(list(row.labels.all()), counts),
        "text": typed or label_sets.as_text(row),
        "problem": error.message if error else "",
        "name_limit": NAME_LIMIT,
        **state,
    }
    if request.htmx:
        return vary_on_htmx(render(request, "understanding/_label_tree.html", context))
    status = error.status if error else 200
    page = render(request, "understanding/label_set.html", context, status=status)
    return vary_on_htmx(page)


def _prepared(request: PageRequest, row: LabelSet) -> dict[str, Any]:
    """Bring hits up to date; return how far they are, and what is in the way."""
    try:
        progress = projection.prepare(request.user, row)
    except UserError as error:
        return {"waiting": True, "why": error.message}
    return {"waiting": progress.state == State.PREPARING, "progress": progress}


def _branches(labels: list[Label], counts: dict[uuid.UUID, int]) -> list[Branch]:
    """Return the labels with each below its parent; siblings keep their order."""
    children: dict[uuid.UUID | None, list[Label]] = {}
    for label in labels:
        children.setdefault(label.parent_id, []).append(label)
    found: list[Branch] = []
    waiting = [(label, 0) for label in reversed(children.get(None, []))]
    while waiting:
        label, depth = waiting.pop()
        found.append(Branch(label, depth, counts.get(label.pk, 0)))
        waiting += [(child, depth + 1) for child in reversed(children.get(label.pk, []))]
    return found


@require_POST
@login_required
def change_set(request: PageRequest, set_id: uuid.UUID) -> HttpResponse:
    """Remove a set (`remove`), rename it (`name`), or give it other labels (`labels`)."""
    row = _own_set(request, set_id)
    if "remove" in request.POST:
        row.delete()
        text = _("The label set %(name)s was removed. Its photos stay in the gallery.")
        messages.success(request, text % {"name": row.name})
        return redirect("label-sets")
    try:
        if "labels" in request.POST:
            label_sets.change(row, pasting.read(request.POST["labels"]))
        if "name" in request.POST:
            label_sets.rename(row, request.POST["name"])
    except UserError as error:
        return _set_page(request, _own_set(request, set_id), request.POST.get("labels", ""), error)
    return redirect("label-set", row.pk)


# --- one label ------------------------------------------------------------------------------------


@require_safe
@login_required
def label(request: PageRequest, set_id: uuid.UUID, label_id: uuid.UUID) -> HttpResponse:
    """The photos of a label, the surest first; with `step`, the photos around another cut."""
    row = _own_label(request, set_id, label_id)
    if request.htmx and "after" in request.GET:
        context = _photos(request, row)
        return vary_on_htmx(render(request, "understanding/_labelled_more.html", context))
    state = _prepared(request, row.set)
    cut = ranking.cut_of(request.user, row, _step(request)) if row.set.kind == Kind.ANY_OF else None
    context = {"set": row.set, "label": row, "cut": cut, **state}
    if cut is not None:
        describe([*cut.above, *cut.below])
    if request.htmx and cut is not None:
        return vary_on_htmx(render(request, "understanding/_label_cut.html", context))
    counts = hits.counts(row.set, EmbeddingModel.objects.active())
    asked = ranking.to_ask(request.user, row, ASKED) if cut is not None else []
    describe(asked)
    context |= _photos(request, row) | {
        "count": counts.get(row.pk, 0),
        "asked": asked,
        "precision": round(100 * (hits.precision(row, EmbeddingModel.objects.active()) or 0)),
        "answers": row.verdicts.count(),
        "label_limit": LABEL_LIMIT,
        "wordings": "; ".join(row.wordings),
    }
    return vary_on_htmx(render(request, "understanding/label.html", context))


def _step(request: PageRequest) -> int | None:
    text = request.GET.get("step", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _photos(request: PageRequest, row: Label) -> dict[str, Any]:
    model = EmbeddingModel.objects.active()
    after = request.GET.get("after", "")
    try:
        found, following = hits.photos_of(request.user, row, model, limit=PAGE, cursor=after)
    except UserError:
        found, following = [], None
    describe([one.photo for one in found])
    return {"photos": found, "next": following, "set": row.set, "label": row}


@require_POST
@login_required
def answer(request: PageRequest, set_id: uuid.UUID, label_id: uuid.UUID) -> HttpResponse:
    """Keep an answer (`said`: yes, no or clear) on a photo; htmx gets the buttons again."""
    row = _own_label(request, set_id, label_id)
    said = _ANSWERS.get(request.POST.get("said", ""))
    photo = get_photo(request, _uuid(request.POST.get("photo", "")))
    verdicts.answer(request.user, row, {photo.pk: said})
    if request.htmx:
        context = {"set": row.set, "label": row, "photo": photo, "yes": said}
        return vary_on_htmx(render(request, "understanding/_answer.html", context))
    if request.POST.get("from") == "photo":
        return redirect(photo)
    return redirect("label", set_id, label_id)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)


@require_POST
@login_required
def change_label(request: PageRequest, set_id: uuid.UUID, label_id: uuid.UUID) -> HttpResponse:
    """Put the cut by hand (`step`), leave it to the answers (`auto`), rename, or keep as album."""
    row = _own_label(request, set_id, label_id)
    try:
        if "auto" in request.POST:
            verdicts.set_cut(row, None)
        elif "step" in request.POST:
            step = request.POST["step"]
            steps = ranking.steps(request.user)
            at = min(int(step), len(steps) - 1) if step.isascii() and step.isdigit() else 0
            verdicts.set_cut(row, ranking.share(request.user, steps[at]))
        elif "keep" in request.POST:
            return redirect(albums.keep(request.user, row))
        elif "name" in request.POST:
            wordings = [part for part in request.POST.get("wordings", "").split(";") if part]
            label_sets.rename_label(row, request.POST["name"], wordings)
    except UserError as error:
        messages.error(request, error.message)
    return redirect("label", set_id, label_id)


# --- one photo ------------------------------------------------------------------------------------


@require_safe
@login_required
def labels_of_photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """The labels of a photo as chips with yes and no, for its page."""
    photo = get_photo(request, photo_id)
    model = EmbeddingModel.objects.active()
    sets = []
    for row in label_sets.listed(request.user):
        found = hits.labels_of(photo, row, model) if model else []
        if kept := [each for each in found if not _is_guess(row, each)]:
            sets.append((row, kept))
    context = {"photo": photo, "sets": sets}
    page = render(request, "understanding/_photo_labels.html", context)
    page["Cache-Control"] = "private, no-store"
    return page


def _is_guess(label_set: LabelSet, found: hits.PhotoLabel) -> bool:
    """The best label of a one-of set may be wrong altogether, which its weakness tells."""
    weak = found.confidence == hits.Confidence.WEAK
    return weak and found.yes is None and label_set.kind == Kind.ONE_OF


def _own_set(request: PageRequest, set_id: uuid.UUID) -> LabelSet:
    return get_object_or_404(LabelSet.objects.visible_to(request.user), pk=set_id)


def _own_label(request: PageRequest, set_id: uuid.UUID, label_id: uuid.UUID) -> Label:
    labels = Label.objects.select_related("set", "parent").filter(set=_own_set(request, set_id))
    return get_object_or_404(labels, pk=label_id)
