"""The lock on an owner for changes to stacks, albums and groups of their photos.

Code that moves, stacks or groups several photos takes it first. Two such changes then wait for
each other here and not at single rows, which they may reach in different orders.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth import get_user_model

from gallery.models import PhotoQuerySet


def lock_owner(owner_id: int) -> None:
    """Make other changes to this owner's stacks, albums and groups wait for this transaction."""
    lock_owners([owner_id])


def lock_owners_of(photos: PhotoQuerySet) -> None:
    """Lock the owners of all these photos."""
    lock_owners(photos.order_by().values_list("owner_id", flat=True).distinct())


def lock_owners(owner_ids: Iterable[int]) -> None:
    """Lock owners in the order of their ids, so that two callers never deadlock."""
    owners = get_user_model().objects.filter(pk__in=list(owner_ids)).order_by("pk")
    list(owners.select_for_update(no_key=True).values_list("pk", flat=True))
