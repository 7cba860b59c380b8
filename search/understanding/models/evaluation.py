"""Evaluations of label sets that somebody asked for, and what came out."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models import OwnedQuerySet
from search.understanding.models.labels import NAME_LIMIT, LabelSet

LEASE = timedelta(minutes=5)
"""A run that its process said nothing of for so long is taken over by another one."""


class EvaluationQuerySet(OwnedQuerySet["EvaluationRun"]):
    """Queries on evaluations."""

    def left_behind(self) -> EvaluationQuerySet:
        """Return the runs that no process works on, though they have not ended."""
        state = EvaluationRun.State
        is_open = self.filter(state__in=[state.PENDING, state.RUNNING])
        return is_open.exclude(lease_until__gt=timezone.now())


class EvaluationRun(models.Model):
    """How well the labels of a set are told, measured against what a person knows of photos.

    pending -> running -> done, or failed with a `reason`; running again when its process ended.
    `truth` has the name of the label of each photo, by its id as 32 hexadecimal digits. `report`
    is what came out (`search.understanding.evaluation.report`).
    """

    counts_for_quota = True

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        RUNNING = "running", _("being computed")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    class Source(models.TextChoices):
        """Where the truth comes from."""

        ALBUMS = "albums", _("Albums named like labels")
        TAGS = "tags", _("Tags named like labels")
        FOLDERS = "folders", _("Folders named like labels")
        FILE = "file", _("A CSV file")
        SCRIPT = "script", _("A script")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    set = models.ForeignKey(LabelSet, models.SET_NULL, null=True, blank=True, related_name="+")
    set_name = models.CharField(max_length=NAME_LIMIT)
    source = models.CharField(max_length=10, choices=Source.choices)
    truth = models.JSONField(default=dict)
    styles = models.JSONField(default=list)
    skipped = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    reason = models.CharField(max_length=300, blank=True)
    done_share = models.FloatField(default=0, help_text="how much of the work is done, 0 to 1")
    asked_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    report = models.JSONField(null=True, blank=True)

    objects = EvaluationQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.set_name}, {self.asked_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in (self.State.PENDING, self.State.RUNNING)
