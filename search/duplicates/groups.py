"""Groups of duplicates in the database: made from edges, and kept right as photos come and go."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from search.duplicates.shown import (
    SAME_FILE,
    SORTS,
    Alike,
    Page,
    Shown,
    ShownMember,
    Totals,
    alike,
    page,
    shown,
    skipped,
    totals,
)

__all__ = [
    "SAME_FILE",
    "SORTS",
    "Alike",
    "Page",
    "Shown",
    "ShownMember",
    "Totals",
    "alike",
    "follow",
    "page",
    "regroup",
    "regroup_all",
    "shown",
    "skipped",
    "totals",
]


def regroup(owner_id: int, photo_ids: Iterable[UUID]) -> None:
    """Group anew what lies around the given photos, after edges or photos changed."""


def regroup_all(owner_id: int) -> None:
    """Group all photos of an owner anew."""


def follow(photo_ids: list[UUID]) -> None:
    """Bring the groups up to date with photos that went to the trash or came back."""
