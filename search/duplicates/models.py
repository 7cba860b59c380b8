"""Pairs of photos that are alike, the groups made of them, and what people decided about those."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models import EmbeddingModel, OwnedQuerySet, Photo, User, hidden_photos


class Kind(models.TextChoices):
    """How two photos are alike. The kinds are never mixed in one group.

    Files with equal bytes are no kind here: the gallery keeps one copy and remembers the names of
    the skipped ones (`gallery.models.SkippedFile`).
    """

    SAME_PICTURE = "same_picture", _("Same picture")
    SIMILAR_SHOTS = "similar_shots", _("Similar shots")


class Change(models.TextChoices):
    """What was done to one of two copies of a picture, if it matters to people."""

    ROTATED = "rotated", _("rotated")
    MIRRORED = "mirrored", _("mirrored")
    CROPPED = "cropped", _("cropped")


class DuplicateEdge(models.Model):
    """An edge: two photos of one owner that are alike, `first` having the smaller id.

    `closeness` is from 0 to 1 and comparable within a kind only: for the same picture the
    correlation of the aligned pixels, for similar shots the cosine similarity of the embeddings.
    `how` is a `Change` or "". `model` is the one whose embeddings brought the photos together.
    `evidence` is what was measured of two copies: how the second lies over the first (`turn`, then
    `scale` and `shift` as x, y; see `search.duplicates.find.alignment`), `overlay`, "first" or
    "second" for the one that something was written on, else "", and `border`, "first", "second" or
    "both", if the border was cut off first; then nothing is said of how they lie.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    first = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    second = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    closeness = models.FloatField()
    how = models.CharField(max_length=20, blank=True, choices=Change.choices)
    evidence = models.JSONField(default=dict, blank=True)
    model = models.ForeignKey(EmbeddingModel, models.CASCADE, related_name="+")
    found_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="one_edge_of_a_pair"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="edge_in_order"),
        ]
        indexes = [models.Index(fields=["owner", "kind"], name="edge_of_owner")]

    def __str__(self) -> str:
        return f"{self.first_id} {self.kind} {self.second_id}"


class NotTheSame(models.Model):
    """A person's word that two photos are no duplicates: it holds whatever a later model finds."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    first = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    second = models.ForeignKey(Photo, models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="one_word_on_a_pair"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="word_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} is not {self.second_id}"


class DuplicateGroupQuerySet(OwnedQuerySet["DuplicateGroup"]):
    """Queries on groups."""

    def visible_to(self, user: User) -> DuplicateGroupQuerySet:
        """Return this user's groups, but none with a photo that is hidden as sensitive."""
        hidden = GroupMember.objects.filter(photo__in=hidden_photos(user)).values("group")
        return self.filter(owner_id=user.pk or 0).exclude(pk__in=hidden)


class DuplicateGroup(models.Model):
    """Photos that wait for a decision. Each has an edge to the medoid, so groups never chain.

    Made from edges by `search.duplicates.groups.groups`, and deleted once decided (`Resolution`).
    `keeper` is the photo to keep by the owner's criteria, `recoverable` the bytes of all others,
    `closeness` that of the least close member, `newest_at` the day of the newest one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    medoid = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    keeper = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    size = models.PositiveIntegerField(help_text="number of photos")
    recoverable = models.PositiveBigIntegerField(help_text="bytes")
    closeness = models.FloatField()
    newest_at = models.DateTimeField()

    objects = DuplicateGroupQuerySet.as_manager()
    if TYPE_CHECKING:
        members: models.Manager[GroupMember]

    class Meta:
        indexes = [
            models.Index(fields=["owner", "kind", "-recoverable", "id"], name="group_by_bytes"),
            models.Index(fields=["owner", "kind", "-newest_at", "id"], name="group_by_date"),
            models.Index(fields=["owner", "kind", "-closeness", "id"], name="group_by_closeness"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class GroupMember(models.Model):
    """A photo in a group, with its closeness to the medoid (1 for the medoid itself).

    A photo is in at most one group of a kind.
    """

    group = models.ForeignKey(DuplicateGroup, models.CASCADE, related_name="members")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    closeness = models.FloatField()
    how = models.CharField(max_length=20, blank=True, choices=Change.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["photo", "kind"], name="one_group_of_a_kind")
        ]

    def __str__(self) -> str:
        return f"{self.photo_id} in {self.group_id}"


class KeeperCriteria(models.Model):
    """What one owner wants to keep: criteria, the most important first, and a name pattern."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+"
    )
    order = models.JSONField(default=list)
    pattern = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return ", ".join(self.order)


class Resolution(models.Model):
    """One decision about one group, with everything needed to undo it.

    Decisions taken together share `batch`. `changes` is JSON that only
    `search.duplicates.review.decisions` and `history` write and read: the ids of the trashed
    photos, and what the keeper gained.
    """

    class Action(models.TextChoices):
        KEEP = "keep", _("Kept the best")
        STACK = "stack", _("Stacked")
        DISMISS = "dismiss", _("Not the same")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    batch = models.UUIDField(default=uuid.uuid4, db_index=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    action = models.CharField(max_length=10, choices=Action.choices)
    keeper = models.ForeignKey(Photo, models.SET_NULL, null=True, related_name="+")
    photos = models.PositiveIntegerField(help_text="photos of the group")
    trashed = models.PositiveIntegerField(default=0, help_text="photos moved to the trash")
    freed = models.PositiveBigIntegerField(default=0, help_text="bytes of those")
    changes = models.JSONField(default=dict)
    decided_at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True, blank=True)

    objects = OwnedQuerySet["Resolution"].as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "-decided_at", "-id"], name="decisions_newest")]

    def __str__(self) -> str:
        return f"{self.action} {self.pk}"


class Sweep(models.Model):
    """The last full search for duplicates with a model: when it was asked for, and when it ended.

    Progress is counted from `Embedding.compared_at`.
    """

    model = models.OneToOneField(
        EmbeddingModel, models.CASCADE, primary_key=True, related_name="sweep"
    )
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.model_id} from {self.started_at}"
