"""The ends of a claim: saved, given back, tried again later, or failed.

Every change is conditional on the lease, so that whoever lost it changes nothing.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from gallery import colours, fingerprint
from gallery.decoding import Decoded
from gallery.models import Embedding, Photo
from gallery.models.embeddings import MAX_ATTEMPTS, EmbeddingQuerySet
from gallery.reasons import Reason
from search.duplicates.find.prefilter import save_fingerprints
from search.vectors.embedders.base import Vectors
from workers.embedding import Refusal
from workers.look_ahead import Picture

logger = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=15)
MAX_CRASHES = 4

_DETAIL_LIMIT = 300


def release(rows: Sequence[Embedding], *, wait: bool = False) -> None:
    """Give claimed rows back untried: the attempt that the claim counted is taken back.

    `wait` keeps them from being claimed again at once, where the cause needs time to pass.
    """
    if rows:
        _leased(rows).update(
            state=Embedding.State.PENDING,
            attempts=F("attempts") - 1,
            lease_token=None,
            lease_until=None,
            not_before=timezone.now() + pause(1) if wait else None,
        )


def save_vectors(rows: Sequence[Embedding], vectors: Sequence[Vectors]) -> None:
    """Keep the vectors; the rows wait for the index as `embedded`."""
    if not rows:
        return
    for row, vector in zip(rows, vectors, strict=True):
        row.set_vector(vector)
    leased = _leased(rows)
    # Only what differs by row goes through a bulk update, which is dear by the field.
    leased.bulk_update(rows, ["vector", "vector_crc"])
    leased.update(
        state=Embedding.State.EMBEDDED,
        embedded_at=timezone.now(),
        lease_until=None,
        reason="",
        detail="",
    )


def refuse(rows: Sequence[Embedding], refusals: Iterable[Refusal]) -> None:
    """Send each row back for a later try, or fail it when no try can help or all are used up."""
    for row, refusal in zip(rows, refusals, strict=True):
        final = refusal.final or row.attempts >= MAX_ATTEMPTS or row.crashes >= MAX_CRASHES
        row.state = Embedding.State.FAILED if final else Embedding.State.PENDING
        row.reason, row.detail = refusal.reason, refusal.detail[:_DETAIL_LIMIT]
        row.not_before = None if final else timezone.now() + pause(row.attempts)
        row.lease_until = None
        if final:
            logger.warning("Photo %s failed: %s %s", row.photo_id, row.reason, row.detail)
    if rows:
        _leased(rows).bulk_update(rows, ["state", "reason", "detail", "not_before", "lease_until"])


def pause(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts: doubling from 5 s, 20 % either way."""
    full: timedelta = min(FIRST_PAUSE * 2 ** max(attempts - 1, 0), LONGEST_PAUSE)
    spread: float = random.uniform(0.8, 1.2)  # noqa: S311 - spreading load is no secret
    return full * spread


def crashed(row: Embedding) -> Refusal:
    """Return why a row that killed its worker again and again is not tried any more."""
    return Refusal(Reason.WORKER_CRASHED, f"{row.crashes} crashes", final=True)


def save_pictures(photos: Sequence[Photo], pictures: Sequence[Picture]) -> None:
    """Keep what the first decode of each photo found out."""
    found: dict[Photo, Decoded] = {}
    for photo, picture in zip(photos, pictures, strict=True):
        if picture.decoded is not None:
            photo.phash = f"{picture.decoded.phash:016x}"
            photo.colour = picture.decoded.colour
            photo.colours = colours.column(colours.main_colours(picture.decoded.pixels))
            found[photo] = picture.decoded
    if found:
        Photo.objects.bulk_update(found, ["phash", "colour", "colours"])
        keys = [photo.pk for photo in found]
        Photo.objects.filter(pk__in=keys).update(decoded_at=timezone.now())
        prints = {photo.pk: fingerprint.of_pixels(one.pixels) for photo, one in found.items()}
        save_fingerprints(prints)


def _leased(rows: Sequence[Embedding]) -> EmbeddingQuerySet:
    """Return those of `rows`, all of one claim, that its lease still holds."""
    return Embedding.objects.filter(
        pk__in=[row.pk for row in rows],
        state=Embedding.State.LEASED,
        lease_token=rows[0].lease_token,
    )
