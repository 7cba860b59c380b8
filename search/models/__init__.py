"""What search keeps in SQL: searches, pictures from outside, and the words of photos."""

from search.models.searches import RecentSearch, SavedSearch, SentPicture
from search.models.words import PhotoWords

__all__ = ["PhotoWords", "RecentSearch", "SavedSearch", "SentPicture"]
