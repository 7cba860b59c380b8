"""Full-text search in file names, captions, tags, albums, cameras and lenses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from gallery.models.photos import PhotoQuerySet


@dataclass(frozen=True)
class WordHit:
    """A photo whose words are those of the query; `reason` says where, for people.

    Such as "file name: IMG_2231.jpg" or "caption: … in Lisbon".
    """

    photo_id: UUID
    reason: str


def search(photos: PhotoQuerySet, texts: Sequence[str], *, limit: int = 200) -> list[WordHit]:
    """Return those of `photos` that have all words of one of the texts, best first."""
    return []
