"""Saved searches that are shared: what they find is kept as a list, made again now and then.

Each picture of a shared page is asked for by itself, and none of these requests can search. So the
photos that a search finds are kept with the shared set, and everything asks for them there.
"""

from __future__ import annotations

import hashlib
import uuid
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from gallery.models import SharedMatch, SharedSet, User
from gallery.sharing.shared_sets import Thing
from gallery.slices import slices
from gallery.user_errors import UserError
from search import language
from search.engine.answer import matching_photos
from search.models import SavedSearch

FRESH = timedelta(minutes=1)
"""How long a list is shown before the search is asked again."""
MOST_PHOTOS = 5000
"""Photos of a shared search at most, the newest of them."""


def thing_of(row: SavedSearch) -> Thing:
    """Return a saved search as a thing to share."""
    return Thing(row.owner_id, row.name, search_id=row.pk)


def find_thing(user: User, saved_id: uuid.UUID) -> Thing | None:
    """Return a saved search of a person as a thing to share, None if there is none."""
    row = SavedSearch.objects.visible_to(user).filter(pk=saved_id).first()
    return thing_of(row) if row is not None else None


def refresh(shared: SharedSet) -> None:
    """Ask the search of a shared set again, if its list is old or was made by another query.

    While the search cannot be answered the list stays as it is, unless it is that of another query.
    """
    if shared.search_id is None:
        return
    row = SavedSearch.objects.filter(pk=shared.search_id, owner_id=shared.owner_id).first()
    if row is None:
        shared.delete()
        return
    digest, now = hashlib.sha256(row.query.encode()).hexdigest(), timezone.now()
    is_same = shared.matched_query == digest
    if is_same and shared.matched_at is not None and now - shared.matched_at < FRESH:
        return
    try:
        found = matching_photos(shared.owner, language.parse(row.query)).newest_first()
        ids = list(found.values_list("pk", flat=True)[:MOST_PHOTOS])
    except UserError:
        if is_same:
            return
        ids = []
    with suppress(IntegrityError):  # A photo was deleted meanwhile; the next page asks again.
        _keep(shared, ids, digest)
    SharedSet.objects.filter(pk=shared.pk).update(search_name=row.name)
    shared.search_name = row.name


def _keep(shared: SharedSet, ids: list[uuid.UUID], digest: str) -> None:
    kept = SharedMatch.objects.filter(shared=shared)
    now = timezone.now()
    with transaction.atomic():
        # Two pages that are opened at once take turns, and the second finds its work done.
        list(SharedSet.objects.select_for_update(no_key=True).filter(pk=shared.pk))
        known = set(kept.values_list("photo_id", flat=True))
        for some in slices(known - set(ids), 500):
            kept.filter(photo__in=some).delete()
        new = [SharedMatch(shared=shared, photo_id=pk) for pk in ids if pk not in known]
        SharedMatch.objects.bulk_create(new, batch_size=500, ignore_conflicts=True)
        SharedSet.objects.filter(pk=shared.pk).update(matched_at=now, matched_query=digest)
    shared.matched_at, shared.matched_query = now, digest


def forget(saved_id: uuid.UUID) -> None:
    """Show nothing of a shared search until it is asked again, for its query changed."""
    SharedMatch.objects.filter(shared__search_id=saved_id).delete()
    SharedSet.objects.filter(search_id=saved_id).update(matched_at=None, matched_query="")


def end(sender: Any, instance: SavedSearch, **_details: Any) -> None:
    """End the sharing of a saved search that is removed."""
    SharedSet.objects.filter(search_id=instance.pk).delete()
