"""What each owner wants kept, and the keepers of their groups chosen by it."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from gallery.locks import lock_owner
from gallery.models import User
from search.duplicates.groups import groups
from search.duplicates.groups.ranking import (
    CRITERIA,
    PATTERN_LIMIT,
    BadCriteria,
    Criteria,
    Ranked,
    checked,
    rank,
    saved,
)
from search.duplicates.models import KeeperCriteria

__all__ = [
    "CRITERIA",
    "PATTERN_LIMIT",
    "BadCriteria",
    "Criteria",
    "Ranked",
    "criteria_of",
    "rank",
    "set_criteria",
]


def criteria_of(user: User) -> Criteria:
    """Return what the user wants kept, or the order that holds for everybody."""
    return saved(user.pk or 0)


def set_criteria(user: User, order: Sequence[str], pattern: str) -> Criteria:
    """Save what the user wants kept and choose the keepers of all their groups anew.

    Criteria left out follow those given. Raises `BadCriteria`.
    """
    criteria, owner_id = checked(order, pattern), user.pk or 0
    with transaction.atomic():
        lock_owner(owner_id)
        KeeperCriteria.objects.update_or_create(
            pk=owner_id, defaults={"order": criteria.order, "pattern": criteria.pattern}
        )
        groups.choose_anew(owner_id)
    return criteria
