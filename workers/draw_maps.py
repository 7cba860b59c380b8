"""Draws maps a step at a time: a drawing waits while other work is due, and then goes on.

The state of a drawing is in the memory of the worker. A worker that dies begins it anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth import get_user_model

from gallery import request_priority
from gallery.models import EmbeddingModel, WorkKind
from search.understanding.models import MapRun
from search.understanding.themes import runs
from search.understanding.themes.runs import Due
from search.understanding.themes.steps import Steps
from workers import activity, heartbeat

_TOLD_EVERY_S = 1.0


@dataclass
class _Begun:
    """A drawing that was begun, for a model and owner."""

    model: EmbeddingModel
    due: Due
    steps: Steps[int]
    told_at: float = 0.0


_begun: list[_Begun] = []


def is_wanted(model: EmbeddingModel) -> bool:
    """Tell whether a map is to be drawn, or photos are to be placed on one."""
    return bool(_begun) or next(runs.due(model), None) is not None


def draw_due(model: EmbeddingModel, *, stop: Callable[[], bool]) -> int:
    """Draw what is due, for each person once; return how many maps were finished.

    Asks `stop` after each step. Raises OSError where vectors cannot be read.
    """
    finished, owners = 0, set()
    while not stop():
        if _begun and _begun[0].model != model:
            _begun.clear()
        if not _begun:
            due = next(runs.due(model), None)
            if due is None or due.owner_id in owners:
                break
            work = runs.drawing if due.draw else runs.placing
            _begun.append(_Begun(model, due, work(model, due)))
        owners.add(_begun[0].due.owner_id)
        with heartbeat.working():
            finished += _go_on(_begun[0], stop)
    return finished


def _go_on(begun: _Begun, stop: Callable[[], bool]) -> int:
    """Take steps until the map is finished (1) or another work goes first (0)."""
    try:
        while not stop():
            share = next(begun.steps)
            heartbeat.progress()
            request_priority.yield_to_requests()
            _tell(begun, share)
        return 0
    except StopIteration:
        _begun.clear()
        activity.count(WorkKind.MAPS, 1)
        return 1
    except (get_user_model().DoesNotExist, MapRun.DoesNotExist, EmbeddingModel.DoesNotExist):
        # The person or the model left meanwhile.
        _begun.clear()
        return 0
    except BaseException:
        _begun.clear()
        raise


def _tell(begun: _Begun, share: float) -> None:
    """Note how far a drawing is, for the page."""
    now = time.monotonic()
    if begun.due.draw and now > begun.told_at + _TOLD_EVERY_S:
        begun.told_at = now
        rows = MapRun.objects.filter(owner_id=begun.due.owner_id, model=begun.model)
        rows.update(progress=share)


def forget() -> None:
    """Let go of what was begun."""
    _begun.clear()
