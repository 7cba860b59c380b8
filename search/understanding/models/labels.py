"""Label sets, the answers of people, and the photos that the active model puts under a label."""

from __future__ import annotations

import uuid

import numpy as np
from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from gallery.models import EmbeddingModel, OwnedQuerySet, Photo

NAME_LIMIT = 120
LABEL_LIMIT = 120
"""Characters of a label's name."""
WORDING_LIMIT = 300
"""Characters of one wording."""
MOST_WORDINGS = 20
MOST_LABELS = 2000
"""Labels of one set: twice the kinds of ImageNet."""


class Kind(models.TextChoices):
    """How the labels of a set relate: a photo has one of them, or any number."""

    ONE_OF = "one_of", _("one of")
    ANY_OF = "any_of", _("any of")


class LabelSet(models.Model):
    """Labels that a person wants to see on photos; `style` is how their names are worded."""

    counts_for_quota = True
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=NAME_LIMIT)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    style = models.CharField(
        max_length=10, default="wordings", help_text="a `Style` of search.understanding.directions"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = OwnedQuerySet["LabelSet"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_label_set_of_a_name")
        ]

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """A label of a set. Its `wordings` are averaged; without any, its name stands for it.

    A label with a `parent` counts only on photos that have the parent. `cut_share` is the share
    of the library that a person put above the cut, from 0 to 1, so that it means the same to every
    model; None leaves the cut to the answers (`Verdict`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    set = models.ForeignKey(LabelSet, models.CASCADE, related_name="labels")
    name = models.CharField(max_length=LABEL_LIMIT)
    wordings = models.JSONField(default=list, blank=True)
    parent = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="children"
    )
    position = models.PositiveIntegerField(default=0, help_text="its place in the list")
    cut_share = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["set", "name"], name="one_label_of_a_name")]

    def __str__(self) -> str:
        return self.name


class Verdict(models.Model):
    """A person's answer whether a photo shows a label; it outlives every model."""

    label = models.ForeignKey(Label, models.CASCADE, related_name="verdicts")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    yes = models.BooleanField()
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["label", "photo"], name="one_verdict_a_photo")
        ]

    def __str__(self) -> str:
        return f"{self.photo_id} {'yes' if self.yes else 'no'}"


class LabelProjection(models.Model):
    """That the hits of a label were made for a model, and from what.

    `vector` is the embedding of the label's texts (float32, little-endian). The first half of
    `digest` tells whether the texts are still the same, the second half whether the answers and
    the cut are. `library` tells the same of the photos.

    Of a label in an any-of set, `cut` is the cosine similarity from which photos have it, None
    while nothing was scored; at `likely` and `strong` its probability is 0.5 and 0.75, and
    `precision` is the share of its photos that should be right. Of a label in a one-of set,
    `offset` is added to its similarities before they are compared with those of its siblings, and
    `offset_inside` before they are compared with those of its children. `unit` is the deviation
    of a photo's similarities to many texts.
    """

    label = models.ForeignKey(Label, models.CASCADE, related_name="projections")
    model = models.ForeignKey(EmbeddingModel, models.CASCADE, related_name="+")
    vector = models.BinaryField()
    digest = models.CharField(max_length=64)
    library = models.CharField(max_length=64, blank=True)
    cut = models.FloatField(null=True, blank=True)
    likely = models.FloatField(default=0)
    strong = models.FloatField(default=0)
    precision = models.FloatField(null=True, blank=True)
    offset = models.FloatField(default=0)
    offset_inside = models.FloatField(default=0)
    unit = models.FloatField(default=0)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["label", "model"], name="one_projection_of_a_label")
        ]

    def __str__(self) -> str:
        return str(self.label_id)

    def get_vector(self) -> NDArray[np.float32]:
        """Return the embedding of the label's texts, shape (dim,)."""
        return np.frombuffer(bytes(self.vector), "<f4").astype(np.float32)


class LabelHit(models.Model):
    """A photo that has a label, by the model's score or because a person said so.

    `score` is the probability that it does, from 0 to 1.
    """

    projection = models.ForeignKey(LabelProjection, models.CASCADE, related_name="hits")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="+")
    score = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["projection", "photo"], name="one_hit_of_a_label")
        ]
        indexes = [models.Index(fields=["projection", "-score", "photo"], name="hits_of_a_label")]

    def __str__(self) -> str:
        return str(self.photo_id)
