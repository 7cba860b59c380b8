"""Photos that are alike, for tests: rows only, since what is tested never reads a file."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from gallery.models import EmbeddingModel, Photo
from search.duplicates.groups import groups
from search.duplicates.models import DuplicateEdge, DuplicateGroup, Kind

_numbers = itertools.count()
ADDED = datetime(2024, 5, 1, 12, tzinfo=UTC)


def photo(owner: Any, **fields: Any) -> Photo:
    """Return a stored photo of `owner`."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "owner": owner,
        "sha256": f"{number:064x}",
        "size": 1000,
        "format": "JPEG",
        "extension": "jpg",
        "name": f"{number}.jpg",
        "width": 400,
        "height": 300,
        "created_at": ADDED,
        "shown_at": fields.get("taken_at") or ADDED,
        "wall_at": fields.get("shown_at") or fields.get("taken_at") or ADDED,
    }
    return Photo.objects.create(**(defaults | fields))


def alike(
    first: Photo,
    second: Photo,
    closeness: float = 0.98,
    kind: Kind = Kind.SAME_PICTURE,
    how: str = "",
) -> DuplicateEdge:
    """Return the edge between two photos of one owner."""
    low, high = sorted((first, second), key=lambda photo: photo.pk)
    model, _ = EmbeddingModel.objects.get_or_create(key="colours", defaults={"dim": 8})
    return DuplicateEdge.objects.create(
        owner_id=first.owner_id,
        first=low,
        second=high,
        kind=kind,
        closeness=closeness,
        how=how,
        model=model,
    )


def group(*photos: Photo, kind: Kind = Kind.SAME_PICTURE) -> DuplicateGroup:
    """Make all the photos alike and return the group that they form."""
    for first, second in itertools.combinations(photos, 2):
        alike(first, second, kind=kind)
    groups.regroup(photos[0].owner_id, [photo.pk for photo in photos])
    return DuplicateGroup.objects.get(kind=kind, members__photo=photos[0])


def member_sets(owner: Any, kind: Kind = Kind.SAME_PICTURE) -> list[set[UUID]]:
    """Return the members of the owner's groups of a kind, the largest group first."""
    made_groups = DuplicateGroup.objects.filter(owner=owner, kind=kind).order_by("-size", "id")
    return [set(made.members.values_list("photo_id", flat=True)) for made in made_groups]


def ids(photos: Iterable[Photo]) -> set[UUID]:
    """Return the ids of photos."""
    return {photo.pk for photo in photos}
