"""What the search keeps in SQL: duplicates, searches, pictures searched by, words."""

from search.models.duplicates import (
    DuplicateGroup,
    DuplicateGroupQuerySet,
    GroupMember,
    KeeperCriteria,
    Kind,
    Likeness,
    NotTheSame,
    Resolution,
    Sweep,
)
from search.models.searches import RecentSearch, SavedSearch, SentPicture
from search.models.words import PhotoWords

__all__ = [
    "DuplicateGroup",
    "DuplicateGroupQuerySet",
    "GroupMember",
    "KeeperCriteria",
    "Kind",
    "Likeness",
    "NotTheSame",
    "PhotoWords",
    "RecentSearch",
    "Resolution",
    "SavedSearch",
    "SentPicture",
    "Sweep",
]
