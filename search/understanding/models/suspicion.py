"""What machines suspect of photos. All of it can be deleted and made again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

from gallery.models import Photo, Sensitive
from gallery.models.sensitive import KIND_LIMIT


class Engine(models.TextChoices):
    """What looked at photos: the active model by texts, or the network for nudity."""

    PROMPTS = "prompts"
    NETWORK = "open-nsfw"


class SuspicionQuerySet(models.QuerySet["Suspicion"]):
    """Queries on suspicions."""

    def undecided(self) -> SuspicionQuerySet:
        """Return the rows above the cut of which a person said nothing yet."""
        said = Sensitive.objects.filter(photo=OuterRef("photo_id"), kind=OuterRef("kind"))
        return self.filter(~Exists(said), score__gte=Suspicion.CUT)


class Suspicion(models.Model):
    """How much an engine suspects a photo: 1 is the cut, from which it is shown to people.

    Texts leave rows only above the cut. The network leaves one for each photo that it measured,
    without a score where the picture cannot be read.
    """

    CUT = 1.0

    photo = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=KIND_LIMIT)
    engine = models.CharField(max_length=20, choices=Engine)
    score = models.FloatField(null=True)

    objects = SuspicionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["photo", "kind", "engine"], name="one_suspicion")
        ]
        indexes = [
            models.Index(fields=["kind", "-score"], name="suspicion_by_score"),
        ]

    def __str__(self) -> str:
        return f"{self.photo_id}: {self.kind} by {self.engine}"


class PromptScan(models.Model):
    """From what the texts' suspicions of a person's photos were made.

    `digest` changes with the model and the texts, `photos` is how many searchable photos there
    were.
    """

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    photos = models.PositiveIntegerField()
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.owner_id)
