"""Recent searches, saved searches, and pictures from outside that people searched by."""

from __future__ import annotations

import uuid
from typing import TypeVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from gallery.models import User

QUERY_LIMIT = 4096
NAME_LIMIT = 120
_Row = TypeVar("_Row", bound=models.Model)


class OwnedQuerySet(models.QuerySet[_Row]):
    """Rows of one owner. Every query for a person starts with `visible_to`."""

    def visible_to(self, user: User) -> OwnedQuerySet[_Row]:
        """Return the rows that this user may see: their own."""
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()


class RecentSearch(models.Model):
    """A recent query, one row per text (`language.to_text`), with the time of its last use."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    query = models.CharField(max_length=QUERY_LIMIT)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the query, hex")
    used_at = models.DateTimeField(default=timezone.now)

    objects = OwnedQuerySet["RecentSearch"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "digest"], name="one_row_per_query"),
        ]
        indexes = [models.Index(fields=["owner", "-used_at"], name="recent_searches")]

    def __str__(self) -> str:
        return self.query


class SavedSearch(models.Model):
    """A query with a name: a smart album, which always shows what matches now."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=NAME_LIMIT)
    query = models.CharField(max_length=QUERY_LIMIT)
    created_at = models.DateTimeField(default=timezone.now)

    objects = OwnedQuerySet["SavedSearch"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_search_of_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the page of this search."""
        return reverse("saved-search", args=[self.pk])


class SentPicture(models.Model):
    """A picture from outside that somebody searched by, kept for further pages and queries.

    `thumbnail` is WebP of at most 512 px without metadata. `vector` is the embedding (float16,
    little-endian) in the space of the model `key`; another model makes its own.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=200, blank=True)
    thumbnail = models.BinaryField()
    key = models.CharField(max_length=200, blank=True)
    vector = models.BinaryField(null=True, blank=True)
    used_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = OwnedQuerySet["SentPicture"].as_manager()

    def __str__(self) -> str:
        return str(self.pk)
