"""The evaluations part of the API: how well the labels of a set are told."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Body, Field, Router, Schema, Status

from gallery.api.described import one_of
from gallery.api.errors import ErrorOut, In
from gallery.user_errors import UserError
from search.understanding.directions import Style
from search.understanding.evaluation import report as reports, runs, truth as truths
from search.understanding.evaluation.columns import Task, evaluate
from search.understanding.models import EvaluationRun, LabelSet
from search.understanding.sentences.readiness import answering_model

router = Router(tags=["evaluations"])

_ERRORS = frozenset({400, 401, 404, 409, 503})
AT_ONCE = 1_000
"""Photos that are evaluated while a request waits."""


class EvaluationIn(In):
    """A set, the name of the label of each photo by its id, and styles (default: all)."""

    set: uuid.UUID
    truth: Annotated[dict[str, str], Field(json_schema_extra={"minProperties": 1})]
    styles: list[Annotated[str, one_of(Style)]] = Field([], max_length=20)


class SkippedOut(Schema):
    """How many photos, lines or labels were left out, and the first 100 of them."""

    count: int
    names: list[str]


class LabelFiguresOut(Schema):
    """Photos with a label, how often it is among the first k for them, and its precision."""

    count: int
    top1: float | None
    top3: float | None
    top5: float | None
    precision: float | None


class ResultOut(Schema):
    """One style with one model: shares from 0 to 1, their 95 % intervals, and the confusion."""

    style: str
    model: str
    count: int
    top1: float
    top3: float
    top5: float
    intervals: dict[str, list[float]]
    per_label: dict[str, LabelFiguresOut]
    confusion: dict[str, dict[str, int]]


class ProbeOut(Schema):
    """A linear probe: shares of photos whose label it says first, in training and test."""

    model: str
    train: float
    test: float
    train_count: int
    test_count: int
    labels: int
    left_out: int
    strength: float


class UnreadOut(Schema):
    """A model that could not be loaded, and why."""

    model: str
    reason: str


class ResultsOut(Schema):
    """The results by style and model, that of the labels as Scry gives them, and the probe."""

    results: list[ResultOut]
    labelled: ResultOut | None
    probe: ProbeOut | None
    unread: list[UnreadOut]
    skipped: dict[str, SkippedOut]


class AcceptedOut(Schema):
    """An evaluation that is computed in the background."""

    id: uuid.UUID
    state: str


class RunOut(AcceptedOut):
    """The state of an evaluation, why it failed, and its results once it is done."""

    reason: str
    done_share: float
    results: list[ResultOut] | None = None
    labelled: ResultOut | None = None
    probe: ProbeOut | None = None
    unread: list[UnreadOut] = []
    skipped: dict[str, SkippedOut] = {}


@router.post("/evaluations", response={200: ResultsOut, 202: AcceptedOut, _ERRORS: ErrorOut})
def start_evaluation(request: HttpRequest, body: Body[EvaluationIn]) -> Any:
    """Evaluate a set; of more than 1,000 photos in the background, with 202."""
    label_set = _set(request, body.set)
    styles = runs.styles_of(body.styles)
    answering_model()
    truth = truths.of_photos(request.user, label_set, body.truth)
    if len(truth.labels) > AT_ONCE:
        run = runs.ask(request.user, label_set, EvaluationRun.Source.SCRIPT, truth, styles)
        return Status(202, {"id": run.pk, "state": run.state})
    report = evaluate(Task.of(request.user, label_set, truth.labels), styles)
    return reports.results(report) | {"skipped": truth.summary() | report["skipped"]}


@router.get("/evaluations/{uuid:run_id}", response={200: RunOut, 404: ErrorOut})
def evaluation(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Return the state of an evaluation, and its results once it is done."""
    run = get_object_or_404(EvaluationRun.objects.visible_to(request.user), pk=run_id)
    if run.is_open:
        runs.go_on()
    told = {"id": run.pk, "state": run.state, "reason": run.reason, "done_share": run.done_share}
    return told | (reports.results(run.report) if run.report else {}) | {"skipped": run.skipped}


def _set(request: HttpRequest, set_id: uuid.UUID) -> LabelSet:
    found = LabelSet.objects.visible_to(request.user).filter(pk=set_id).first()
    if found is None:
        raise UserError(_("There is no such label set."), code="not_found", status=404)
    return found
