"""The page that says what Scry is doing, and where it is paused, resumed and asked to try again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from gallery.administrators import is_administrator
from gallery.models import User, WorkKind
from gallery.templatetags.dates import moment
from gallery.templatetags.numbers import count, duration, rate
from gallery.views import PageRequest, administrators_only, vary_on_htmx
from gallery.work import figures, index_checks, pauses
from gallery.work.failures import failures, retry_all
from gallery.work.figures import Work

ABOUT = {
    WorkKind.EMBED: gettext_lazy("The model looks at each photo, so that descriptions find it."),
    WorkKind.PROJECT: gettext_lazy("Puts what the model saw where search looks it up."),
    WorkKind.COMPARE: gettext_lazy("Finds copies and similar shots."),
    WorkKind.MAPS: gettext_lazy("Lays out the map and groups photos into themes."),
    WorkKind.PARTS: gettext_lazy("Lets search find small things in large photos."),
    WorkKind.QUALITY: gettext_lazy("Measures how sharp and how well exposed photos are."),
    WorkKind.SENSITIVE: gettext_lazy("Suspects; only you decide. Nothing is hidden by it."),
    WorkKind.READ: gettext_lazy("Reads each file whole, so that damage on the disk is noticed."),
    WorkKind.LABEL: gettext_lazy("Finds the photos of each label of the label sets."),
    WorkKind.FOLDERS: gettext_lazy("Takes in what is new in watched and external folders."),
    WorkKind.BACKUP: gettext_lazy("Copies the gallery to another place."),
    WorkKind.REMOVE: gettext_lazy("Takes deleted photos out of search and off the disk."),
}


@dataclass(frozen=True)
class Row:
    """One kind of work on the page."""

    work: Work
    about: str
    may_pause: bool

    @property
    def sentence(self) -> str:
        """How far the work is, how fast it goes and how long it takes, in one sentence."""
        return ", ".join(_parts(self.work))


def _parts(work: Work) -> Iterator[str]:
    if work.waiting and work.total:
        done = {"done": count(max(work.total - work.waiting, 0)), "total": count(work.total)}
        yield _("%(done)s of %(total)s") % done
    elif work.waiting:
        yield _("%(number)s left") % {"number": count(work.waiting)}
    if work.state == "working" and work.rate:
        yield rate(work.rate)
    if work.seconds_left is not None:
        yield _("about %(time)s left") % {"time": duration(work.seconds_left)}
    yield from _state(work)


def _state(work: Work) -> Iterator[str]:
    if work.state == "paused":
        yield _("paused")
    elif work.state == "waiting":
        yield _("waits for its turn")
    elif work.state == "working" and not work.waiting:
        yield _("at work")
    elif work.state == "idle":
        when = work.next_at
        yield _("next: %(when)s") % {"when": moment(when)} if when else _("nothing to do")


@require_safe
@login_required
def jobs(request: PageRequest) -> HttpResponse:
    """What Scry is doing for this person; for an administrator, for all people."""
    context = _context(request.user)
    template = "gallery/_jobs.html" if request.htmx else "gallery/jobs.html"
    response = vary_on_htmx(render(request, template, context))
    response["Cache-Control"] = "no-store"
    return response


def _context(user: User) -> dict[str, Any]:
    administrator = is_administrator(user)
    works = figures.works(user)
    failed = failures(user)
    context = {
        "administrator": administrator,
        "rows": [
            Row(work, str(ABOUT[work.kind]), administrator and work.kind in pauses.PAUSABLE)
            for work in works
        ],
        "any_paused": any(work.is_paused for work in works),
        "all_paused": all(work.is_paused for work in works if work.kind in pauses.PAUSABLE),
        "working": any(work.state == "working" for work in works),
        "waiting": any(work.state == "waiting" for work in works),
        "failures": failed,
        "retryable": sum(failure.photos for failure in failed if failure.may_pass),
        "models": len({failure.model for failure in failed}),
    }
    return context | (_for_administrators() if administrator else {})


def _for_administrators() -> dict[str, Any]:
    return {
        "any_worker": any(map(figures.is_alive, figures.workers())),
        "check": index_checks.latest(),
        "checking": index_checks.unfinished(),
    }


# --- what people decide ---------------------------------------------------------------------------


@require_POST
@login_required
def pause(request: PageRequest) -> HttpResponse:
    """Have one `kind` of work rest, or without one all work; administrators."""
    administrators_only(request)
    pauses.pause(_kinds(request))
    messages.success(request, _("Paused. What is being done now is finished first."))
    return redirect("jobs")


@require_POST
@login_required
def resume(request: PageRequest) -> HttpResponse:
    """Let one `kind` of work go on, or without one all work; administrators."""
    administrators_only(request)
    pauses.resume(_kinds(request))
    messages.success(request, _("The work goes on."))
    return redirect("jobs")


@require_POST
@login_required
def retry(request: PageRequest) -> HttpResponse:
    """Try failed photos again, all or those of one `reason`."""
    number = retry_all(request.user, request.POST.get("reason", ""))
    text = ngettext("Trying %(count)s photo again.", "Trying %(count)s photos again.", number)
    messages.success(request, text % {"count": count(number)})
    return redirect("jobs")


@require_POST
@login_required
def check_index(request: PageRequest) -> HttpResponse:
    """Have a worker check the index, and with `repair` put it right; administrators."""
    administrators_only(request)
    index_checks.ask(repair="repair" in request.POST)
    messages.success(request, _("A worker checks the index as soon as it can."))
    return redirect("jobs")


def _kinds(request: PageRequest) -> tuple[WorkKind, ...]:
    """Return the kind that a form names, or all; nothing for a kind that does not exist."""
    named = request.POST.get("kind", "")
    return tuple(kind for kind in pauses.PAUSABLE if named in {"", kind})
