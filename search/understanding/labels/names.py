"""The names of labels in queries: `label:dog`, or `label:Animals/dog` where sets share one."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from gallery.models import EmbeddingModel, User
from search.understanding.labels.hits import live_hits
from search.understanding.models import Kind, Label

SEPARATOR = "/"


@dataclass(frozen=True)
class LabelName:
    """A label of a person, as queries name it: `whole` with its set, `short` if that is enough."""

    id: UUID
    name: str
    whole: str
    short: str
    kind: str


def label_names(user: User, kind: Kind | None = None) -> list[LabelName]:
    """Return all labels of a person, or those of one kind of set, in the order of their sets."""
    rows = Label.objects.filter(set__owner_id=user.pk).order_by("set__name", "position")
    found = list(rows.values_list("pk", "name", "set__name", "set__kind"))
    times = Counter(_fold(name) for _pk, name, _set, _kind in found)
    named = [
        LabelName(
            pk,
            name,
            whole := f"{of}{SEPARATOR}{name}",
            name if times[_fold(name)] == 1 else whole,
            kind_of,
        )
        for pk, name, of, kind_of in found
    ]
    return [each for each in named if kind is None or each.kind == kind]


def meant(names: list[LabelName], text: str) -> list[UUID]:
    """Return the labels that a value of `label:` means, ignoring case."""
    wanted = _fold(text)
    return [each.id for each in names if wanted in {_fold(each.name), _fold(each.whole)}]


def most_used(user: User, limit: int) -> list[str]:
    """Return the names of labels that photos have, the most used first."""
    model = EmbeddingModel.objects.active()
    rows = live_hits(model).filter(projection__label__set__owner_id=user.pk).order_by()
    counts = dict(rows.values_list("projection__label").annotate(count=Count("*")))
    used = [each for each in label_names(user) if each.id in counts]
    used.sort(key=lambda each: -counts[each.id])
    return [each.short for each in used[:limit]]


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
