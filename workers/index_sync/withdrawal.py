"""Taking photos that went to the trash out of the index, and leaving none without a point after.

A row of a trashed photo owes a withdrawal while something says that the index may hold its point:
it is `indexed`, it was so once (`indexed_at`), or its vector was on the way (`lease_token` of an
`embedded` row). Those marks go only after the index has let go, so whoever is interrupted leaves
what is still to be done. The vectors stay in SQL, from which a restored photo is projected again.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from gallery.models import Embedding, EmbeddingModel, Photo
from gallery.models.embeddings import EmbeddingQuerySet
from gallery.slices import slices
from search.vectors.index import IndexUnavailable, open_index
from workers import watchdog
from workers.failpoints import failpoint
from workers.index_sync import parts
from workers.purge import has_index

logger = logging.getLogger(__name__)

CHUNK = 1000
RECENTLY = timedelta(hours=1)
"""The round of every two seconds looks for photos trashed since; the sweeper looks at all."""

_INDEXED, _EMBEDDED = Embedding.State.INDEXED, Embedding.State.EMBEDDED


def owed() -> EmbeddingQuerySet:
    """Return the rows of trashed photos whose point the index may still hold, of any model."""
    promised = Q(state=_INDEXED) | Q(indexed_at__isnull=False)
    on_the_way = Q(state=_EMBEDDED, lease_token__isnull=False)
    return Embedding.objects.filter(promised | on_the_way, photo__in=Photo.objects.trashed())


def is_due() -> bool:
    """Tell whether photos went to the trash a moment ago that the index still holds."""
    recent = Photo.objects.trashed().filter(trashed_at__gte=timezone.now() - RECENTLY)
    return owed().filter(photo__in=recent).exists()


def withdraw() -> int:
    """Take trashed photos out of the index of every model; return how many rows let go."""
    total = 0
    for model in EmbeddingModel.objects.all():
        try:
            while arrived := _withdraw_some(model):
                total += arrived
                watchdog.progress()
        except IndexUnavailable as error:
            logger.warning("Photos in the trash wait for the index of %s: %s", model.key, error)
    return total


def _withdraw_some(model: EmbeddingModel) -> int:
    """Take one part of what is owed out of the model's index; raise `IndexUnavailable`."""
    rows = list(owed().filter(model=model).order_by("pk").values_list("pk", "photo_id")[:CHUNK])
    if not rows:
        return 0
    keys, photo_ids = [pk for pk, _ in rows], [photo_id for _, photo_id in rows]
    # The rows first: nobody is to count on the points from here on.
    owed().filter(pk__in=keys, state=_INDEXED).update(state=_EMBEDDED)
    failpoint("rows_withdrawn")
    if has_index(model):
        index = open_index(model.key, model.dim)
        index.delete(photo_ids)
        index.flush()
        parts.forget(model, photo_ids)
    failpoint("points_withdrawn")
    settle(model, photo_ids)
    return len(rows)


def remove_late_points() -> int:
    """Remove points that arrived after their photo went to the trash; return how many.

    Raises `IndexUnavailable`. Work on the way to the index ends far sooner than `RECENTLY`.
    """
    recent = Photo.objects.trashed().filter(trashed_at__gte=timezone.now() - RECENTLY)
    ids = list(recent.values_list("pk", flat=True))
    total = 0
    for model in EmbeddingModel.objects.wanted() if ids else ():
        index = open_index(model.key, model.dim)
        for part in slices(ids, CHUNK):
            late = [point.id for point in index.fetch(part)]
            if late:
                index.delete(late)
                index.flush()
                settle(model, late)
                total += len(late)
            total += parts.forget_late(model, part)
    return total


def settle(model: EmbeddingModel, photo_ids: list[UUID]) -> None:
    """Record that the points are gone, and have those of photos restored meanwhile made again."""
    rows = Embedding.objects.filter(model=model, photo__in=photo_ids)
    with transaction.atomic():
        trashed = Photo.objects.trashed().filter(pk__in=photo_ids)
        rows.filter(photo__in=trashed).update(indexed_at=None, lease_token=None)
        rows.filter(state=_INDEXED).update(state=_EMBEDDED)
