"""The kinds of background work, who does it, what a person paused, and checks of the index."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.sentences import SentenceField


class WorkKind(models.TextChoices):
    """A kind of background work, in the order of the jobs page; the label is its title."""

    EMBED = "embed", _("Embedding photos")
    PROJECT = "project", _("Putting photos into the index")
    COMPARE = "compare", _("Comparing photos")
    MAPS = "maps", _("Drawing the map")
    PARTS = "parts", _("Embedding parts of photos")
    QUALITY = "quality", _("Measuring sharpness")
    SENSITIVE = "sensitive", _("Looking for sensitive pictures")
    READ = "read", _("Reading originals")
    LABEL = "label", _("Labelling photos")
    FOLDERS = "folders", _("Looking into folders")
    BACKUP = "backup", _("Backing up")
    REMOVE = "remove", _("Deleting photos")


class WorkerStatus(models.Model):
    """One row per worker process: its heartbeat, device, speed and memory of the GPU.

    `queues` are those it serves, in the order of the alphabet, with commas between them. `work`
    says for each `WorkKind` it does now or did recently: [is at work, things a second]. Without a
    GPU in use, its memory is None.
    """

    name = models.CharField(max_length=200, primary_key=True)
    queues = models.CharField(max_length=100, blank=True)
    seen_at = models.DateTimeField(auto_now=True)
    model_key = models.CharField(max_length=200, blank=True)
    device = models.CharField(max_length=50, blank=True)
    device_reason = SentenceField(blank=True)
    photos_per_second = models.FloatField(default=0.0)
    decodes_per_second = models.FloatField(default=0.0)
    gpu_used_bytes = models.BigIntegerField(null=True, blank=True)
    gpu_bytes = models.BigIntegerField(null=True, blank=True)
    detail = SentenceField(blank=True)
    work = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.name


class LastRun(models.Model):
    """The last run of one kind of periodic work; `status` is its exit status, 0 for all well."""

    class Work(models.TextChoices):
        SWEEP = "sweep"
        FSCK = "fsck"

    work = models.CharField(max_length=10, primary_key=True, choices=Work)
    ended_at = models.DateTimeField()
    status = models.SmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.work} at {self.ended_at}"

    @classmethod
    def remember(cls, work: LastRun.Work, status: int = 0) -> None:
        """Note that a run of this work ended just now."""
        told = {"ended_at": timezone.now(), "status": status}
        cls.objects.update_or_create(work=work, defaults=told)


class PausedWork(models.Model):
    """One kind of work that rests until a person lets it go on."""

    kind = models.CharField(max_length=20, primary_key=True)
    paused_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.kind


class IndexCheck(models.Model):
    """A check of the vector index that somebody asked for, and what it found.

    asked -> begun by a worker, which says at `seen_at` that it goes on -> ended. `recall` is the
    share of the truly closest ten photos that the index finds, mean of `queries` queries, of which
    `searches` were searches. `missing` counts photos without their points, and `orphans` photos of
    which the index has points that SQL cannot explain. With `repair` both were put right. `problem`
    says in one sentence why the check could not be made.
    """

    repair = models.BooleanField(default=False)
    asked_at = models.DateTimeField(default=timezone.now)
    begun_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    model_key = models.CharField(max_length=200, blank=True)
    queries = models.PositiveIntegerField(default=0)
    searches = models.PositiveIntegerField(default=0)
    recall = models.FloatField(null=True, blank=True)
    missing = models.PositiveIntegerField(default=0)
    orphans = models.PositiveIntegerField(default=0)
    problem = SentenceField(blank=True)

    def __str__(self) -> str:
        return f"index check {self.pk}"
