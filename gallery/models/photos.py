"""Photos, who may see them, and the tombstones of those that are gone."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q, Sum
from django.urls import reverse
from django.utils import timezone

from gallery.models.access import User

if TYPE_CHECKING:
    from gallery.models.collections import Tag
    from gallery.models.embeddings import Embedding

LIVE_PHOTO = Q(photo__deleted_at=None, photo__trashed_at=None)
"""What `PhotoQuerySet.live` asks of photos, for rows that point to one."""


class PhotoQuerySet(models.QuerySet["Photo"]):
    """Queries on photos; every answer to a person starts with `visible_to`."""

    def visible_to(self, user: User) -> PhotoQuerySet:
        """Return the photos that this user may know of: their own, neither trashed nor deleted."""
        return self.live()._of(user)

    def in_trash_of(self, user: User) -> PhotoQuerySet:
        """Return what lies in this user's trash: seen on the trash pages and nowhere else."""
        return self.trashed()._of(user)

    def _of(self, user: User) -> PhotoQuerySet:
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()

    def live(self) -> PhotoQuerySet:
        """Leave out photos in the trash and those whose deletion has been asked for."""
        return self.filter(deleted_at=None, trashed_at=None)

    def trashed(self) -> PhotoQuerySet:
        """Return the photos in the trash, which can still be restored."""
        return self.filter(deleted_at=None).exclude(trashed_at=None)

    def kept(self) -> PhotoQuerySet:
        """Return the photos whose files must be there: the live ones and those in the trash."""
        return self.filter(deleted_at=None)

    def unfolded(self) -> PhotoQuerySet:
        """Leave out photos that are folded under the cover of their stack."""
        return self.filter(folded=False)

    def newest_first(self) -> PhotoQuerySet:
        """Order by day shown, newest first, with the id as a stable tie-break."""
        return self.order_by("-shown_at", "-id")

    def cover_first(self) -> PhotoQuerySet:
        """Order the photos of a stack: its cover, then the others, the oldest first."""
        return self.order_by("folded", "shown_at", "pk")

    def total_bytes(self) -> int:
        """Return how many bytes the originals take."""
        total: int | None = self.aggregate(total=Sum("size"))["total"]
        return total or 0

    def before(self, shown_at: datetime, photo_id: uuid.UUID) -> PhotoQuerySet:
        """Return what follows the given photo in `newest_first` order (keyset pagination)."""
        return self.filter(Q(shown_at__lt=shown_at) | Q(shown_at=shown_at, id__lt=photo_id))


class Photo(models.Model):
    """One accepted picture of one owner.

    The original file is named by the id, so it never changes place. `width` and `height` are
    upright, after EXIF orientation. `shown_at` is when the photo was taken, or uploaded if that
    is unknown; the grid is ordered by it. `decoded_at` is set once the thumbnail exists.
    `trashed_at` is set while the photo lies in the trash: it is in no answer but the trash's own,
    its points are gone from the index, and all else is kept until it is restored or purged.
    `deleted_at` is set in the same transaction as the tombstone, and from then on the photo is
    nowhere; the row goes when the index and the files have let go of it. `folded` is true for
    members of a stack other than its cover. `camera` to `colours` are what filters look at, taken
    from `exif` and the pixels; both or neither of `latitude` and `longitude` are set. `colours` is
    empty until the picture was decoded, then like ",blue,white,".
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="photos")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="bytes of the original")
    format = models.CharField(max_length=10, help_text="as found in the content: JPEG, PNG, ...")
    extension = models.CharField(max_length=5)
    name = models.CharField(max_length=200, help_text="the cleaned file name, for people")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    taken_at = models.DateTimeField(null=True, blank=True)
    shown_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)
    exif = models.JSONField(default=dict, blank=True)
    colour = models.CharField(max_length=7, default="#8a8a8a")
    phash = models.CharField(max_length=16, blank=True, help_text="64-bit perceptual hash, hex")
    decoded_at = models.DateTimeField(null=True, blank=True)
    trashed_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    camera = models.CharField(max_length=120, blank=True, help_text="make and model, for people")
    lens = models.CharField(max_length=200, blank=True)
    latitude = models.FloatField(null=True, blank=True, help_text="degrees, north is positive")
    longitude = models.FloatField(null=True, blank=True, help_text="degrees, east is positive")
    colours = models.CharField(
        max_length=100, blank=True, help_text="names of the main colours with commas around each"
    )
    rating = models.PositiveSmallIntegerField(default=0, help_text="stars, 1 to 5; 0 is none")
    favourite = models.BooleanField(default=False)
    caption = models.CharField(max_length=2000, blank=True)
    tags: models.ManyToManyField[Tag, Tag] = models.ManyToManyField(
        "gallery.Tag", blank=True, related_name="photos"
    )
    stack = models.ForeignKey(
        "gallery.Stack", models.SET_NULL, null=True, blank=True, related_name="photos"
    )
    folded = models.BooleanField(default=False)

    objects = PhotoQuerySet.as_manager()
    if TYPE_CHECKING:
        embeddings: models.Manager[Embedding]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "sha256"], condition=Q(deleted_at=None), name="one_live_copy"
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner", "-shown_at", "-id"],
                condition=Q(deleted_at=None, trashed_at=None),
                name="photo_grid",
            ),
            models.Index(
                fields=["owner", "-shown_at", "-id"],
                condition=Q(deleted_at=None, trashed_at=None, folded=False),
                name="photo_grid_folded",
            ),
            # Holds all that counting and looking for names asks for, so that neither walks over
            # the photos: SQLite looks the columns up that the condition implies. Without the
            # condition its statistics would speak of the moments at which photos were trashed, and
            # the grid be sorted rather than read in order.
            models.Index(
                fields=["owner", "deleted_at", "trashed_at", "name", "id"],
                condition=Q(deleted_at=None, trashed_at=None),
                name="photo_live",
            ),
            models.Index(
                fields=["owner", "-trashed_at", "-id"],
                condition=Q(deleted_at=None) & ~Q(trashed_at=None),
                name="photo_trash",
            ),
            models.Index(
                fields=["owner", "camera"],
                condition=Q(deleted_at=None, trashed_at=None),
                name="photo_camera",
            ),
            models.Index(
                fields=["owner", "lens"],
                condition=Q(deleted_at=None, trashed_at=None),
                name="photo_lens",
            ),
            # Of few photos each, so that SQLite does not take them for all photos of an owner.
            models.Index(
                fields=["owner", "deleted_at", "trashed_at", "id"],
                condition=Q(favourite=True),
                name="photo_favourite",
            ),
            models.Index(
                fields=["owner", "rating", "id"],
                condition=Q(deleted_at=None, trashed_at=None, rating__gt=0),
                name="photo_rating",
            ),
            models.Index(fields=["phash"], name="photo_phash"),
            models.Index(
                fields=["deleted_at"], condition=~Q(deleted_at=None), name="photo_deleting"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the photo's page."""
        return reverse("photo", args=[self.pk])


class Tombstone(models.Model):
    """Says for 30 days that a photo was deleted, so that late work cannot bring it back."""

    photo_id = models.UUIDField(primary_key=True)
    owner_id = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    deleted_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return str(self.photo_id)
