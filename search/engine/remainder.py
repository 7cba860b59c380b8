"""What exclusions alone leave: everything but what clearly shows what is excluded."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from gallery.models import User
from gallery.slices import slices
from gallery.templatetags import numbers
from search.engine.plan import Plan
from search.filters.selection import apply_filters
from search.language.terms import Query, Term


@dataclass(frozen=True)
class Remainder:
    """How many photos exclusions leave.

    `shown` of the `total` photos that pass the filters are left. `measured` is false while the
    library is too small to tell what a photo shows; then only words leave photos out.
    """

    shown: int
    total: int
    measured: bool

    def sentence(self, query: Query) -> str:
        """Return in words what is shown, and of how many photos."""
        if not self.measured:
            text = _(
                "There are too few photos to tell what shows %(names)s. Photos with these words "
                "are left out; the rest, newest first: %(shown)s of %(photos)s"
            )
        elif self.shown == self.total:
            text = _("Nothing clearly shows %(names)s, so all are here, newest first: %(photos)s")
        else:
            text = _("Everything but what shows %(names)s, newest first: %(shown)s of %(photos)s")
        photos = numbers.photos(self.total)
        return text % {"names": _names(query), "shown": numbers.count(self.shown), "photos": photos}


@dataclass(frozen=True)
class Rest:
    """Which photos exclusions alone leave out, as all pages of the answer take it.

    `model` and `notes` are as in `search.engine.answer.Answer`. `remainder` is None where nothing
    is excluded.
    """

    model: str
    notes: tuple[str, ...] = ()
    excluded: frozenset[UUID] = frozenset()
    remainder: Remainder | None = None


def rest_of(user: User, steps: Plan, shown_by: AbstractSet[UUID]) -> Rest:
    """Return what is left of a plan's photos without those that show what is excluded."""
    excluded = steps.excluded | shown_by
    photos = apply_filters(user, steps.query.filters).photos
    total = photos.count()
    gone = sum(photos.filter(pk__in=part).count() for part in slices(excluded))
    measured = steps.asked.background is not None
    remainder = Remainder(total - gone, total, measured=measured)
    return Rest(steps.asked.model.key, steps.notes, excluded, remainder)


def rest_to_json(rest: Rest) -> dict[str, Any]:
    """Return what is left out as what JSON can hold."""
    return {
        "model": rest.model,
        "notes": list(rest.notes),
        "excluded": [pk.hex for pk in rest.excluded],
        "remainder": asdict(rest.remainder) if rest.remainder else None,
    }


def rest_from_json(data: dict[str, Any]) -> Rest:
    """Return what is left out from what `rest_to_json` made of it."""
    remainder = Remainder(**data["remainder"]) if data["remainder"] else None
    ids = frozenset(map(UUID, data["excluded"]))
    return Rest(data["model"], tuple(data["notes"]), ids, remainder)


def _names(query: Query) -> str:
    names = [_name(term) for term in query.avoided]
    text = names[0]
    for name in names[1:]:
        text = _("%(some)s or %(other)s") % {"some": text, "other": name}
    return text


def _name(term: Term) -> str:
    if term.kind == "text":
        return f"“{term.value}”"
    return _("anything like this photo") if term.photo_id else _("anything like your picture")
