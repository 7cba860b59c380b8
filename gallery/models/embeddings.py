"""Embedding models, the vectors of photos and their parts, the state of the work, the workers."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from numpy.typing import NDArray

from gallery.models.photo_library import LIVE_PHOTO, Photo
from gallery.reasons import Reason

LEASE = timedelta(minutes=5)
MAX_ATTEMPTS = 5

Boxes = NDArray[np.float32]
"""Parts of a picture, shape (n, 4): left, top, width and height as fractions of its sides."""


@dataclass(frozen=True)
class PhotoState:
    """What people see of the work on a photo: `state` is pending, indexed or failed."""

    state: str = "pending"
    reason: str = ""

    @property
    def message(self) -> str:
        """The sentence for people, empty unless the work failed."""
        return str(Reason(self.reason).label) if self.reason else ""


class EmbeddingModelQuerySet(models.QuerySet["EmbeddingModel"]):
    """Queries on embedding models."""

    def active(self) -> EmbeddingModel | None:
        """Return the model that answers queries, or None before the first is chosen."""
        return self.filter(state=EmbeddingModel.State.ACTIVE).first()

    def building(self) -> EmbeddingModel | None:
        """Return the model that is to take over, or None."""
        return self.filter(state=EmbeddingModel.State.BUILDING).first()

    def wanted(self) -> EmbeddingModelQuerySet:
        """Return the models that need a vector of every photo: the active and any building one."""
        state = EmbeddingModel.State
        return self.filter(state__in=[state.ACTIVE, state.BUILDING])

    def retired(self) -> EmbeddingModelQuerySet:
        """Return the former models whose vectors are still there, the latest first."""
        return self.filter(state=EmbeddingModel.State.RETIRED).order_by("-retired_at", "-pk")


class EmbeddingModel(models.Model):
    """An embedding space; exactly one is active, and its vectors live in one collection.

    building -> active once every photo is indexed or failed, or when a person says so;
    active -> retired by its successor, and active again if a person goes back to it;
    retired -> leaving after a while, when rows and points are removed, and the model last.

    `key` is its name with the hash of its weights (`search.vectors.embedders.keys`). A model that
    is `held` does not take over on its own: a person went back from it.
    """

    class State(models.TextChoices):
        BUILDING = "building"
        ACTIVE = "active"
        RETIRED = "retired"
        LEAVING = "leaving"

    key = models.CharField(max_length=200, unique=True)
    index_name = models.CharField(
        max_length=200,
        blank=True,
        help_text="name of its indexes if they were named before its key",
    )
    dim = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.BUILDING)
    why = models.CharField(max_length=300, blank=True, help_text="why this model was chosen")
    hint = models.CharField(max_length=300, blank=True, help_text="how to get a better one")
    thresholds = models.JSONField(
        default=dict, blank=True, help_text="closeness of duplicates as measured for this model"
    )
    created_at = models.DateTimeField(default=timezone.now)
    tested_at = models.DateTimeField(
        null=True, blank=True, help_text="when it passed its self-test"
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    held = models.BooleanField(default=False)

    objects = EmbeddingModelQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="active"), name="one_active_model"
            )
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def name(self) -> str:
        """What it is called, without the hash of its weights."""
        return self.key.partition("@")[0]

    @property
    def collection(self) -> str:
        """What its indexes are named after."""
        return self.index_name or self.key

    @property
    def is_emptied(self) -> bool:
        """Whether its vectors were removed, and only the word that nobody wants it stays."""
        return self.state == self.State.RETIRED and self.retired_at is None

    def build(self) -> None:
        """Have it built beside the active model, to take over when it is complete."""
        self.state, self.retired_at, self.held = self.State.BUILDING, None, False
        self.save(update_fields=["state", "retired_at", "held"])

    def activate(self) -> bool:
        """Make this the model that answers queries, in one transaction; retire the former one.

        Returns False if it is leaving or gone. The row is read again: other processes change it.
        """
        active, retired = self.State.ACTIVE, self.State.RETIRED
        with transaction.atomic():
            # Locked in one order, so that two people who click at once take turns.
            locked = EmbeddingModel.objects.select_for_update().order_by("pk")
            rows = {row.pk: row for row in locked}
            here = rows.get(self.pk)
            if here is None or here.state == self.State.LEAVING:
                return False
            others = EmbeddingModel.objects.filter(state=active).exclude(pk=self.pk)
            others.update(state=retired, retired_at=timezone.now())
            self.state, self.retired_at, self.held = active, None, False
            self.save(update_fields=["state", "retired_at", "held"])
        return True


class EmbeddingQuerySet(models.QuerySet["Embedding"]):
    """The transitions of the state machine, each one conditional UPDATE."""

    def live(self) -> EmbeddingQuerySet:
        """Leave out rows of photos that are in the trash or being deleted."""
        return self.filter(LIVE_PHOTO)

    def to_compare(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        """Return the searchable rows whose photos have not been compared for duplicates yet."""
        return self.live().filter(model=model, state=Embedding.State.INDEXED, compared_at=None)

    def due(self, now: datetime | None = None) -> EmbeddingQuerySet:
        """Return the rows that a worker may claim now."""
        now = now or timezone.now()
        pending = Q(state=Embedding.State.PENDING) & (Q(not_before=None) | Q(not_before__lte=now))
        expired = Q(state=Embedding.State.LEASED, lease_until__lt=now)
        return self.live().filter(pending | expired)

    def project_again(self, photo_ids: Iterable[uuid.UUID]) -> int:
        """Mark these photos for another write to the index; return how many rows changed.

        The vectors stay. The old points stay until the new ones replace them.
        """
        rows = self.filter(photo__in=list(photo_ids), state=Embedding.State.INDEXED)
        return rows.update(state=Embedding.State.EMBEDDED)

    def claim(self, model: EmbeddingModel, limit: int) -> list[Embedding]:
        """Lease up to `limit` due rows of `model` to the caller; return them with their photos.

        Attempts are counted before the work starts, so that a picture which kills its worker fails
        in the end. Two workers never get the same row.
        """
        token, now = uuid.uuid4(), timezone.now()
        with transaction.atomic():
            due = self.filter(model=model).due(now).order_by("-priority", "id")
            unlocked = due.select_for_update(skip_locked=True, of=("self",))
            ids = list(unlocked.values_list("pk", flat=True)[:limit])
            was_leased = models.When(state=Embedding.State.LEASED, then=1)
            self.model.objects.filter(pk__in=ids).due(now).update(
                state=Embedding.State.LEASED,
                lease_token=token,
                lease_until=now + LEASE,
                crashes=F("crashes") + models.Case(was_leased, default=0),
                attempts=F("attempts") + 1,
            )
        rows = self.model.objects.filter(pk__in=ids, lease_token=token).select_related("photo")
        return list(rows.order_by("-priority", "id"))

    def add_missing(self, model: EmbeddingModel, *, limit: int = 10_000) -> int:
        """Create pending rows for live photos that have none for `model`; return how many."""
        present = Embedding.objects.filter(model=model).values("photo_id")
        missing = Photo.objects.live().exclude(pk__in=present).values_list("pk", flat=True)
        rows = [Embedding(photo_id=pk, model=model, priority=0) for pk in missing[:limit]]
        return len(Embedding.objects.bulk_create(rows, ignore_conflicts=True))

    def states_of(self, photos: Sequence[Photo]) -> dict[uuid.UUID, PhotoState]:
        """Return the state of each photo with the active model, by photo id."""
        states = {photo.pk: PhotoState() for photo in photos}
        visible = {Embedding.State.INDEXED, Embedding.State.FAILED}
        rows = self.filter(photo__in=photos, model=EmbeddingModel.objects.active())
        for pk, state, reason in rows.values_list("photo_id", "state", "reason"):
            if state in visible:
                states[pk] = PhotoState(state, reason)
        return states


class Embedding(models.Model):
    """The work of making one photo searchable with one model, and its result.

    pending -> leased (claim) -> embedded (vector saved) -> indexed (point flushed)
    leased -> pending (transient fault, lease expired), -> failed (permanent or too many tries)
    failed -> pending (retry). A row is `indexed` only after the index has acknowledged and
    flushed the point. `generation` grows whenever the work starts again; late results of an older
    generation are dropped. The vector is float16 little-endian bytes with a CRC-32. `compared_at`
    is set once the photo has been compared for duplicates by this model's vectors.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        LEASED = "leased"
        EMBEDDED = "embedded"
        INDEXED = "indexed"
        FAILED = "failed"

    photo = models.ForeignKey(Photo, models.CASCADE, related_name="embeddings")
    model = models.ForeignKey(EmbeddingModel, models.CASCADE, related_name="embeddings")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    generation = models.PositiveIntegerField(default=1)
    priority = models.SmallIntegerField(default=1, help_text="1 a new upload, 0 a backfill")
    attempts = models.PositiveSmallIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=30, choices=Reason.choices, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    vector = models.BinaryField(null=True, blank=True)
    vector_crc = models.BigIntegerField(null=True, blank=True)
    indexed_at = models.DateTimeField(null=True, blank=True)
    compared_at = models.DateTimeField(null=True, blank=True)

    objects = EmbeddingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["photo", "model"], name="one_row_per_model"),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(reason=""), name="failed_has_a_reason"
            ),
        ]
        indexes = [
            models.Index(fields=["model", "state", "-priority", "id"], name="embedding_queue"),
            models.Index(
                fields=["model", "state", "id"],
                condition=Q(compared_at=None),
                name="embedding_to_compare",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.photo_id} {self.state}"

    def set_vector(self, vector: NDArray[np.float32]) -> None:
        """Store a unit vector, shape (dim,), as float16 bytes with a checksum."""
        self.vector = vector.astype("<f2").tobytes()
        self.vector_crc = zlib.crc32(self.vector)

    def get_vector(self) -> NDArray[np.float32] | None:
        """Return the unit vector as float32, or None if there is none or its CRC is wrong."""
        if self.vector is None or zlib.crc32(bytes(self.vector)) != self.vector_crc:
            return None
        vector = np.frombuffer(bytes(self.vector), dtype="<f2").astype(np.float32)
        norm = float(np.linalg.norm(vector))
        return vector / norm if np.isfinite(norm) and norm > 0 else None


def retry(rows: Iterable[Embedding]) -> int:
    """Make failed rows pending with a fresh count of attempts; return how many."""
    ids = [row.pk for row in rows]
    fresh = {"attempts": 0, "crashes": 0, "reason": "", "detail": "", "not_before": None}
    return Embedding.objects.filter(pk__in=ids, state=Embedding.State.FAILED).update(
        state=Embedding.State.PENDING, generation=F("generation") + 1, **fresh
    )


class PhotoParts(models.Model):
    """The embeddings of parts of one photo with one model, made after the photo is searchable.

    A row belongs to one `generation` of its embedding and is out of date when that grew. It is
    written before the work, without boxes, and `tries` counts how often the work was begun.
    `indexed_at` is set once the index acknowledged and flushed the points of all parts, or when the
    photo turned out to have none. Boxes and vectors are float16, little-endian, with one CRC-32
    over both.
    """

    embedding = models.OneToOneField(
        Embedding, models.CASCADE, primary_key=True, related_name="parts"
    )
    generation = models.PositiveIntegerField()
    boxes = models.BinaryField()
    vectors = models.BinaryField()
    crc = models.BigIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    indexed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["embedding"], condition=Q(indexed_at=None), name="parts_to_index")
        ]

    def __str__(self) -> str:
        return f"parts of {self.embedding_id}"

    def set_parts(self, boxes: Boxes, vectors: NDArray[np.float32]) -> None:
        """Keep boxes (n, 4) and unit vectors (n, dim) with a checksum."""
        self.boxes = boxes.astype("<f2").tobytes()
        self.vectors = vectors.astype("<f2").tobytes()
        self.crc = zlib.crc32(self.boxes + self.vectors)

    def get_parts(self) -> tuple[Boxes, NDArray[np.float32]] | None:
        """Return boxes (n, 4) and unit vectors (n, dim) as float32; None if the CRC is wrong."""
        boxes, vectors = bytes(self.boxes), bytes(self.vectors)
        if zlib.crc32(boxes + vectors) != self.crc or not boxes:
            return None
        places = np.frombuffer(boxes, "<f2").astype(np.float32).reshape(-1, 4)
        rows = np.frombuffer(vectors, "<f2").astype(np.float32).reshape(len(places), -1)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return (places, rows / norms) if np.isfinite(norms).all() and norms.all() else None


class WorkerStatus(models.Model):
    """One row per worker process: its heartbeat, device and speed.

    `queues` are those it serves, in the order of the alphabet, with commas between them.
    """

    name = models.CharField(max_length=200, primary_key=True)
    queues = models.CharField(max_length=100, blank=True)
    seen_at = models.DateTimeField(auto_now=True)
    model_key = models.CharField(max_length=200, blank=True)
    device = models.CharField(max_length=50, blank=True)
    device_reason = models.CharField(max_length=300, blank=True)
    photos_per_second = models.FloatField(default=0.0)
    detail = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.name
