"""The lock under which what an owner's photos form together changes: stacks, albums, groups.

Whoever moves, stacks or groups several photos takes it first, so that two at once wait for each
other here and never over single rows, which they may come upon in different orders.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth import get_user_model

from gallery.models.photos import PhotoQuerySet


def lock_owner(owner_id: int) -> None:
    """Make others who change what this owner's photos form wait until the transaction ends."""
    lock_owners([owner_id])


def lock_owners_of(photos: PhotoQuerySet) -> None:
    """Lock the owners of all these photos."""
    lock_owners(photos.order_by().values_list("owner_id", flat=True).distinct())


def lock_owners(owner_ids: Iterable[int]) -> None:
    """Lock owners in the order of their ids, so that two who lock several never form a ring."""
    owners = get_user_model().objects.filter(pk__in=list(owner_ids)).order_by("pk")
    list(owners.select_for_update(no_key=True).values_list("pk", flat=True))
