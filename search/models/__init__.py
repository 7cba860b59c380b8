"""What the search keeps in SQL: searches, pictures that people searched by, words of photos."""

from search.models.searches import RecentSearch, SavedSearch, SentPicture
from search.models.words import PhotoWords

__all__ = ["PhotoWords", "RecentSearch", "SavedSearch", "SentPicture"]
