"""Evaluations that take longer than a request: asked for, computed in a thread, and kept.

A run that waits, or whose process ended, is begun when somebody looks at it, and by the worker's
sweep.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Sequence

from django.db import connections
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.models.photo_library import User
from gallery.user_errors import UserError
from search.understanding.directions import Style
from search.understanding.evaluation.columns import Task, evaluate
from search.understanding.evaluation.truth import Truth
from search.understanding.models import EvaluationRun, LabelSet
from search.understanding.models.evaluation import LEASE, EvaluationQuerySet
from search.vectors.embedders.base import ModelUnavailable

logger = logging.getLogger(__name__)

KEPT = 50
"""Evaluations of a person that are kept; the oldest go."""

State = EvaluationRun.State
_at_work = threading.Lock()  # One at a time: each keeps a processor busy.


class _GoneError(Exception):
    """The run was deleted while it was computed."""


def styles_of(names: Sequence[str]) -> list[Style]:
    """Return the styles with these names, or all; raise `UserError` for unknown ones."""
    known = {style.value: style for style in Style}
    for name in names:
        if name not in known:
            message = _("There is no style “%(name)s”. Choose among %(known)s.")
            values = {"name": name[:40], "known": ", ".join(known)}
            raise UserError(message % values, code="bad_parameter")
    return [known[name] for name in dict.fromkeys(names)] or list(Style)


def ask(
    user: User, label_set: LabelSet, source: str, truth: Truth, styles: Sequence[Style]
) -> EvaluationRun:
    """Keep an evaluation to be computed, begin it, and return it."""
    run = EvaluationRun.objects.create(
        owner_id=label_set.owner_id,
        set=label_set,
        set_name=label_set.name,
        source=source,
        truth={photo_id.hex: name for photo_id, name in truth.labels.items()},
        styles=[style.value for style in styles],
        skipped=truth.summary(),
    )
    own = EvaluationRun.objects.visible_to(user)
    own.filter(pk__in=list(own.values_list("pk", flat=True)[KEPT:])).delete()
    begin(run.pk)
    return run


def begin(run_id: uuid.UUID) -> None:
    """Compute a run in a thread of its own."""
    threading.Thread(target=_compute_apart, args=(run_id,), name="evaluation", daemon=True).start()


def go_on() -> None:
    """Begin the runs that nobody works on."""
    for run_id in EvaluationRun.objects.left_behind().values_list("pk", flat=True):
        begin(run_id)


def compute(run_id: uuid.UUID) -> None:
    """Compute a run, unless another thread does or it has ended."""
    if not _claim(run_id):
        return
    run = EvaluationRun.objects.select_related("owner", "set").get(pk=run_id)
    try:
        report = _report(run)
    except UserError as error:
        if error.code == "model_loading":
            _kept(run).update(state=State.PENDING, lease_until=None)
        else:
            _end(run, State.FAILED, reason=error.message[:300])
    except ModelUnavailable as error:
        _end(run, State.FAILED, reason=str(error)[:300])
    except _GoneError:
        logger.info("An evaluation was deleted while it was computed.")
    except OSError as error:
        logger.warning("An evaluation could not be computed: %r", error)
        _end(run, State.FAILED, reason=_("The disk could not be read or written."))
    else:
        skipped = run.skipped | report.pop("skipped")
        _end(run, State.DONE, report=report, skipped=skipped)


def _report(run: EvaluationRun) -> dict[str, object]:
    def on_progress(share: float) -> None:
        changed = _kept(run).update(done_share=share, lease_until=timezone.now() + LEASE)
        if not changed:
            raise _GoneError
        if run.set_id is None or not LabelSet.objects.filter(pk=run.set_id).exists():
            raise _set_gone(run)

    if run.set is None:
        raise _set_gone(run)
    said = {uuid.UUID(hex=photo): name for photo, name in run.truth.items()}
    task = Task.of(run.owner, run.set, said)
    report = evaluate(task, styles_of(run.styles), on_progress)
    on_progress(1.0)
    return report


def _set_gone(run: EvaluationRun) -> UserError:
    message = _("The set “%(name)s” was deleted while it was evaluated.")
    return UserError(message % {"name": run.set_name}, code="set_deleted")


def _claim(run_id: uuid.UUID) -> bool:
    """Take a run that nobody works on; return whether this call did."""
    left = EvaluationRun.objects.left_behind().filter(pk=run_id)
    return bool(left.update(state=State.RUNNING, lease_until=timezone.now() + LEASE))


def _kept(run: EvaluationRun) -> EvaluationQuerySet:
    return EvaluationRun.objects.filter(pk=run.pk)


def _end(run: EvaluationRun, state: str, **values: object) -> None:
    ended = {"state": state, "ended_at": timezone.now(), "lease_until": None, "done_share": 1.0}
    EvaluationRun.objects.filter(pk=run.pk).update(**ended, **values)


def _compute_apart(run_id: uuid.UUID) -> None:
    """Compute a run; where this process computes another one, leave it to the next look."""
    if not _at_work.acquire(blocking=False):
        return
    try:
        compute(run_id)
    except Exception:
        logger.exception("An evaluation ended early.")
        sentence = _("Something went wrong; the gallery's log has the details.")
        ended = {"state": State.FAILED, "reason": sentence, "ended_at": timezone.now()}
        EvaluationRun.objects.filter(pk=run_id).update(lease_until=None, **ended)
    finally:
        _at_work.release()
        connections.close_all()
