"""The pages of evaluations: asking for one, what came out, and the photos of a cell."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import audit
from gallery.models import Deed, Photo
from gallery.sign_in_limits import client_address
from gallery.slices import SLICE
from gallery.user_errors import UserError
from gallery.views import PageRequest, vary_on_htmx
from gallery.views.pages import photos_by_day
from search.understanding.directions import TITLES, Style
from search.understanding.evaluation import report as reports, runs, truth as truths
from search.understanding.evaluation.matrix import matrix
from search.understanding.models import EvaluationRun, LabelSet

_FILE_LIMIT = 20 * 1024 * 1024  # bytes of a CSV file


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def evaluations(request: PageRequest) -> HttpResponse:
    """All evaluations, and a form for a new one; POST asks for it."""
    problem, status = "", 200
    if request.method == "POST":
        try:
            return redirect("evaluation", _ask(request).pk)
        except UserError as error:
            problem, status = error.message, error.status
    own = EvaluationRun.objects.visible_to(request.user)
    context = {
        "runs": own.defer("truth", "report"),
        "sets": LabelSet.objects.visible_to(request.user).order_by("name"),
        "chosen": request.POST.get("set") or request.GET.get("set", ""),
        "source": request.POST.get("source", EvaluationRun.Source.ALBUMS),
        "sources": EvaluationRun.Source.choices[:-1],
        "problem": problem,
    }
    return render(request, "understanding/evaluations.html", context, status=status)


def _ask(request: PageRequest) -> EvaluationRun:
    label_set = _chosen_set(request)
    source = request.POST.get("source", "")
    if source == EvaluationRun.Source.FILE:
        file = request.FILES.get("file")
        if (refused := getattr(request, "upload_refused", None)) is not None:
            raise refused
        if file is None:
            raise UserError(_("Choose a CSV file."), code="no_file")
        if (file.size or 0) > _FILE_LIMIT:
            raise UserError(_("The file has more than 20 MB."), code="too_large", status=413)
        truth = truths.of_file(request.user, label_set, file.read())
    elif source in EvaluationRun.Source.values[:3]:
        truth = truths.of_source(request.user, label_set, source)
    else:
        raise UserError(_("Choose where the truth comes from."), code="bad_parameter")
    return runs.ask(request.user, label_set, source, truth, list(Style))


def _chosen_set(request: PageRequest) -> LabelSet:
    try:
        wanted = uuid.UUID(request.POST.get("set", ""))
        return LabelSet.objects.visible_to(request.user).get(pk=wanted)
    except (ValueError, LabelSet.DoesNotExist):
        raise UserError(_("Choose a set of labels."), code="bad_parameter") from None


@require_safe
@login_required
def evaluation(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """One evaluation: its progress, or its columns and where one of them (`column`) is wrong."""
    run = _get(request, run_id)
    if run.is_open:
        runs.go_on()
    context: dict[str, Any] = {
        "run": run,
        "skipped": truths.skipped_sentences(run.skipped),
        "percent": round(100 * run.done_share),
    }
    if run.report:
        context |= _report_context(run, run.report, request.GET.get("column", ""))
    part = "understanding/_evaluation.html"
    template = part if request.htmx else "understanding/evaluation.html"
    return vary_on_htmx(render(request, template, context))


def _report_context(run: EvaluationRun, report: reports.Report, wanted: str) -> dict[str, Any]:
    columns = reports.columns(report)
    best = _best(report["columns"])
    place = int(wanted) if wanted.isascii() and wanted.isdecimal() else best
    place = place if place < len(columns) else best
    names, chosen = report["labels"], columns[place]
    labels = [
        (name, figures)
        for name, figures in zip(names, chosen["per_label"], strict=True)
        if figures["count"]
    ]
    return {
        "columns": [
            (at, _title(report, at), column, at == best) for at, column in enumerate(columns)
        ],
        "several_models": len({column["model"] for column in columns}) > 1,
        "place": place,
        "title": _title(report, place),
        "chosen": chosen,
        "labels": sorted(labels, key=lambda each: (each[1]["top1"], each[0])),
        "matrix": matrix(report, chosen),
        "probe": report.get("probe"),
        "unread": report.get("unread", []),
        "style": run.set.style if run.set else "",
        "photos": len(report["photos"]),
        "styles": len(report["columns"]),
    }


def _best(columns: Sequence[Mapping[str, Any]]) -> int:
    """Return the column of the active model, which comes first, with the most right labels."""
    own = [at for at, column in enumerate(columns) if column["model"] == columns[0]["model"]]
    return max(own, key=lambda at: columns[at]["top1"])


def _title(report: reports.Report, place: int) -> str:
    if place >= len(report["columns"]):
        return _("As Scry labels")
    return str(TITLES[Style(report["columns"][place]["style"])])


@require_safe
@login_required
def evaluation_photos(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """The photos of one cell of a confusion matrix: `column`, `truth` and `said`, by place."""
    run = _get(request, run_id)
    report = run.report or {}
    try:
        place, right, said = (
            int(request.GET.get(name, "")) for name in ("column", "truth", "said")
        )
        column = reports.columns(report)[place]
        names = report["labels"][right], report["labels"][said]
    except (ValueError, IndexError, KeyError):
        raise Http404 from None
    ids = reports.photos_of(report, column, right, said)[:SLICE]
    photos = Photo.objects.visible_to(request.user).filter(pk__in=ids)
    context = {"run": run, "right": names[0], "said": names[1], "place": place}
    return photos_by_day(request, photos, "understanding/evaluation_photos.html", context)


@require_safe
@login_required
def evaluation_csv(request: PageRequest, run_id: uuid.UUID) -> HttpResponseBase:
    """What each column says of each photo, as CSV."""
    run = _get(request, run_id)
    if not run.report:
        raise Http404
    audit.note(Deed.EXPORTED, request.user, address=client_address(request), detail="evaluation")
    return StreamingHttpResponse(
        reports.csv_lines(request.user, run.report),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="evaluation-{run.pk}.csv"'},
    )


@require_POST
@login_required
def use_style(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """Word the labels of the set in a style from now on."""
    run = _get(request, run_id)
    style = request.POST.get("style", "")
    if run.set is None:
        messages.error(request, _("The set was deleted."))
    elif style in {each.value for each in Style}:
        run.set.style = style
        run.set.save(update_fields=["style"])
        message = _("The labels of %(name)s are now worded like this: %(style)s.")
        values = {"name": run.set.name, "style": TITLES[Style(style)]}
        messages.success(request, message % values)
    return redirect("evaluation", run.pk)


@require_POST
@login_required
def remove_evaluation(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """Remove an evaluation; photos, labels and the set stay."""
    _get(request, run_id).delete()
    return redirect("evaluations")


def _get(request: PageRequest, run_id: uuid.UUID) -> EvaluationRun:
    own = EvaluationRun.objects.visible_to(request.user).select_related("set")
    return get_object_or_404(own, pk=run_id)
