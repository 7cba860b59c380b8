"""Making, changing and removing label sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from gallery.models import User
from gallery.names import BadName, NameTaken, clean_name
from search.understanding.labels.pasting import NewLabel, checked
from search.understanding.models import Kind, Label, LabelSet
from search.understanding.models.labels import NAME_LIMIT

SETS_EACH = 50
"""Label sets of one person at most."""


class TooManySets(BadName):
    """The owner has `SETS_EACH` label sets."""

    code = "too_many_label_sets"
    status = 409


def make(user: User, name: str, kind: str, labels: Sequence[NewLabel]) -> LabelSet:
    """Keep a new set; raises `BadLabels` and `BadName` (`NameTaken`, `TooManySets`)."""
    made = LabelSet(
        owner_id=cast("int", user.pk), name=clean_name(name, limit=NAME_LIMIT), kind=Kind(kind)
    )
    wanted = checked(labels)
    if LabelSet.objects.visible_to(user).count() >= SETS_EACH:
        message = _("You have %(count)d label sets. Remove one to make another.")
        raise TooManySets(message % {"count": SETS_EACH})
    _named(made, lambda: _create(made, wanted))
    return made


def _create(made: LabelSet, wanted: Sequence[NewLabel]) -> None:
    made.save(force_insert=True)
    _place(made, wanted)


def rename(label_set: LabelSet, name: str) -> None:
    """Give a set another name; raises `BadName`."""
    label_set.name = clean_name(name, limit=NAME_LIMIT)
    own = LabelSet.objects.filter(pk=label_set.pk)
    _named(label_set, lambda: own.update(name=label_set.name))


def _named(row: LabelSet, write: Callable[[], object]) -> None:
    try:
        with transaction.atomic():
            write()
    except IntegrityError:
        message = _("You already have a label set called %(name)s.")
        raise NameTaken(message % {"name": row.name}) from None


def change(label_set: LabelSet, labels: Sequence[NewLabel]) -> None:
    """Give a set these labels; raises `BadLabels`.

    A label whose name stays keeps its answers and its cut, whatever the case of its letters.
    """
    wanted = checked(labels)
    with transaction.atomic():
        kept = {label.name.casefold() for label in wanted}
        gone = [row.pk for row in label_set.labels.all() if row.name.casefold() not in kept]
        label_set.labels.filter(pk__in=gone).delete()
        _place(label_set, wanted)


def rename_label(label: Label, name: str, wordings: Sequence[str]) -> None:
    """Give a label another name and other wordings; its answers stay. Raises `BadLabels`."""
    others = [
        NewLabel(row.name, tuple(row.wordings))
        for row in Label.objects.filter(set=label.set_id).exclude(pk=label.pk)
    ]
    clean = checked([*others, NewLabel(name, tuple(wordings))])[-1]
    label.name, label.wordings = clean.name, list(clean.wordings)
    label.save(update_fields=["name", "wordings"])


def _place(label_set: LabelSet, wanted: Sequence[NewLabel]) -> None:
    """Write the labels in their order, those that are kept and those that are new."""
    known = {row.name.casefold(): row for row in label_set.labels.all()}
    before = {row.pk: _content(row) for row in known.values()}
    rows = {
        label.name: known.get(label.name.casefold()) or Label(set=label_set) for label in wanted
    }
    for position, label in enumerate(wanted):
        row = rows[label.name]
        row.name, row.wordings, row.position = label.name, list(label.wordings), position
        # The keys are made here, so a parent may be written after its children.
        row.parent_id = rows[label.parent].pk if label.parent else None
    new = [row for row in rows.values() if row.pk not in before]
    changed = [row for row in known.values() if before[row.pk] != _content(row)]
    fields = ["name", "wordings", "position", "parent"]
    Label.objects.bulk_create(new, batch_size=500)
    Label.objects.bulk_update(changed, fields, batch_size=50)


def _content(row: Label) -> tuple[object, ...]:
    return row.name, tuple(row.wordings), row.position, row.parent_id


def listed(user: User) -> list[LabelSet]:
    """Return the sets of a person by name, each with the number of its labels as `size`."""
    rows = LabelSet.objects.visible_to(user).annotate(size=Count("labels"))
    return sorted(rows, key=lambda row: (row.name.casefold(), row.name))


def as_text(label_set: LabelSet) -> str:
    """Return the labels of a set as a list that `pasting.read` reads."""
    rows = list(label_set.labels.all())
    names = {row.pk: row for row in rows}
    return "\n".join(_line(row, names) for row in rows)


def _line(row: Label, rows: dict[UUID, Label]) -> str:
    path, parent = [row.name], row.parent_id
    while parent is not None:
        path.insert(0, rows[parent].name)
        parent = rows[parent].parent_id
    worded = f": {'; '.join(row.wordings)}" if row.wordings else ""
    return " > ".join(path) + worded
