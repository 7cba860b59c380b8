"""Sensitive pictures: what people said about photos, and what is to be done with them.

No row is keyed by a model. What machines suspect is elsewhere and never hides a photo.
"""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

KIND_LIMIT = 60
"""Characters of the name of a kind."""


class Kind(models.TextChoices):
    """The kinds that everybody has; people add their own by name."""

    NUDITY = "nudity", _("Nudity")
    VIOLENCE = "violence", _("Violence")
    DOCUMENTS = "documents", _("Private documents")


class Policy(models.TextChoices):
    """What happens with photos that a person confirmed."""

    SHOW = "nothing", _("Show them like all others")
    BLUR = "blur", _("Cover them until touched")
    HIDE = "hidden", _("Keep them out of all lists")


class State(models.TextChoices):
    """What a person said."""

    CONFIRMED = "confirmed", _("confirmed")
    CLEARED = "cleared", _("cleared")


class SensitiveKind(models.Model):
    """How an owner treats a kind; without a row, confirmed photos are covered.

    An own kind has `prompts`, texts that describe its photos, and `harmless`, texts that describe
    what looks like it but is not meant. With `blur_suspected`, suspected photos are covered too.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=KIND_LIMIT)
    policy = models.CharField(max_length=10, choices=Policy, default=Policy.BLUR)
    blur_suspected = models.BooleanField(default=False)
    prompts = models.JSONField(default=list, blank=True)
    harmless = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "kind"], name="one_policy_of_a_kind")
        ]

    def __str__(self) -> str:
        return self.kind


class SensitiveQuerySet(models.QuerySet["Sensitive"]):
    """Queries on what people said about photos."""

    def confirmed(self) -> SensitiveQuerySet:
        """Leave out what was cleared."""
        return self.filter(state=State.CONFIRMED)

    def hiding(self) -> SensitiveQuerySet:
        """Return what keeps photos out of all lists of their owners."""
        kinds = SensitiveKind.objects.filter(
            owner_id=models.OuterRef("owner_id"), kind=models.OuterRef("kind"), policy=Policy.HIDE
        )
        return self.confirmed().filter(models.Exists(kinds))

    def hidden_of(self, owner_id: Any) -> SensitiveQuerySet:
        """Return the same for one owner, in the form that is read fastest."""
        kinds = SensitiveKind.objects.filter(owner_id=owner_id, policy=Policy.HIDE)
        return self.confirmed().filter(owner_id=owner_id, kind__in=kinds.values("kind"))

    def veiling(self) -> SensitiveQuerySet:
        """Return what covers photos in lists; hidden photos are covered where they are shown."""
        shown = SensitiveKind.objects.filter(
            owner_id=models.OuterRef("owner_id"), kind=models.OuterRef("kind"), policy=Policy.SHOW
        )
        return self.confirmed().filter(~models.Exists(shown))


class Sensitive(models.Model):
    """A person's word on whether a photo is of a sensitive kind; it outlives every model.

    `batch` is the same for words that were given together and are undone together; `before` is
    the earlier state of the row then, empty where there was none. `owner` is that of the photo.
    """

    photo = models.ForeignKey("gallery.Photo", models.CASCADE, related_name="sensitive")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=KIND_LIMIT)
    state = models.CharField(max_length=10, choices=State)
    decided_at = models.DateTimeField(default=timezone.now)
    batch = models.UUIDField(default=uuid.uuid4, db_index=True)
    before = models.CharField(max_length=10, blank=True)

    objects = SensitiveQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["photo", "kind"], name="one_word_of_a_kind")]
        indexes = [
            models.Index(fields=["owner", "state", "kind", "photo"], name="sensitive_of_owner")
        ]

    def __str__(self) -> str:
        return f"{self.photo_id}: {self.kind} {self.state}"


def hidden_photos_of(owner_id: Any) -> models.QuerySet[Sensitive, Any]:
    """Return the ids of the photos that an owner keeps out of all lists, as a subquery."""
    # A copy, so that what one caller reads is not kept for the next one.
    return _hidden_photos_of(owner_id).all()


@lru_cache(256)
def _hidden_photos_of(owner_id: Any) -> models.QuerySet[Sensitive, Any]:
    """Return the query for it, which is never run itself; every page needs it several times."""
    return Sensitive.objects.hidden_of(owner_id).values("photo_id")
