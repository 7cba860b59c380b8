"""What search keeps in SQL: searches, pictures from outside, and the words of photos."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from gallery.models import OwnedQuerySet, Photo

QUERY_LIMIT = 4096
NAME_LIMIT = 120


class RecentSearch(models.Model):
    """A query that was asked, once per text (`language.to_text`), with when it was last asked."""

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
    """A query with a name, which shows what matches now whenever it is opened: a smart album."""

    counts_for_quota = True
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
        """Return the address of its page."""
        return reverse("saved-search", args=[self.pk])


class SentPicture(models.Model):
    """A picture that somebody searched by, kept for a while so that it can be combined and paged.

    `thumbnail` is WebP of at most 512 px without metadata, `vector` the embedding (float16,
    little-endian) in the space of the model `key`, made again when another model answers.
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


class PhotoWords(models.Model):
    """The words of one photo: file name, tags, albums, caption, camera, lens and place.

    `words` has a line for each kind, as `search.fulltext.normalization` writes it. Triggers in the
    database make a row with each photo and mark it as `stale` when something changes that the
    words come from; then `search.fulltext.upkeep` writes the words again.
    """

    id = models.BigAutoField(primary_key=True)
    # No index of its own, because SQLite would prefer it to the index of stale rows.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    photo = models.OneToOneField(Photo, models.CASCADE, related_name="words")
    words = models.TextField(blank=True)
    stale = models.BooleanField(default=True)

    class Meta:
        indexes = [
            models.Index(fields=["owner"], condition=Q(stale=True), name="words_to_refresh"),
        ]

    def __str__(self) -> str:
        return self.words[:80]
