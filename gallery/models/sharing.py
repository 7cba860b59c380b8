"""What is shared, with whom, and by which links.

A `SharedSet` is an album or a saved search that its owner shares. It is opened by members, who
have accounts here, and by links. Whoever opens it, the owner too, is a `ShareAudience` and sees the
same photos by the same condition.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models.audience import Audience
from gallery.models.photo_library import (
    NAME_LIMIT,
    Album,
    InAlbum,
    OwnedQuerySet,
    Photo,
    User,
)
from gallery.models.sensitive import Sensitive

if TYPE_CHECKING:
    from collections.abc import Callable

LABEL_LIMIT = 60

suspects: list[Callable[[], Q]] = []
"""Conditions on photos that machines suspect, or have not looked at yet; the app above adds its."""


class SharedSet(models.Model):
    """An album, or what a saved search finds, that its owner shares.

    `search_id` is that of a saved search, which is kept by the app above; `name` is then its name,
    and `SharedMatch` holds the photos that it found when it was asked at `matched_at` with the
    query of `matched_query`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    album = models.OneToOneField(
        Album, models.CASCADE, null=True, blank=True, related_name="shared"
    )
    search_id = models.UUIDField(null=True, blank=True, unique=True)
    search_name = models.CharField(max_length=NAME_LIMIT, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    matched_at = models.DateTimeField(null=True, blank=True)
    matched_query = models.CharField(max_length=64, blank=True, help_text="SHA-256, hex")

    objects = OwnedQuerySet["SharedSet"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(album=None) ^ Q(search_id=None), name="shares_one_thing"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address under which members open it."""
        return reverse("shared", args=[self.pk])

    @property
    def manage_url(self) -> str:
        """The address of the page on which its owner decides who may open it."""
        if self.album_id is not None:
            return reverse("share-album", args=[self.album_id])
        return reverse("share-search", args=[self.search_id])

    @property
    def name(self) -> str:
        """The name of the album or of the saved search."""
        return self.album.name if self.album is not None else self.search_name

    def all_photos(self) -> Q:
        """Return the condition on the photos in it, withheld or not.

        Each part names the owner too: whatever a table says, no other person's photo is in it.
        """
        if self.album_id is not None:
            own = InAlbum.objects.filter(album_id=self.album_id).values("photo_id")
        else:
            own = SharedMatch.objects.filter(shared_id=self.pk).values("photo_id")
        given = Contribution.objects.open().filter(
            member__shared_id=self.pk, photo_id=OuterRef("pk")
        )
        theirs = Exists(given.filter(member__user_id=OuterRef("owner_id")))
        return Q(pk__in=own, owner_id=self.owner_id) | Q(theirs)

    def withheld(self) -> Q:
        """Return the condition on photos that never leave: sensitive, suspected or not looked at.

        The owner of a photo may say that it leaves all the same (`Release`). That word counts for
        what was known when it was given: a photo that is confirmed as sensitive afterwards is
        withheld again.
        """
        released = Release.objects.filter(shared_id=self.pk)
        later = released.filter(
            photo_id=OuterRef("photo_id"), released_at__gte=OuterRef("decided_at")
        )
        said = Sensitive.objects.veiling().filter(~Exists(later), photo_id=OuterRef("pk"))
        suspected = Q()
        for suspect in suspects:
            suspected |= suspect()
        named = Exists(released.filter(photo_id=OuterRef("pk")))
        return Q(Exists(said)) | (suspected & ~Q(named) if suspects else Q(pk__in=[]))

    def photos(self) -> Q:
        """Return the condition on the live photos that everybody sees to whom it is open."""
        return self.all_photos() & ~self.withheld()


class ShareRole(models.TextChoices):
    """What members may do."""

    VIEWER = "viewer", _("can look")
    CONTRIBUTOR = "contributor", _("can look and add photos")


class Grant(models.Model):
    """What lets somebody open a shared set, until when, and what it shows beside the pictures."""

    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_expired(self) -> bool:
        """Whether it opens nothing any longer."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_in_use(self) -> bool:
        """Whether it was used a moment ago; `last_used_at` is noted once a minute."""
        used = self.last_used_at
        return used is not None and timezone.now() - used < timedelta(minutes=3)


class ShareMember(Grant):
    """A person with an account here who may open a shared set.

    An original holds places and captions, so it is handed out only where both are shown.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    shared = models.ForeignKey(SharedSet, models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    role = models.CharField(max_length=12, choices=ShareRole, default=ShareRole.VIEWER)
    originals = models.BooleanField(default=True)
    places = models.BooleanField(default=True)
    names = models.BooleanField(default=True)
    captions = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shared", "user"], name="one_place_of_a_member")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.role}"

    @property
    def gives_originals(self) -> bool:
        """Whether it hands out original files."""
        return self.originals and self.places and self.captions


class Downloads(models.TextChoices):
    """What a link lets people take with them."""

    NONE = "none", _("look only")
    PICTURES = "pictures", _("JPEG pictures without any details")
    ORIGINALS = "originals", _("original files")


class ShareLink(Grant):
    """An address that opens a shared set to whoever has it.

    The secret in it is 256 random bits, of which only the SHA-256 is kept. `password` is hashed as
    those of accounts are; empty without one. `failures` counts wrong passwords since
    `failing_since`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    shared = models.ForeignKey(SharedSet, models.CASCADE, related_name="links")
    digest = models.CharField(max_length=64, unique=True)
    label = models.CharField(max_length=LABEL_LIMIT, blank=True)
    password = models.CharField(max_length=128, blank=True)
    downloads = models.CharField(max_length=10, choices=Downloads, default=Downloads.NONE)
    places = models.BooleanField(default=False)
    serials = models.BooleanField(default=False)
    names = models.BooleanField(default=False)
    captions = models.BooleanField(default=False)
    opened = models.PositiveIntegerField(default=0, help_text="times that its page was opened")
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.label or str(self.pk)

    @property
    def gives_originals(self) -> bool:
        """Whether it hands out original files: only where all that they may hold is shown."""
        return self.downloads == Downloads.ORIGINALS and self.shows_all_of_a_file

    @property
    def shows_all_of_a_file(self) -> bool:
        """Whether nothing that an original may hold is off: place, serial numbers, captions."""
        return self.places and self.serials and self.captions


class SharedMatch(models.Model):
    """A photo that the saved search of a shared set found when it was last asked."""

    shared = models.ForeignKey(SharedSet, models.CASCADE, related_name="+")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shared", "photo"], name="one_match")]

    def __str__(self) -> str:
        return str(self.photo_id)


class ContributionQuerySet(models.QuerySet["Contribution"]):
    """Queries on what members added."""

    def open(self) -> ContributionQuerySet:
        """Leave out what belongs to places that have expired."""
        ends = Q(member__expires_at=None) | Q(member__expires_at__gt=timezone.now())
        return self.filter(ends)

    def editable_by(self, user: User) -> ContributionQuerySet:
        """Return what this user may take out: own photos, and all of the sets that they own."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(Q(photo__owner_id=user.pk) | Q(member__shared__owner_id=user.pk))


class Contribution(models.Model):
    """A photo of a member in a shared album of another person.

    The member stays the owner of the photo. The row goes with the member's place.
    """

    member = models.ForeignKey(ShareMember, models.CASCADE, related_name="contributions")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="contributions")
    added_at = models.DateTimeField(default=timezone.now)

    objects = ContributionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "photo"], name="one_contribution")]

    def __str__(self) -> str:
        return str(self.photo_id)


class Release(models.Model):
    """The word of a photo's owner that a shared set shows it although it would be withheld."""

    shared = models.ForeignKey(SharedSet, models.CASCADE, related_name="+")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    released_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shared", "photo"], name="one_release")]

    def __str__(self) -> str:
        return str(self.photo_id)


# --- audiences ------------------------------------------------------------------------------------


class ShareAudience(Audience):
    """Whoever opened a shared set: what they see, and what they may take and do.

    `member` is set for people with an account here, `link` for those who came by a link; the
    owner of the set has neither.
    """

    shows_places = shows_names = shows_captions = True

    def __init__(
        self,
        shared: SharedSet,
        *,
        member: ShareMember | None = None,
        link: ShareLink | None = None,
    ) -> None:
        self.shared, self.member, self.link = shared, member, link
        if (grant := member or link) is not None:
            self.shows_places = grant.places
            self.shows_names = grant.names
            self.shows_captions = grant.captions

    @property
    def id(self) -> uuid.UUID:
        """The id of the member's place, of the link, or of the set."""
        grant = self.member or self.link
        return grant.pk if grant is not None else self.shared.pk

    def sees(self) -> Q:
        """Return the condition on the photos of the set that are not withheld."""
        return self.shared.photos()

    @property
    def is_owner(self) -> bool:
        """Whether it is the owner of the set, who looks at it as others do."""
        return self.member is None and self.link is None

    @property
    def may_contribute(self) -> bool:
        """Whether it may add photos; the owner adds to the album itself."""
        member = self.member
        is_album = self.shared.album_id is not None
        return member is not None and member.role == ShareRole.CONTRIBUTOR and is_album

    @property
    def gives_originals(self) -> bool:
        """Whether original files are handed out."""
        grant = self.member or self.link
        return grant is None or grant.gives_originals

    @property
    def gives_pictures(self) -> bool:
        """Whether anything can be downloaded."""
        return self.link is None or self.link.downloads != Downloads.NONE
