"""The map of a library with its themes, and the names that people gave to themes."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from gallery.models import EmbeddingModel, OwnedQuerySet
from gallery.models.photo_library import NAME_LIMIT


class MapRun(models.Model):
    """Where the photos of a person lie on the map of a model, and in which themes they are.

    While a map is drawn anew, the former one stays. `progress` runs from 0 to 1. `points` are rows
    of `themes.points`, `themes` what is known of each theme by level (`themes.runs`).
    `counted` and `newest` tell how many photos there were and the newest of their embeddings when
    the map was last looked at, so that a worker sees at once whether any came. `drawn` photos were
    laid out; the others were placed among their neighbours. `named` tells that words were at hand.
    """

    class State(models.TextChoices):
        DRAWING = "drawing"
        MADE = "made"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    model = models.ForeignKey(EmbeddingModel, models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.DRAWING)
    progress = models.FloatField(default=0)
    points = models.BinaryField(default=b"")
    themes = models.JSONField(default=list)
    drawn = models.PositiveIntegerField(default=0)
    counted = models.PositiveIntegerField(default=0)
    newest = models.BigIntegerField(default=0)
    share_placed = models.FloatField(default=0)
    named = models.BooleanField(default=False)
    asked = models.BooleanField(default=False, help_text="a person asked for a new drawing")
    made_at = models.DateTimeField(null=True, blank=True)

    objects = OwnedQuerySet["MapRun"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "model"], name="one_map_a_model")]

    def __str__(self) -> str:
        return f"map of {self.owner_id} by {self.model_id}"


class ThemeName(models.Model):
    """A name that a person gave to a theme.

    A theme is known again by its photos, whatever model or drawing it comes from. `photos` are
    the ids (hex) of some of its photos, of `size` in all, and `level` is 0 for the largest themes.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=NAME_LIMIT)
    level = models.PositiveSmallIntegerField()
    photos = models.JSONField()
    size = models.PositiveIntegerField()
    given_at = models.DateTimeField(default=timezone.now)

    objects = OwnedQuerySet["ThemeName"].as_manager()

    def __str__(self) -> str:
        return self.name
