"""Somebody who looks at what is shared, in the place where a user stands elsewhere.

Views and searches take a user and ask `Photo.objects.visible_to(user)`. An audience can be given
to them instead: it sees what is shared with it and nothing else. Its `pk` is the number of no
account, so whatever is still asked by owner (albums, tags, labels, recent searches, the trash)
answers with nothing, and caches that are kept by user keep audiences apart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar
from uuid import UUID

from django.db.models import Q

PRIVATE_FILTERS = frozenset({"album", "tag", "label", "rating", "is", "has", "in"})
"""Filters that would tell what owners did with their photos."""
_PLACES, _NAMES = frozenset({"place", "near", "area"}), frozenset({"name"})


class Audience(ABC):
    """Somebody who looks at what is shared."""

    is_authenticated: ClassVar[bool] = False
    """An audience owns nothing and changes nothing, whoever it is."""

    @property
    @abstractmethod
    def id(self) -> UUID:
        """The id of what lets the audience in."""

    @property
    @abstractmethod
    def shows_places(self) -> bool:
        """Whether it may know where photos were taken."""

    @property
    @abstractmethod
    def shows_names(self) -> bool:
        """Whether it may know the names of files."""

    @property
    @abstractmethod
    def shows_captions(self) -> bool:
        """Whether it may read captions."""

    @abstractmethod
    def sees(self) -> Q:
        """Return the condition on the live photos that the audience may see."""

    @property
    def pk(self) -> int:
        """A negative number, the same for the same audience; accounts have positive ones."""
        return -1 - (self.id.int >> 66)

    def may_filter_by(self, name: str) -> bool:
        """Tell whether a filter of this name tells nothing that is not shared."""
        if name in PRIVATE_FILTERS:
            return False
        return (self.shows_places or name not in _PLACES) and (
            self.shows_names or name not in _NAMES
        )
