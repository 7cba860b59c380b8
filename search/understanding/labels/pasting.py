"""Labels as people write them: one a line, with wordings and a place in a tree.

dog
cat: a sleeping cat; a {} on a sofa
animal > bird > owl
vehicle
  car
  bicycle
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from gallery.names import BadName, clean_name
from gallery.user_errors import UserError
from search.understanding.models.labels import (
    LABEL_LIMIT,
    MOST_LABELS,
    MOST_WORDINGS,
    WORDING_LIMIT,
)

MOST_CHARACTERS = 400_000
"""Characters of a pasted list; ImageNet's with several wordings has a quarter of it."""
_SHOWN = 40  # characters of a label in a sentence about it
_TAB = 4


class BadLabels(UserError):
    """The labels of a set cannot be used; the message says which, and why."""

    code = "bad_labels"


@dataclass(frozen=True)
class NewLabel:
    """A label as somebody wrote it; `parent` is the name of another one, or empty."""

    name: str
    wordings: tuple[str, ...] = ()
    parent: str = ""


def read(text: str) -> list[NewLabel]:
    """Return the labels of a pasted list; raises `BadLabels` as `checked` does."""
    if len(text) > MOST_CHARACTERS:
        message = _("The list is longer than %(limit)d characters.")
        raise BadLabels(message % {"limit": MOST_CHARACTERS})
    found: dict[str, NewLabel] = {}
    said: set[str] = set()  # names that have a line of their own
    again: list[NewLabel] = []
    above: list[tuple[int, str]] = []  # the lines that this one may lie below, by indentation
    for line in text.splitlines():
        if not line.strip():
            continue
        indent = len(line.expandtabs(_TAB)) - len(line.expandtabs(_TAB).lstrip())
        above = [(depth, name) for depth, name in above if depth < indent]
        path, wordings = _line(line)
        parent = above[-1][1] if above else ""
        for place, name in enumerate(path):
            is_own = place == len(path) - 1
            label = NewLabel(name, wordings if is_own else (), parent)
            if name in said and is_own:
                again.append(label)
            elif is_own or name not in found:
                found[name] = label
            said |= {name} if is_own else set()
            parent = name
        above.append((indent, path[-1]))
    return checked([*found.values(), *again])


def _line(line: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the names on a line, the outermost first, and the wordings of the last one."""
    names, _colon, worded = line.partition(": ")
    names = names.strip().removesuffix(":") or line.strip()
    path = [part.strip() for part in names.split(" > ") if part.strip()]
    wordings = tuple(part.strip() for part in worded.split(";") if part.strip())
    return path or [names.strip()], wordings


def checked(labels: Sequence[NewLabel]) -> list[NewLabel]:
    """Return the labels with clean names; raises `BadLabels` for what cannot be a set."""
    if not labels:
        raise BadLabels(_("A label set needs at least one label."))
    if len(labels) > MOST_LABELS:
        message = _("A label set can have %(limit)d labels; this one has %(count)d.")
        raise BadLabels(message % {"limit": MOST_LABELS, "count": len(labels)})
    clean = [_clean(label) for label in labels]
    by_fold: dict[str, str] = {}
    for label in clean:
        if label.name.casefold() in by_fold:
            raise _bad(_("The label %(label)s is there twice."), label.name)
        by_fold[label.name.casefold()] = label.name
    placed = [_below(label, by_fold) for label in clean]
    _refuse_circles(placed)
    return placed


def _clean(label: NewLabel) -> NewLabel:
    try:
        name = clean_name(label.name, limit=LABEL_LIMIT)
    except BadName as error:
        raise BadLabels(f"{excerpt(label.name)}: {error.message}") from None
    if len(label.wordings) > MOST_WORDINGS:
        message = _("The label %(label)s has more than %(limit)d wordings.")
        raise _bad(message, name, limit=MOST_WORDINGS)
    wordings = (" ".join(wording.split()) for wording in label.wordings)
    kept = tuple(dict.fromkeys(wording for wording in wordings if wording))
    if any(len(wording) > WORDING_LIMIT for wording in kept):
        message = _("A wording of the label %(label)s is longer than %(limit)d characters.")
        raise _bad(message, name, limit=WORDING_LIMIT)
    return NewLabel(name, kept, " ".join(label.parent.split()))


def _below(label: NewLabel, by_fold: dict[str, str]) -> NewLabel:
    if not label.parent:
        return label
    parent = by_fold.get(label.parent.casefold())
    if parent is None:
        message = _("The label %(label)s lies below %(parent)s, which is not in the set.")
        raise _bad(message, label.name, parent=excerpt(label.parent))
    return NewLabel(label.name, label.wordings, parent)


def _refuse_circles(labels: Iterable[NewLabel]) -> None:
    parents = {label.name: label.parent for label in labels}
    sound: set[str] = {""}
    for name in parents:
        path = []
        while name not in sound:
            if name in path:
                raise _bad(_("The label %(label)s lies below itself."), name)
            path.append(name)
            name = parents[name]
        sound.update(path)


def _bad(message: str, name: str, **details: object) -> BadLabels:
    return BadLabels(message % {"label": excerpt(name), **details})


def excerpt(text: str) -> str:
    """Return the beginning of a text that may be long, for a sentence about it."""
    shown = " ".join(text.split())
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"
