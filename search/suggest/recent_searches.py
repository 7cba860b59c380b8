"""The recent searches of each person."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import cast

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from gallery.models import OwnedQuerySet, User
from search.language.terms import Query
from search.language.writer import to_text
from search.models import QUERY_LIMIT, RecentSearch

RECENT_KEPT = 50
"""Recent searches kept for one person; the oldest goes first."""


def remember(user: User, query: Query) -> None:
    """Remember a query that people can read: text and filters, but no pictures.

    The oldest queries beyond `RECENT_KEPT` are forgotten. While the database is busy nothing is
    remembered, for no answer may wait for this or fail.
    """
    text = to_text(query)
    if not text or len(text) > QUERY_LIMIT or any(term.kind != "text" for term in query.terms):
        return
    with suppress(OperationalError, IntegrityError), transaction.atomic():
        now = timezone.now()
        if not _recent(user).filter(digest=_digest(text)).update(used_at=now):
            RecentSearch.objects.create(
                owner_id=cast("int", user.pk), query=text, digest=_digest(text), used_at=now
            )
            surplus = _recent(user).order_by("-used_at", "-pk").values_list("pk", flat=True)
            RecentSearch.objects.filter(pk__in=list(surplus[RECENT_KEPT:])).delete()


def recent(user: User, limit: int = RECENT_KEPT) -> list[RecentSearch]:
    """Return the recent searches of a person, the latest first."""
    return list(_recent(user).order_by("-used_at", "-pk")[:limit])


def forget(user: User, text: str | None = None) -> int:
    """Forget one recent search, or all of them without a text; return how many."""
    rows = _recent(user)
    if text is not None:
        rows = rows.filter(digest=_digest(text))
    return rows.delete()[0]


def _recent(user: User) -> OwnedQuerySet[RecentSearch]:
    return RecentSearch.objects.visible_to(user)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
