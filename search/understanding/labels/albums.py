"""Keeps a label as an album: a saved search that shows the photos of the label."""

from __future__ import annotations

from typing import cast

from gallery.models import User
from search.language.terms import Filter
from search.language.writer import filter_to_text
from search.models import NAME_LIMIT, SavedSearch
from search.understanding.labels.names import SEPARATOR
from search.understanding.models import Label


def query_of(label: Label) -> str:
    """Return the query that finds the photos of a label."""
    return filter_to_text(Filter("label", (f"{label.set.name}{SEPARATOR}{label.name}",)))


def keep(user: User, label: Label) -> SavedSearch:
    """Return the saved search of a label, made unless there is one already."""
    own, query = SavedSearch.objects.visible_to(user), query_of(label)
    kept = own.filter(query=query).first()
    if kept is not None:
        return kept
    name = label.name
    if own.filter(name=name).exists():
        name = f"{label.name} ({label.set.name})"[:NAME_LIMIT]
    made, _new = SavedSearch.objects.get_or_create(
        owner_id=cast("int", user.pk), name=name, defaults={"query": query}
    )
    return made
