"""The pages on which people teach tags."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.db.models.functions import Lower
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import marks
from gallery.alternative_texts import describe
from gallery.models import EmbeddingModel, Photo, Tag
from gallery.models.photo_library import TAG_LIMIT
from gallery.names import BadName
from gallery.user_errors import UserError
from gallery.views import PageRequest, uuids, vary_on_htmx
from search.understanding.lessons import suggestions, tagging, teaching
from search.understanding.lessons.answers import Answers, answers_of
from search.understanding.lessons.ranking import Ranking, ranking_of
from search.understanding.models import Lesson, TaggingAct
from search.understanding.models.lessons import WORDS_LIMIT

EXAMPLES_SHOWN = 60
"""Examples of each kind on the page, the latest first."""
_SKIPPED = 500  # photos that a form may name as skipped
_ANSWERS = ("yes", "no", "forget")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def lessons(request: PageRequest) -> HttpResponse:
    """All tags that are taught; POST begins with one, which is made if there is none."""
    problem = ""
    if request.method == "POST":
        try:
            return redirect(
                "lesson", teaching.begin(request.user, request.POST.get("name", "")).tag
            )
        except BadName as error:
            problem = error.message
    rows = Lesson.objects.visible_to(request.user).select_related("tag")
    counted = rows.annotate(
        yes=Count("examples", Q(examples__yes=True)), no=Count("examples", Q(examples__yes=False))
    )
    context = {
        "lessons": counted.order_by(Lower("tag__name"), "tag__name"),
        "tags": marks.tags_in_use(request.user),
        "problem": problem,
        "typed": request.POST.get("name", ""),
        "tag_limit": TAG_LIMIT,
    }
    return render(request, "understanding/lessons.html", context, status=400 if problem else 200)


@require_safe
@login_required
def lesson(request: PageRequest, name: str) -> HttpResponse:
    """What a tag was taught, and photos to answer."""
    row = _get_lesson(request, name)
    return _page(request, row)


def _page(request: PageRequest, row: Lesson, problem: str = "", status: int = 200) -> HttpResponse:
    answers, ranking = answers_of(row), _ranking(row)
    acts, _more = tagging.history(request.user, lesson=row, limit=10)
    context = _figures(row, answers, ranking) | {
        "asked": suggestions.strip(request.user, row, ranking) if ranking else [],
        "examples": _examples(request, answers.yes),
        "refused": _examples(request, answers.no),
        "boxed": answers.boxed,
        "acts": acts,
        "problem": problem,
        "words_limit": WORDS_LIMIT,
    }
    return vary_on_htmx(render(request, "understanding/lesson.html", context, status=status))


def _figures(row: Lesson, answers: Answers, ranking: Ranking | None) -> dict[str, Any]:
    """Return what the line of figures says, which is drawn anew after each answer."""
    return {
        "lesson": row,
        "name": row.tag.name,
        "ranking": ranking,
        "yes": len(answers.yes),
        "no": len(answers.no),
        "model": EmbeddingModel.objects.active(),
        "may_be_live": len(answers.yes) >= teaching.LIVE_YES
        and len(answers.no) >= teaching.LIVE_NO,
        "live_yes": teaching.LIVE_YES,
        "live_no": teaching.LIVE_NO,
        "disagrees": ranking is not None and not tagging.agrees(ranking),
        "words_fit": ranking is None or ranking.meaning is None or ranking.meaning >= 0.5,
    }


def _examples(request: PageRequest, photo_ids: list[uuid.UUID]) -> list[Photo]:
    latest = photo_ids[::-1][:EXAMPLES_SHOWN]
    photos = Photo.objects.visible_to(request.user).in_bulk(latest)
    describe(list(photos.values()))
    return [photos[photo_id] for photo_id in latest if photo_id in photos]


@require_safe
@login_required
def strip(request: PageRequest, name: str) -> HttpResponse:
    """Photos to answer next, without those in `skip`."""
    row = _get_lesson(request, name)
    ranking = _ranking(row)
    skipped = uuids(request.GET.getlist("skip")[:_SKIPPED])
    asked = suggestions.strip(request.user, row, ranking, skipped) if ranking else []
    context = {"name": row.tag.name, "asked": asked, "ranking": ranking, "skipped": skipped}
    return render(request, "understanding/_strip.html", context)


@require_POST
@login_required
def answer(request: PageRequest, name: str) -> HttpResponse:
    """Say that a photo shows what is taught, that it does not, or take that back."""
    row = _get_lesson(request, name)
    photo_ids = uuids([request.POST.get("photo", "")])
    given = request.POST.get("answer", "")
    if not photo_ids or given not in _ANSWERS:
        return render(request, "400.html", status=400)
    try:
        _take(request, row, photo_ids, given)
    except UserError as error:
        return _refused(request, row, error)
    if not request.htmx:
        return redirect("lesson", row.tag.name)
    row = _get_lesson(request, name)
    return render(
        request, "understanding/_figures.html", _figures(row, answers_of(row), _ranking(row))
    )


def _take(request: PageRequest, row: Lesson, photo_ids: list[uuid.UUID], given: str) -> None:
    if given == "forget":
        teaching.forget(row, photo_ids)
        return
    yes, no = (photo_ids, []) if given == "yes" else ([], photo_ids)
    box = request.POST.get("box", "") if yes else ""
    boxes = {photo_ids[0]: _numbers(box)} if box else {}
    teaching.teach(request.user, row.tag.name, yes, no, boxes)


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        return []


def _refused(request: PageRequest, row: Lesson, error: UserError) -> HttpResponse:
    """Say why something was refused, on the page or to htmx."""
    if request.htmx:
        context = {"problem": error.message}
        return vary_on_htmx(render(request, "understanding/_problem.html", context), error.status)
    return _page(request, row, error.message, error.status)


@require_POST
@login_required
def accept(request: PageRequest, name: str) -> HttpResponse:
    """Put the tag on all photos that surely show it; without `sure`, ask first."""
    row = _get_lesson(request, name)
    ranking = _ranking(row)
    sure = ranking.sure_ids() if ranking else []
    if "sure" not in request.POST:
        context = {
            "name": row.tag.name,
            "count": len(sure),
            "covers": _examples(request, sure[:12][::-1]),
            "weakest": _examples(request, sure[12:][-12:]),
        }
        return render(request, "understanding/accept.html", context)
    act = tagging.accept_sure(row, ranking) if ranking else None
    number = act.photos.count() if act else 0
    said = ngettext(
        "%(count)d photo got the tag %(name)s. You can undo this below.",
        "%(count)d photos got the tag %(name)s. You can undo this below.",
        number,
    )
    messages.success(request, said % {"count": number, "name": row.tag.name})
    return redirect(f"{reverse('lesson', args=[row.tag.name])}#acts")


@require_POST
@login_required
def change(request: PageRequest, name: str) -> HttpResponse:
    """Change the words of a tag (`words`), or switch it to live or back (`live`)."""
    row = _get_lesson(request, name)
    try:
        if "words" in request.POST:
            teaching.describe(row, request.POST["words"])
        if request.POST.get("live") in {"0", "1"}:
            answers = answers_of(row)
            live = request.POST["live"] == "1"
            teaching.set_live(row, live=live, yes=len(answers.yes), no=len(answers.no))
    except UserError as error:
        return _page(request, row, error.message, error.status)
    return redirect("lesson", row.tag.name)


@require_POST
@login_required
def undo(request: PageRequest, act_id: uuid.UUID) -> HttpResponse:
    """Take the tag off the photos that got it together."""
    act = TaggingAct.objects.visible_to(request.user).filter(pk=act_id).first()
    if act is None:
        raise Http404
    number = tagging.undo(request.user, act.pk)
    said = ngettext("%(count)d photo lost the tag.", "%(count)d photos lost the tag.", number)
    messages.success(request, said % {"count": number})
    return redirect("lesson", act.lesson.tag.name)


def _get_lesson(request: PageRequest, name: str) -> Lesson:
    try:
        return teaching.find_lesson(request.user, name)
    except (Tag.DoesNotExist, BadName):
        raise Http404 from None


def _ranking(row: Lesson) -> Ranking | None:
    model = EmbeddingModel.objects.active()
    return ranking_of(row, model) if model else None
