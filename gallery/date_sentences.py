"""Says in words what a correction does to the dates of photos."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from django.utils.translation import gettext as _, ngettext

from gallery.correct_dates import Change
from gallery.corrections import wall_of
from gallery.templatetags.dates import moment, to_the_second

Written = Callable[[datetime], str]

Move = tuple[datetime | None, datetime | None]
"""The local time of a photo before and after, None where it is unknown."""


def preview(changes: Iterable[Change]) -> str:
    """Return what would happen to the dates, for people, before anything is changed."""
    moves = [_move(change) for change in changes]
    moved = [(before, after) for before, after in moves if before and after and before != after]
    dated = [after for before, after in moves if after and not before]
    undated = sum(after is None for _before, after in moves)
    kept = len(moves) - len(moved) - len(dated) - undated
    sentences = [_moved(moved), _dated(dated), _undated(undated), _kept(kept)]
    return " ".join(sentence for sentence in sentences if sentence) or _("No date changes.")


def corrected(photos: int) -> str:
    """Return what happened, for people."""
    if not photos:
        return _("No date changed.")
    text = ngettext("%(count)d date corrected.", "%(count)d dates corrected.", photos)
    return text % {"count": photos}


def _move(change: Change) -> Move:
    after = change.columns["wall_at"] if change.columns["taken_at"] else None
    return wall_of(change.photo), after and after.replace(tzinfo=None)


def _moved(moves: Sequence[tuple[datetime, datetime]]) -> str:
    if not moves:
        return ""
    text = ngettext(
        "%(count)d photo moves from %(before)s to %(after)s.",
        "%(count)d photos move from %(before)s to %(after)s.",
        len(moves),
    )
    befores, afters = [before for before, _after in moves], [after for _before, after in moves]
    same = _span(befores, moment) == _span(afters, moment)
    form = to_the_second if same else moment
    spans = {"before": _span(befores, form), "after": _span(afters, form)}
    return text % {"count": len(moves), **spans}


def _dated(walls: Sequence[datetime]) -> str:
    if not walls:
        return ""
    text = ngettext(
        "%(count)d photo without a date gets %(date)s.",
        "%(count)d photos without a date get %(date)s.",
        len(walls),
    )
    return text % {"count": len(walls), "date": _span(walls, moment)}


def _undated(count: int) -> str:
    text = ngettext(
        "%(count)d photo will have no date.", "%(count)d photos will have no date.", count
    )
    return text % {"count": count} if count else ""


def _kept(count: int) -> str:
    text = ngettext(
        "%(count)d photo keeps its local time.", "%(count)d photos keep their local time.", count
    )
    return text % {"count": count} if count else ""


def _span(walls: Sequence[datetime], form: Written) -> str:
    first, last = form(min(walls)), form(max(walls))
    return first if first == last else f"{first} – {last}"
