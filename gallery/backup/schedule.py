"""When a backup is due, and what people should know about the last one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.backup import history
from gallery.backup.history import History
from gallery.backup.refused import Refused

_TRY_AGAIN = timedelta(hours=1)


def announce() -> None:
    """Tell all processes of the gallery how often this one makes backups."""
    history.remember_schedule(settings.BACKUP_HOURS if settings.BACKUP_TARGET else 0)


def is_due() -> bool:
    """Tell whether a backup should begin now: after the given hours, or an hour after a failure.

    A time in the future counts as none, since the clock was put back.
    """
    if not settings.BACKUP_TARGET:
        return False
    kept, every = history.read(), timedelta(hours=settings.BACKUP_HOURS)
    if not _is_past(kept.last_made, every):
        return False
    return kept.last is None or _is_past(kept.last.ended_at, min(_TRY_AGAIN, every))


def _is_past(when: datetime | None, span: timedelta) -> bool:
    age = None if when is None else timezone.now() - when
    return age is None or age >= span or age < timedelta(0)


def trouble() -> str:
    """Return in one or two sentences what is wrong with the backups, "" if nothing is."""
    try:
        kept = history.read()
    except Refused as error:
        return str(error)
    if kept.last is not None and not kept.last.made:
        return _("The last backup failed. %(why)s") % {"why": kept.last.sentence}
    if kept.last is not None and kept.last.sentence:
        return _("The last backup lacks files. %(why)s") % {"why": kept.last.sentence}
    return _overdue(kept)


def _overdue(kept: History) -> str:
    since = kept.last_made or kept.scheduled_at
    if not kept.every_hours or since is None:
        return ""
    hours = (timezone.now() - since).total_seconds() / 3600
    if hours < 2 * kept.every_hours + 1:
        return ""
    return _(
        "No backup was made for %(hours)d hours, and one is due every %(every)d. See whether the "
        "worker runs, and try `manage.py backup`."
    ) % {"hours": hours, "every": kept.every_hours}
