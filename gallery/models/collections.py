"""How people order their photos: albums, tags, and stacks of similar shots."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from gallery.models.access import User
from gallery.models.photos import Photo

NAME_LIMIT = 120


class AlbumQuerySet(models.QuerySet["Album"]):
    """Queries on albums; every answer to a person starts with `visible_to`."""

    def visible_to(self, user: User) -> AlbumQuerySet:
        """Return the albums that this user may know of: their own."""
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()


class Album(models.Model):
    """A named set of photos of one owner; removing it removes no photo."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="albums")
    name = models.CharField(max_length=NAME_LIMIT)
    created_at = models.DateTimeField(default=timezone.now)
    photos: models.ManyToManyField[Photo, Photo] = models.ManyToManyField(
        Photo, blank=True, related_name="albums"
    )

    objects = AlbumQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_album_of_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the album's page."""
        return reverse("album", args=[self.pk])


class Tag(models.Model):
    """A word that an owner puts on photos; the photos know their tags (`Photo.tags`)."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tags")
    name = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_tag_of_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class StackQuerySet(models.QuerySet["Stack"]):
    """Queries on stacks; every answer to a person starts with `visible_to`."""

    def visible_to(self, user: User) -> StackQuerySet:
        """Return the stacks that this user may know of: their own."""
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()


class Stack(models.Model):
    """Photos that are shown as one tile, the cover's (`Photo.stack`, `Photo.folded`).

    A stack has two or more live photos, and its cover is one of them; `gallery.stacks` keeps it
    so when photos come and go.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="stacks")
    cover = models.ForeignKey(Photo, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = StackQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.pk)


class SkippedFile(models.Model):
    """A file that was not stored because the same bytes are here already.

    Kept so that a person can see which files were skipped and of what they are copies. `name` is
    the cleaned file name of an upload, or the path below the folder that was imported.
    """

    class Source(models.TextChoices):
        UPLOAD = "upload"
        IMPORT = "import"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="skipped_copies")
    name = models.CharField(max_length=500)
    source = models.CharField(max_length=10, choices=Source.choices)
    skipped_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["photo", "source", "name"], name="one_row_per_skipped_name"
            ),
        ]
        indexes = [models.Index(fields=["owner", "-skipped_at"], name="skipped_newest")]

    def __str__(self) -> str:
        return self.name
