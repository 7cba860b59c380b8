"""The photos of an owner, and how people order them: albums, tags, stacks."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Q, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models.alternative_text import HasAlternativeText
from gallery.models.audience import Audience
from gallery.models.dialects import PrefixIndex
from gallery.models.sensitive import Sensitive, State, hidden_photos_of

NAME_LIMIT = 120
TAG_LIMIT = 60
CAPTION_LIMIT = 2000
"""Characters of an album's name, of a tag and of a caption."""
User = AbstractBaseUser | AnonymousUser | Audience
"""Whoever sends a request: signed in or not, or somebody who looks at what is shared."""
_LIVE = Q(deleted_at=None, trashed_at=None)
_IN_FACETS = ("owner", "colours", "format", "width", "height", "latitude")
_OF_OWNER = ("owner", "deleted_at", "trashed_at")
_DECODED = Q(deleted_at=None, trashed_at=None, decoded_at__isnull=False)
_TRASHED = Q(deleted_at=None) & ~Q(trashed_at=None)
LIVE_PHOTO = Q(photo__deleted_at=None, photo__trashed_at=None)
"""What `PhotoQuerySet.live` asks of photos, for rows that point to one."""

Row = TypeVar("Row", bound=models.Model)


class OwnedQuerySet(models.QuerySet[Row]):
    """Queries on rows of one owner; every answer to a person starts with `visible_to`."""

    def visible_to(self, user: User) -> OwnedQuerySet[Row]:
        """Return the rows that this user may know of: their own."""
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()


def hidden_photos(user: User) -> models.QuerySet[Sensitive, Any]:
    """Return the ids of the photos that this user keeps out of all lists, as a subquery."""
    return hidden_photos_of(user.pk)


class PhotoQuerySet(models.QuerySet["Photo"]):
    """Queries on photos; every answer to a person starts with `visible_to`."""

    def by_size(self) -> PhotoQuerySet:
        """Return the photos that are not deleted, from the index of their sizes."""
        # Databases know an index with a condition by its words, which a parameter would hide.
        photos = self.not_deleted().extra(where=['"gallery_photo"."size" >= 0'])
        return cast(PhotoQuerySet, photos)

    def flawed(self) -> PhotoQuerySet:
        """Return the photos whose files lack something, from the index of those."""
        return cast(PhotoQuerySet, self.extra(where=['"gallery_photo"."flaw" > \'\'']))

    def visible_to(self, user: User, *, hidden: bool = False) -> PhotoQuerySet:
        """Return the photos that this user may know of: their own, neither trashed nor deleted.

        Those that the user keeps out of all lists as sensitive are left out. With `hidden` they
        are in: for one photo that is asked for by its id, and for the pages about them. An audience
        gets what is shared with it, whatever `hidden` is.
        """
        if isinstance(user, Audience):
            return self.live().filter(user.sees())
        photos = self.live()._owned_by(user)
        return photos if hidden else photos.listed(user)

    def in_trash_of(self, user: User) -> PhotoQuerySet:
        """Return the photos in this user's trash: for the trash pages and nothing else."""
        return self.trashed()._owned_by(user)

    def _owned_by(self, user: User) -> PhotoQuerySet:
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()

    def listed(self, user: User) -> PhotoQuerySet:
        """Leave out the photos that this user keeps out of all lists as sensitive."""
        # Not by a join or `Exists`: the few ids are read once, and every index is used as before.
        return self.exclude(pk__in=hidden_photos(user))

    def live(self) -> PhotoQuerySet:
        """Leave out photos in the trash and photos marked for deletion."""
        return self.filter(deleted_at=None, trashed_at=None)

    def trashed(self) -> PhotoQuerySet:
        """Return the photos in the trash, which can still be restored."""
        return self.filter(deleted_at=None).exclude(trashed_at=None)

    def not_deleted(self) -> PhotoQuerySet:
        """Return the photos whose files must exist: the live ones and those in the trash."""
        return self.filter(deleted_at=None)

    def unfolded(self) -> PhotoQuerySet:
        """Leave out photos that are hidden under the cover of their stack."""
        return self.filter(folded=False)

    def newest_first(self) -> PhotoQuerySet:
        """Order by `shown_at`, newest first; the id breaks ties."""
        return self.order_by("-shown_at", "-id")

    def cover_first(self) -> PhotoQuerySet:
        """Order the photos of a stack: the cover, then the others, oldest first."""
        return self.order_by("folded", "shown_at", "pk")

    def total_bytes(self) -> int:
        """Return how many bytes the originals take."""
        total: int | None = self.aggregate(total=Sum("size"))["total"]
        return total or 0

    def before(self, shown_at: datetime, photo_id: uuid.UUID) -> PhotoQuerySet:
        """Return what follows the given photo in `newest_first` order (keyset pagination)."""
        return self.filter(Q(shown_at__lt=shown_at) | Q(shown_at=shown_at, id__lt=photo_id))


class Photo(HasAlternativeText):
    """One picture of one owner.

    The id names the original file, so the file never moves. `width` and `height` are upright,
    after EXIF orientation. `decoded_at` is set once the thumbnail exists.

    `wall_at` is what the clock on the wall said when the photo was taken: the camera's local time,
    kept as if it were UTC, so that no setting ever moves a photo to another day. It decides days,
    months and years. `utc_offset` tells how far that clock was ahead of UTC, and both give the
    instant `taken_at`. `date_source` and `offset_source` say where they come from. If the date is
    unknown, `taken_at` and `utc_offset` are None and `wall_at` is the time of the upload in the
    gallery's zone. `shown_at` orders the grid: `taken_at`, or the time of the upload.

    `place` names the nearest town, and `place_id` is its number in GeoNames; "" and None where the
    coordinates are unknown or far from any town.

    `trashed_at` is set while the photo is in the trash: only the trash pages show it and its
    points are out of the index, but everything else stays until it is restored or purged.
    `trashed_lived` is the same moment in lived time (`gallery.lived_time`), by which it is purged.
    `deleted_at` is set in the same transaction as the tombstone. From then on nothing shows the
    photo; the row goes once the points and the files are gone.

    `folded` is true for members of a stack other than its cover. Filters read `camera` to
    `colours`, which come from `exif` and the pixels. `latitude` and `longitude` are set together
    or not at all. `colours` is empty until the picture is decoded, then like ",blue,white,".

    `flaw` says what is missing of the picture: its end or a few rows (it is shown and searched all
    the same), or a large part. `motion` tells that the file holds a short video too, or that one is
    kept beside it (`Companion`).

    `external` tells that Scry has no copy of the original: it is a file of an external folder.
    """

    class Flaw(models.TextChoices):
        NONE = "", _("nothing is missing")
        CUT_SHORT = "cut_short", _("cut short")
        INCOMPLETE = "incomplete", _("copied only in part")

    class Motion(models.TextChoices):
        NONE = "", _("no video")
        INSIDE = "inside", _("a video in the file")
        BESIDE = "beside", _("a video beside the file")

    class DateSource(models.TextChoices):
        UNKNOWN = "", _("unknown, so the time of the upload")
        CAMERA = "camera", _("from the camera")
        GPS = "gps", _("from GPS")
        METADATA = "metadata", _("from the file's description")
        SIDECAR = "sidecar", _("from the file beside it")
        NAME = "name", _("from the file name")
        FILE = "file", _("from the file's last change")
        PERSON = "person", _("set by hand")

    class OffsetSource(models.TextChoices):
        UNKNOWN = "", _("unknown")
        CAMERA = "camera", _("from the camera")
        GPS = "gps", _("from GPS")
        PLACE = "place", _("of the place")
        SIDECAR = "sidecar", _("from the file beside it")
        ASSUMED = "assumed", _("the gallery's, assumed")
        PERSON = "person", _("set by hand")

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
    wall_at = models.DateTimeField(default=timezone.now, help_text="local time, kept as if UTC")
    utc_offset = models.SmallIntegerField(null=True, blank=True, help_text="minutes east of UTC")
    date_source = models.CharField(max_length=8, blank=True, choices=DateSource)
    offset_source = models.CharField(max_length=8, blank=True, choices=OffsetSource)
    shown_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)
    exif = models.JSONField(default=dict, blank=True)
    colour = models.CharField(max_length=7, default="#8a8a8a")
    phash = models.CharField(max_length=16, blank=True, help_text="64-bit perceptual hash, hex")
    decoded_at = models.DateTimeField(null=True, blank=True)
    trashed_at = models.DateTimeField(null=True, blank=True)
    trashed_lived = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="seconds of lived time when it went to the trash"
    )
    deleted_at = models.DateTimeField(null=True, blank=True)
    camera = models.CharField(max_length=120, blank=True, help_text="make and model, for people")
    lens = models.CharField(max_length=200, blank=True)
    latitude = models.FloatField(null=True, blank=True, help_text="degrees, north is positive")
    longitude = models.FloatField(null=True, blank=True, help_text="degrees, east is positive")
    place = models.CharField(max_length=200, blank=True, help_text="the nearest town, for people")
    place_id = models.IntegerField(null=True, blank=True, help_text="its number in GeoNames")
    colours = models.CharField(
        max_length=100, blank=True, help_text="names of the main colours with commas around each"
    )
    rating = models.PositiveSmallIntegerField(default=0, help_text="stars, 1 to 5; 0 is none")
    favourite = models.BooleanField(default=False)
    caption = models.CharField(max_length=CAPTION_LIMIT, blank=True)
    tags: models.ManyToManyField[Tag, Tag] = models.ManyToManyField(
        "gallery.Tag", blank=True, related_name="photos"
    )
    stack = models.ForeignKey(
        "gallery.Stack", models.SET_NULL, null=True, blank=True, related_name="photos"
    )
    folded = models.BooleanField(default=False)
    flaw = models.CharField(max_length=12, blank=True, choices=Flaw)
    motion = models.CharField(max_length=8, blank=True, choices=Motion)
    external = models.BooleanField(default=False)
    read_at = models.DateTimeField(
        null=True, blank=True, help_text="when Scry's own copy was last read whole"
    )
    measured_at = models.DateTimeField(
        null=True, blank=True, help_text="when its sharpness was measured; see PhotoQuality"
    )
    screened_at = models.DateTimeField(
        null=True, blank=True, help_text="when the network for nudity looked at it"
    )

    objects = PhotoQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "sha256"], condition=Q(deleted_at=None), name="one_live_copy"
            )
        ]
        indexes = [
            models.Index(fields=["owner", "-shown_at", "-id"], condition=_LIVE, name="photo_grid"),
            models.Index(
                fields=["owner", "-shown_at", "-id"],
                condition=Q(deleted_at=None, trashed_at=None, folded=False),
                name="photo_grid_folded",
            ),
            # Covers counting photos and searching names, so that neither reads the table: SQLite
            # looks up the columns that the condition implies. Without the condition, SQLite's
            # statistics would describe `trashed_at`, and it would sort the grid instead of reading
            # it in order.
            models.Index(fields=[*_OF_OWNER, "name", "id"], condition=_LIVE, name="photo_live"),
            PrefixIndex(fields=[*_OF_OWNER, "name"], condition=_LIVE, name="photo_name"),
            models.Index(fields=["owner", "size"], condition=Q(flaw__gt=""), name="photo_flawed"),
            models.Index(
                fields=["owner", "-trashed_at", "-id"], condition=_TRASHED, name="photo_trash"
            ),
            models.Index(fields=["trashed_lived"], condition=_TRASHED, name="photo_trash_age"),
            models.Index(fields=["owner", "wall_at"], condition=_LIVE, name="photo_wall"),
            models.Index(fields=["owner", "place_id"], condition=_LIVE, name="photo_place"),
            # Clusters of a map are counted in it, without the table (`gallery.clusters`).
            models.Index(
                fields=[*_OF_OWNER, "latitude", "longitude", "id"],
                condition=_LIVE & Q(latitude__isnull=False),
                name="photo_position",
            ),
            models.Index(fields=["owner", "camera"], condition=_LIVE, name="photo_camera"),
            models.Index(fields=["owner", "lens"], condition=_LIVE, name="photo_lens"),
            # Facets of a whole library are counted in it, without the table.
            models.Index(fields=_IN_FACETS, condition=_LIVE, name="photo_facets"),
            # These two hold few photos, so that SQLite does not use them to list all of them.
            models.Index(
                fields=[*_OF_OWNER, "id"], condition=Q(favourite=True), name="photo_favourite"
            ),
            models.Index(
                fields=["owner", "rating", "id"],
                condition=Q(deleted_at=None, trashed_at=None, rating__gt=0),
                name="photo_rating",
            ),
            # What waits to be looked at, for `owners_in_turn`: the newest of each owner.
            models.Index(
                fields=["owner", "-created_at", "-id"],
                condition=_DECODED & Q(measured_at=None),
                name="photo_to_measure",
            ),
            models.Index(
                fields=["owner", "-created_at", "-id"],
                condition=_DECODED & Q(screened_at=None),
                name="photo_to_screen",
            ),
            models.Index(
                fields=["owner"],
                condition=Q(deleted_at=None, external=False, read_at=None),
                name="photo_to_read",
            ),
            models.Index(
                fields=["read_at", "owner"],
                condition=Q(deleted_at=None, external=False),
                name="photo_read",
            ),
            # Only the query that names this condition uses it (`gallery.quotas`).
            models.Index(
                fields=["owner", "external", "size"],
                condition=Q(deleted_at=None, size__gte=0),
                name="photo_size",
            ),
            models.Index(fields=["phash"], name="photo_phash"),
            models.Index(
                fields=["deleted_at"], condition=~Q(deleted_at=None), name="photo_deleting"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("photo", args=[self.pk])

    @property
    def confirmed_kinds(self) -> list[str]:
        """The kinds of sensitive pictures that its owner confirmed."""
        said = self.sensitive.all()
        return sorted(word.kind for word in said if word.state == State.CONFIRMED)

    @property
    def local_time(self) -> datetime:
        """What the clock on the wall said, naive, so that no template moves it to another zone."""
        return self.wall_at.replace(tzinfo=None)


class Album(models.Model):
    """A named set of photos of one owner; removing it removes no photo."""

    counts_for_quota = True
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="albums")
    name = models.CharField(max_length=NAME_LIMIT)
    created_at = models.DateTimeField(default=timezone.now)
    photos: models.ManyToManyField[Photo, Photo] = models.ManyToManyField(
        Photo, blank=True, related_name="albums"
    )

    objects = OwnedQuerySet["Album"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_album_of_a_name")
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("album", args=[self.pk])


class Tag(models.Model):
    """A word that an owner puts on photos (`Photo.tags`)."""

    counts_for_quota = True
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tags")
    name = models.CharField(max_length=TAG_LIMIT)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="one_tag_of_a_name")]

    def __str__(self) -> str:
        return self.name


# The tables in between, which the type checker cannot know because Django makes them.
InAlbum: Any = Album.photos.through
Tagged: Any = Photo.tags.through
