"""Which kinds of work a person paused: they rest in all processes until a person resumes them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import DatabaseError, transaction

from gallery import database_outages
from gallery.models import PausedWork, Photo, WorkKind
from gallery.signals import photos_changed

logger = logging.getLogger(__name__)

PAUSABLE = tuple(kind for kind in WorkKind if kind != WorkKind.REMOVE)
"""All but deletions: what people delete has to go."""

_TRUSTED_SECONDS = 1.0


@dataclass
class _Known:
    """What this process last read, and when (`time.monotonic`)."""

    kinds: frozenset[str] = frozenset()
    read_at: float = float("-inf")


_known = _Known()


def paused() -> frozenset[str]:
    """Return the paused kinds, as they were at most a second ago.

    Workers ask this between all steps. While the database does not answer, the last word counts.
    """
    if time.monotonic() - _known.read_at > _TRUSTED_SECONDS:
        try:
            _known.kinds = frozenset(PausedWork.objects.values_list("kind", flat=True))
        except DatabaseError as error:
            if not database_outages.is_told(error):
                logger.warning("Whether work is paused could not be read: %s", error)
        _known.read_at = time.monotonic()
    return _known.kinds


def is_paused(kind: str) -> bool:
    """Tell whether work of this kind has to rest."""
    return kind in paused()


def pause(kinds: Iterable[WorkKind] = PAUSABLE) -> None:
    """Have work of these kinds rest; each worker finishes only its current batch."""
    rows = [PausedWork(kind=kind) for kind in kinds if kind in PAUSABLE]
    PausedWork.objects.bulk_create(rows, ignore_conflicts=True)
    forget()


def resume(kinds: Iterable[WorkKind] = PAUSABLE) -> None:
    """Let work of these kinds go on, and wake the workers."""
    with transaction.atomic():
        PausedWork.objects.filter(kind__in=list(kinds)).delete()
        transaction.on_commit(lambda: photos_changed.send(sender=Photo))
    forget()


def forget() -> None:
    """Read the pauses again when they are asked for next."""
    _known.read_at = float("-inf")
