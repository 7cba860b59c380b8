"""Embedding models, the vectors of photos, and the state of that work."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from numpy.typing import NDArray

from gallery.models.claims import ClaimQuerySet
from gallery.models.photo_library import Photo, User
from gallery.reasons import Reason
from gallery.sentences import SentenceField

MAX_ATTEMPTS = 5
LEAST_PROMPTS_RIGHT = 0.85
"""The share of pictures and worse copies of them that a model must rank right by texts on quality:
then it is right with four of five photos that are less plain. A coin has a half."""
BACKFILL_PRIORITY, UPLOAD_PRIORITY = 0, 1

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

    @property
    def may_pass(self) -> bool:
        """Whether another try may help a photo that failed."""
        return bool(self.reason) and Reason(self.reason).may_pass


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
    why = SentenceField(blank=True, help_text="why this model was chosen")
    hint = SentenceField(blank=True, help_text="how to get a better one")
    photos_per_second = models.FloatField(
        null=True, blank=True, help_text="as a worker measured it last, with many photos"
    )
    thresholds = models.JSONField(
        default=dict, blank=True, help_text="closeness of duplicates as measured for this model"
    )
    created_at = models.DateTimeField(default=timezone.now)
    tested_at = models.DateTimeField(
        null=True, blank=True, help_text="when it passed its self-test"
    )
    prompts_right = models.FloatField(
        null=True, blank=True, help_text="how often texts on quality rank two pictures right"
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
    def ranks_by_prompts(self) -> bool:
        """Whether texts such as "an award-winning photograph" tell good photos from bad ones."""
        return (self.prompts_right or 0.0) >= LEAST_PROMPTS_RIGHT

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


class EmbeddingQuerySet(ClaimQuerySet):
    """The transitions of the state machine, each one conditional UPDATE."""

    def visible_to(self, user: User) -> EmbeddingQuerySet:
        """Return the rows of photos that this user may know of.

        It is a condition on each row: SQLite would begin a join with the photos, which are many
        where the rows that are asked for are few.
        """
        return self.filter(Exists(Photo.objects.visible_to(user).filter(pk=OuterRef("photo_id"))))

    def with_vector(self) -> EmbeddingQuerySet:
        """Return the rows whose vectors are stored, in the index or not yet."""
        return self.filter(state__in=[Embedding.State.EMBEDDED, Embedding.State.INDEXED])

    def unsearchable(self) -> dict[str, int]:
        """Count the rows that are not indexed, by state. They are few, and an index finds them."""
        others = [state for state in Embedding.State.values if state != Embedding.State.INDEXED]
        states = self.filter(state__in=others).values_list("state")
        return dict(states.annotate(number=models.Count("pk")).order_by())

    def to_compare(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        """Return the searchable rows whose photos have not been compared for duplicates yet."""
        return self.live().filter(model=model, state=Embedding.State.INDEXED, compared_at=None)

    def to_part(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        """Return the searchable rows whose parts are missing or out of date."""
        rows = self.live().filter(model=model, state=Embedding.State.INDEXED)
        return rows.filter(parts_generation__lt=F("generation"))

    def count_live(self) -> int:
        """Return how many of the rows are of live photos: all, less the few of others.

        An index counts the rows. Asking each for its photo takes seconds for a million.
        """
        gone = Photo.objects.exclude(deleted_at=None), Photo.objects.trashed()
        return self.count() - sum(self.filter(photo__in=some.values("pk")).count() for some in gone)

    def in_states(
        self, models: EmbeddingModelQuerySet, *states: Embedding.State
    ) -> EmbeddingQuerySet:
        """Return the rows of some models in some states, using only the queue's index.

        Otherwise SQLite walks over all rows: nearly all have the same state, so by its statistics
        an index on the state is useless. That takes 173 ms instead of 0.4 ms at 50,000 photos.
        """
        keys = Embedding.objects.filter(model__in=models, state__in=states).values("pk")
        return self.filter(pk__in=keys)

    def queued(self, *states: Embedding.State) -> EmbeddingQuerySet:
        """Return the rows in some states of the models that need every photo."""
        return self.in_states(EmbeddingModel.objects.wanted(), *states)

    def uploads_wait(self) -> bool:
        """Tell whether new uploads are due, which go before any backfill."""
        waiting = self.queued(Embedding.State.PENDING, Embedding.State.LEASED)
        return waiting.filter(priority__gte=UPLOAD_PRIORITY).due().exists()

    def others_go_first(self, rows: Sequence[Embedding], crashes: int) -> bool:
        """Tell whether rows that were claimed ahead should go back, since others wait by now.

        Rows of several people are as fair as the next claim would be. Due rows with so many
        crashes or more do not count: they are tried alone.
        """
        first = rows[0]
        if first.priority < UPLOAD_PRIORITY and self.uploads_wait():
            return True
        is_of_one = len({row.owner_id for row in rows}) == 1
        return is_of_one and self.others_wait(first, crashes=crashes)

    def project_again(self, photo_ids: Iterable[uuid.UUID]) -> int:
        """Mark these photos for another write to the index; return how many rows changed.

        The vectors stay. The old points stay until the new ones replace them.
        """
        rows = self.filter(photo__in=list(photo_ids), state=Embedding.State.INDEXED)
        return rows.update(state=Embedding.State.EMBEDDED)

    def add_missing(self, model: EmbeddingModel, *, limit: int = 10_000) -> int:
        """Create pending rows for live photos that have none for `model`; return how many."""
        if self.filter(model=model).count_live() >= Photo.objects.live().count():
            return 0  # As nearly always: looking for them takes seconds among a million photos.
        present = Embedding.objects.filter(model=model).values("photo_id")
        missing = Photo.objects.live().exclude(pk__in=present).values_list("pk", "owner_id")
        rows = [
            Embedding(photo_id=pk, owner_id=owner, model=model, priority=BACKFILL_PRIORITY)
            for pk, owner in missing[:limit]
        ]
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
    is set once the photo has been compared for duplicates by this model's vectors, and
    `parts_generation` once its parts are saved or were given up.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        LEASED = "leased"
        EMBEDDED = "embedded"
        INDEXED = "indexed"
        FAILED = "failed"

    photo = models.ForeignKey(Photo, models.CASCADE, related_name="embeddings")
    model = models.ForeignKey(EmbeddingModel, models.CASCADE, related_name="embeddings")
    owner_id = models.BigIntegerField(
        default=0, editable=False, help_text="of the photo: repeated here for the queue's index"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    generation = models.PositiveIntegerField(default=1)
    priority = models.SmallIntegerField(
        default=UPLOAD_PRIORITY, help_text="1 a new upload, 0 a backfill"
    )
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
    parts_generation = models.PositiveIntegerField(
        default=0, help_text="the generation whose parts are saved, or were given up"
    )

    objects = EmbeddingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["photo", "model"], name="one_row_per_model"),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(reason=""), name="failed_has_a_reason"
            ),
        ]
        indexes = [
            models.Index(
                fields=["model", "state", "-priority", "owner_id", "id"], name="embedding_queue"
            ),
            # These two are read by `owners_in_turn`.
            models.Index(
                fields=["model", "state", "owner_id", "-id"],
                condition=Q(compared_at=None),
                name="embedding_to_compare",
            ),
            models.Index(
                fields=["model", "state", "owner_id", "-id"],
                condition=Q(parts_generation__lt=F("generation")),
                name="embedding_to_part",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.photo_id} {self.state}"

    def save(self, *args: Any, **more: Any) -> None:
        """Save the row with the owner of its photo."""
        Embedding.objects.fill_owners([self])
        super().save(*args, **more)

    @property
    def may_pass(self) -> bool:
        """Whether another try may help a row that failed."""
        return bool(self.reason) and Reason(self.reason).may_pass

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


def retry(rows: EmbeddingQuerySet) -> int:
    """Make failed rows pending with a fresh count of attempts; return how many."""
    fresh = {"attempts": 0, "crashes": 0, "reason": "", "detail": "", "not_before": None}
    return rows.filter(state=Embedding.State.FAILED).update(
        state=Embedding.State.PENDING, generation=F("generation") + 1, **fresh
    )
