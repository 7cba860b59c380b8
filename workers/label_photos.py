"""Keeps the hits of label sets in step with the photos, and prepares sets that are large."""

from __future__ import annotations

import time
from collections import defaultdict, deque

from django.db.models import Exists, OuterRef

from gallery.models import EmbeddingModel
from gallery.models.owners_in_turn import some_owners, take_turns
from search.understanding.labels import projection
from search.understanding.labels.projection import Snapshot, Stop
from search.understanding.library_vectors import library_vectors
from search.understanding.models import Label, LabelProjection, LabelSet
from workers import heartbeat

LOOK_SECONDS = 20.0
"""How often photos are looked at for changes that nobody announced, as one to the trash."""
TURN_SECONDS = 2.0
"""How long a set is worked on before the next one."""

_next_look = 0.0


def look_soon() -> None:
    """Look for changes at the next opportunity, because photos came or went."""
    global _next_look
    _next_look = 0.0


def is_due() -> bool:
    """Tell whether labels wait for the active model; most calls look into indexes only."""
    model = EmbeddingModel.objects.active()
    if model is None or not LabelSet.objects.exists():
        return False
    return _is_unprepared(model) or (time.monotonic() >= _next_look and _is_behind(model))


def _is_unprepared(model: EmbeddingModel) -> bool:
    done = LabelProjection.objects.filter(label=OuterRef("pk"), model=model).exclude(library="")
    return Label.objects.filter(~Exists(done)).exists()


def _is_behind(model: EmbeddingModel) -> bool:
    """Tell whether a set was made from other photos than there are now; if none, rest."""
    global _next_look
    if any(_waits(label_set, model) for label_set in _sets_in_turn()):
        return True
    _next_look = time.monotonic() + LOOK_SECONDS
    return False


def _waits(label_set: LabelSet, model: EmbeddingModel) -> bool:
    stamp = library_vectors(label_set.owner, model).stamp
    return bool(Snapshot(label_set, model).unscored(stamp))


def _sets_in_turn() -> list[LabelSet]:
    """Return the sets of each owner in turn, each owner's in the order they were made."""
    lines: defaultdict[int, list[LabelSet]] = defaultdict(list)
    for label_set in LabelSet.objects.select_related("owner").order_by("created_at", "pk"):
        lines[label_set.owner_id].append(label_set)
    return take_turns(lines[owner] for owner in some_owners(lines, len(lines)))


def run(stop: Stop) -> int:
    """Bring all sets up to date; return how many labels were done.

    A set that takes long waits until the others had a turn. Asks `stop` between slices of labels.
    Raises `ModelUnavailable` and OSError.
    """
    model = EmbeddingModel.objects.active()
    done, waiting = 0, deque(_sets_in_turn() if model else ())
    while model and waiting and not stop():
        label_set = waiting.popleft()
        if _waits(label_set, model) and (labels := _take_turn(label_set, stop)):
            done += labels
            waiting.append(label_set)
    return done


def _take_turn(label_set: LabelSet, stop: Stop) -> int:
    ends_at = time.monotonic() + TURN_SECONDS
    with heartbeat.working():
        done = projection.follow(label_set, stop=lambda: stop() or time.monotonic() > ends_at)
        # What no turn is long enough for is done whole.
        done = done or projection.follow(label_set, stop=stop)
        heartbeat.progress()
    return done
