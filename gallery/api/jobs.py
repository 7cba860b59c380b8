"""The jobs part of the API: what the workers are at, pausing, trying again, checking the index."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from pydantic import StrictBool

from gallery.administrators import is_administrator, require_administrator
from gallery.api.described import one_of
from gallery.api.errors import ErrorOut, In
from gallery.models import IndexCheck, WorkerStatus, WorkKind
from gallery.sentences import told
from gallery.user_errors import UserError
from gallery.work import figures, index_checks, pauses
from gallery.work.failures import Failure, failures, retry_all

router = Router(tags=["jobs"])
_ERRORS = frozenset({400, 401, 403})


class JobOut(Schema):
    """One kind of work; `waiting` is null for what is no number of things.

    `state` is paused, working, waiting or idle. `rate` is in things a second, and `oldest`
    the seconds that the first in the queue has waited; both are for administrators.
    """

    kind: str
    title: str
    model: str
    state: str
    waiting: int | None
    active: int
    rate: float
    seconds_left: int | None
    oldest: int | None
    next_at: datetime | None


class FailedOut(Schema):
    """How many photos failed for one reason, and whether another try may help."""

    reason: str
    message: str
    model: str
    photos: int
    may_pass: bool


class WorkerOut(Schema):
    """A worker process and what it said last."""

    name: str
    alive: bool
    seen_at: datetime
    queues: list[str]
    model_key: str
    device: str
    device_reason: str
    detail: str


class CheckOut(Schema):
    """A check of the index; `recall` is from 0 to 1, null where nothing could be asked."""

    asked_at: datetime
    ended_at: datetime | None
    repair: bool
    recall: float | None
    queries: int
    searches: int
    missing: int
    orphans: int
    problem: str


class JobsOut(Schema):
    """What the workers are at; `workers`, `check` and `checking` are for administrators."""

    paused: list[str]
    jobs: list[JobOut]
    failed: list[FailedOut]
    workers: list[WorkerOut]
    check: CheckOut | None
    checking: CheckOut | None


class KindsIn(In):
    """The kinds of work to resume; null for all."""

    kinds: list[WorkKind] | None = None


class PauseIn(In):
    """The kinds of work to pause; null for all. Deletions cannot be paused."""

    kinds: list[Annotated[WorkKind, one_of(pauses.PAUSABLE)]] | None = None


class PausedOut(Schema):
    """The kinds of work that are paused now."""

    paused: list[str]


class RetryIn(In):
    """The reason whose photos are tried again; all if empty."""

    reason: str = ""


class RetriedOut(Schema):
    """How many photos are tried again."""

    count: int


class CheckIn(In):
    """Whether to put right what is found."""

    repair: StrictBool = False


@router.get("/jobs", response={200: JobsOut})
def list_jobs(request: HttpRequest) -> JobsOut:
    """Return the work that is left, what failed, and for administrators workers and index."""
    everybody = is_administrator(request.user)
    latest, waiting = (
        (index_checks.latest(), index_checks.unfinished()) if everybody else (None,) * 2
    )
    return JobsOut(
        paused=sorted(pauses.paused()),
        jobs=[_job_out(work) for work in figures.works(request.user)],
        failed=[_failed_out(failure) for failure in failures(request.user)],
        workers=[_worker_out(worker) for worker in figures.workers()] if everybody else [],
        check=_check_out(latest) if latest else None,
        checking=_check_out(waiting) if waiting else None,
    )


@router.post("/jobs/pause", response={200: PausedOut, _ERRORS: ErrorOut})
def pause(request: HttpRequest, body: PauseIn) -> PausedOut:
    """Have work rest in all workers, until somebody resumes it; uploads are still taken."""
    require_administrator(request.user)
    kinds = pauses.PAUSABLE if body.kinds is None else body.kinds
    if not set(kinds) <= set(pauses.PAUSABLE):
        raise UserError(_("Deletions cannot be paused."), code="bad_parameter")
    pauses.pause(kinds)
    return PausedOut(paused=sorted(pauses.paused()))


@router.post("/jobs/resume", response={200: PausedOut, _ERRORS: ErrorOut})
def resume(request: HttpRequest, body: KindsIn) -> PausedOut:
    """Let paused work go on."""
    require_administrator(request.user)
    pauses.resume(pauses.PAUSABLE if body.kinds is None else body.kinds)
    return PausedOut(paused=sorted(pauses.paused()))


@router.post("/jobs/retry", response={200: RetriedOut, _ERRORS: ErrorOut})
def retry(request: HttpRequest, body: RetryIn) -> RetriedOut:
    """Try failed photos again with which that may help; administrators those of all people."""
    return RetriedOut(count=retry_all(request.user, body.reason))


@router.post("/jobs/check", response={202: CheckOut, _ERRORS: ErrorOut})
def check(request: HttpRequest, body: CheckIn) -> Status[CheckOut]:
    """Ask for a check of the vector index, which a worker makes."""
    require_administrator(request.user)
    return Status(202, _check_out(index_checks.ask(repair=body.repair)))


def _job_out(work: figures.Work) -> JobOut:
    return JobOut(
        kind=work.kind,
        title=str(work.kind.label),
        model=work.model,
        state=work.state,
        waiting=work.waiting,
        active=work.active,
        rate=work.rate,
        seconds_left=work.seconds_left,
        oldest=work.oldest,
        next_at=work.next_at,
    )


def _failed_out(failure: Failure) -> FailedOut:
    return FailedOut(
        reason=failure.reason.value,
        message=str(failure.reason.label),
        model=failure.model,
        photos=failure.photos,
        may_pass=failure.may_pass,
    )


def _worker_out(worker: WorkerStatus) -> WorkerOut:
    return WorkerOut(
        name=worker.name,
        alive=figures.is_alive(worker),
        seen_at=worker.seen_at,
        queues=[queue for queue in worker.queues.split(",") if queue],
        model_key=worker.model_key,
        device=worker.device,
        device_reason=told(worker.device_reason),
        detail=told(worker.detail),
    )


def _check_out(check: IndexCheck) -> CheckOut:
    columns = CheckOut.model_fields
    values = {column: getattr(check, column) for column in columns}
    return CheckOut(**values | {"problem": told(check.problem)})
