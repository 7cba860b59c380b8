"""Which photos a worker embeds next: new uploads first, and owners in turn.

A batch has rows of all owners who wait, found by steps through one index (model, state, priority,
owner, id); see `owners_in_turn`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from gallery.models.owners_in_turn import owners_of, some_owners, take_turns
from gallery.models.photo_library import LIVE_PHOTO, Photo

if TYPE_CHECKING:
    from gallery.models.embeddings import Embedding, EmbeddingModel

LEASE = timedelta(minutes=5)
PENDING, LEASED = "pending", "leased"


class ClaimQuerySet(models.QuerySet["Embedding"]):
    """How rows of work are claimed."""

    def live(self) -> Self:
        """Leave out rows of photos that are in the trash or being deleted."""
        return self.filter(LIVE_PHOTO)

    def due(self, now: datetime | None = None) -> Self:
        """Return the rows that a worker may claim now."""
        now = now or timezone.now()
        pending = Q(state=PENDING) & (Q(not_before=None) | Q(not_before__lte=now))
        expired = Q(state=LEASED, lease_until__lt=now)
        return self.live().filter(pending | expired)

    def claim(self, model: EmbeddingModel, limit: int) -> list[Embedding]:
        """Lease up to `limit` due rows of `model` to the caller; return them with their photos.

        All have one priority: a new upload does not wait until a batch with a backfill is embedded.
        Owners who wait have equal shares, as far as they have rows. Attempts are counted before
        the work starts, so that a picture which kills its worker fails in the end. Two workers
        never get the same row.
        """
        token, now = uuid.uuid4(), timezone.now()
        with transaction.atomic():
            ids = self._next(model, limit, now)
            was_leased = models.When(state=LEASED, then=1)
            self.model.objects.filter(pk__in=ids).due(now).update(
                state=LEASED,
                lease_token=token,
                lease_until=now + LEASE,
                crashes=F("crashes") + models.Case(was_leased, default=0),
                attempts=F("attempts") + 1,
            )
        leased = self.model.objects.filter(pk__in=ids, lease_token=token).select_related("photo")
        place = {pk: number for number, pk in enumerate(ids)}
        return sorted(leased, key=lambda row: place[row.pk])

    def others_wait(self, row: Embedding, *, crashes: int) -> bool:
        """Tell whether another owner's photo is due that could be embedded in place of `row`.

        Rows with `crashes` or more are not meant: they are tried alone.
        """
        due = self.filter(model=row.model_id, crashes__lt=crashes).due()
        same = due.filter(priority__gte=row.priority)
        return any(
            same.filter(state=state, owner_id=owner).exists()
            for state in (PENDING, LEASED)
            for owner in self._owners(row.model_id, state, row.priority)
            if owner != row.owner_id
        )

    def fill_owners(self, rows: Iterable[Embedding]) -> None:
        """Note whose photos the rows are about, where nobody has."""
        photo = self.model._meta.get_field("photo")
        missing = [row for row in rows if not row.owner_id]
        unread = [row.photo_id for row in missing if not photo.is_cached(row)]
        owners = dict(Photo.objects.filter(pk__in=unread).values_list("pk", "owner_id"))
        for row in missing:
            known = owners.get(row.photo_id, 0)
            row.owner_id = row.photo.owner_id if photo.is_cached(row) else known

    def bulk_create(self, objs: Iterable[Embedding], *args: Any, **more: Any) -> list[Embedding]:
        """Create rows, each with the owner of its photo."""
        rows = list(objs)
        self.fill_owners(rows)
        return super().bulk_create(rows, *args, **more)

    def _next(self, model: EmbeddingModel, limit: int, now: datetime) -> list[int]:
        """Lock and return the rows to claim, those that each owner waits for longest first."""
        queued = self.filter(model=model)
        for priority in self._priorities(model):
            lines = [
                queued._line(state, priority, owner, now, limit)
                for state in (PENDING, LEASED)
                for owner in sorted(some_owners(self._owners(model.pk, state, priority), limit))
            ]
            if ids := take_turns(lines, limit):
                return ids
        return []

    def _line(self, state: str, priority: int, owner: int, now: datetime, limit: int) -> list[int]:
        """Lock and return the first due rows of one owner."""
        line = self.filter(state=state, priority=priority, owner_id=owner).due(now).order_by("id")
        locked = line.select_for_update(skip_locked=True, of=("self",))
        return list(locked.values_list("pk", flat=True)[:limit])

    def _priorities(self, model: EmbeddingModel) -> Iterator[int]:
        """Yield the priorities that rows wait with, the most urgent first."""
        rows = self.model.objects.filter(model=model)
        waiting = [rows.filter(state=PENDING), rows.filter(state=LEASED)]
        below = waiting
        while True:
            tops = [rows.aggregate(top=Max("priority"))["top"] for rows in below]
            top = max((one for one in tops if one is not None), default=None)
            if top is None:
                return
            yield top
            below = [rows.filter(priority__lt=top) for rows in waiting]

    def _owners(self, model_id: int, state: str, priority: int) -> Iterator[int]:
        rows = self.model.objects.filter(model=model_id, state=state, priority=priority)
        return owners_of(rows)
