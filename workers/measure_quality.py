"""Measures the sharpness of photos that were decoded before, or that are costly to measure.

`Photo.measured_at` is empty for photos that still wait, so that the work goes on where it was
interrupted. Everything else goes first.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from gallery import originals_marker, request_priority
from gallery.decoding import DecodeError
from gallery.decoding.quality import Measured
from gallery.folders import external
from gallery.logs.log_context import about_photo
from gallery.models import EmbeddingModel, ExternalFile, Photo, WorkKind
from gallery.models.embeddings import EmbeddingModelQuerySet
from gallery.models.owners_in_turn import in_turn
from gallery.models.quality import save_quality, unmeasured
from search.duplicates.groups import groups
from search.duplicates.models import GroupMember, Kind
from search.understanding.quality import prompts
from workers import activity, heartbeat, look_ahead
from workers.pipeline import Stop

logger = logging.getLogger(__name__)

AT_ONCE = 8
"""Photos read ahead; an interruption repeats at most so many."""


def is_due() -> bool:
    """Tell whether photos wait to be measured, or the active model to be asked."""
    return any(map(prompts.is_unmeasured, _active_model())) or is_wanted()


def work(stop: Stop) -> int:
    """Measure photos, then ask the active model; return how many photos. See `measure_due`.

    Raises `ModelUnavailable`, too.
    """
    done = measure_due(stop=stop)
    for model in filter(prompts.is_unmeasured, () if stop() else _active_model()):
        prompts.measure(model)
    return done


def _active_model() -> EmbeddingModelQuerySet:
    return EmbeddingModel.objects.filter(state=EmbeddingModel.State.ACTIVE)


def is_wanted() -> bool:
    """Tell whether photos wait to be measured and can be read."""
    return not originals_marker.is_away() and unmeasured().exclude(pk__in=_away()).exists()


def _away() -> QuerySet[ExternalFile, Any]:
    """Return the photos whose disk is off."""
    return ExternalFile.objects.away().values("photo")


def measure_due(*, stop: Stop) -> int:
    """Measure photos, the newest of each owner first, until none is left; return how many.

    Asks `stop` before each batch. Raises `PoolBusy`, `PoolClosed`, and OSError when an original
    cannot be read now.
    """
    total, passed = 0, set[UUID]()
    while not stop() and not originals_marker.is_away():
        can_be_read = ~Q(pk__in=_away()) & ~Q(pk__in=passed)
        photos = in_turn(unmeasured(), AT_ONCE, "-created_at", "-pk", now=can_be_read)
        if not photos:
            break
        with heartbeat.working():
            found = _measure(photos)
            save_quality(found)
            _choose_keepers(photos)
        # A disk that went off just now leaves its photos for the next time.
        passed.update(photo.pk for photo in photos if photo.pk not in found)
        activity.count(WorkKind.QUALITY, len(found))
        total += len(found)
    return total


def _measure(photos: Sequence[Photo]) -> dict[UUID, Measured | None]:
    """Return what was found; nothing for photos whose disk is off."""
    found: dict[UUID, Measured | None] = {}
    futures = [(photo, look_ahead.shared().start_measuring(photo)) for photo in photos]
    try:
        for photo, future in futures:
            request_priority.yield_to_requests()
            try:
                found[photo.pk] = future.result()
            except DecodeError as error:
                if photo.external and external.is_away(photo):
                    continue
                with about_photo(photo.pk):
                    logger.info("The sharpness of photo %s is not known: %s", photo.pk, error)
                found[photo.pk] = None
            heartbeat.progress()
    finally:
        for _, future in futures:
            future.cancel()
    return found


def _choose_keepers(photos: Sequence[Photo]) -> None:
    """Let groups of similar shots know which of them is the sharpest."""
    members = GroupMember.objects.filter(photo__in=photos, kind=Kind.SIMILAR_SHOTS)
    by_owner: dict[int, list[UUID]] = defaultdict(list)
    for photo_id, owner_id in members.values_list("photo_id", "group__owner_id"):
        by_owner[owner_id].append(photo_id)
    for owner_id, ids in by_owner.items():
        groups.regroup(owner_id, ids)
