"""Checks of the vector index: a page asks for one, a worker makes it and leaves what it found."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from gallery.models import IndexCheck

SILENT = timedelta(minutes=2)
"""After so long without a report, the worker is gone, and another one begins the check anew."""
_KEPT = 10


def ask(*, repair: bool = False) -> IndexCheck:
    """Ask for a check, unless one is asked for or under way that does as much; return it."""
    with transaction.atomic():
        unfinished = IndexCheck.objects.select_for_update().filter(ended_at=None).order_by("pk")
        for check in unfinished:
            if check.begun_at is None and repair and not check.repair:
                check.repair = True
                check.save(update_fields=["repair"])
            if check.repair or not repair:
                return check
        return IndexCheck.objects.create(repair=repair)


def claim() -> IndexCheck | None:
    """Take the check that waits longest, for one worker; None if none waits."""
    now = timezone.now()
    waiting = IndexCheck.objects.filter(
        Q(seen_at=None) | Q(seen_at__lt=now - SILENT), ended_at=None
    )
    check = waiting.order_by("pk").first()
    if check is None or not waiting.filter(pk=check.pk).update(begun_at=now, seen_at=now):
        return None
    check.begun_at = check.seen_at = now
    return check


def report(check: IndexCheck) -> None:
    """Say that the work on a check goes on."""
    IndexCheck.objects.filter(pk=check.pk).update(seen_at=timezone.now())


def give_back(check: IndexCheck) -> None:
    """Leave a check to the next worker, as when this one stops."""
    IndexCheck.objects.filter(pk=check.pk).update(begun_at=None, seen_at=None)


def finish(check: IndexCheck) -> None:
    """Keep what was found, and forget all but the latest checks."""
    check.ended_at = timezone.now()
    check.save()
    old = IndexCheck.objects.exclude(ended_at=None).order_by("-pk").values_list("pk", flat=True)
    IndexCheck.objects.filter(pk__in=list(old[_KEPT:])).delete()


def latest() -> IndexCheck | None:
    """Return the last check that ended."""
    return IndexCheck.objects.exclude(ended_at=None).order_by("-pk").first()


def unfinished() -> IndexCheck | None:
    """Return the check that is waited for."""
    return IndexCheck.objects.filter(ended_at=None).order_by("pk").first()
