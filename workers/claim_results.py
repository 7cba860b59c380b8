"""How a claim ends: the results are saved, or the rows are released, retried later, or failed.

Every change is conditional on the lease, so a worker that lost it changes nothing.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from gallery import colours, fingerprint
from gallery.decoding import Decoded
from gallery.models import Embedding, Photo
from gallery.models.embeddings import MAX_ATTEMPTS, EmbeddingQuerySet
from gallery.reasons import Reason
from search.duplicates.find.pairing import save_prints
from search.vectors.embedders.base import Vectors
from workers.embedding import Refusal
from workers.look_ahead import Picture

logger = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=15)
MAX_CRASHES = 4


def release(rows: Sequence[Embedding], *, wait: bool = False) -> None:
    """Give claimed rows back untried, without counting the attempt.

    With `wait` they cannot be claimed again at once, so that the cause has time to pass.
    """
    if rows:
        _leased(rows).update(
            state=Embedding.State.PENDING,
            attempts=F("attempts") - 1,
            lease_token=None,
            lease_until=None,
            not_before=timezone.now() + pause(1) if wait else None,
        )


def save_vectors(vectors: Mapping[Embedding, Vectors]) -> None:
    """Save the vectors; the rows then wait for the index as `embedded`."""
    if not vectors:
        return
    for row, vector in vectors.items():
        row.set_vector(vector)
    leased = _leased(list(vectors))
    # A bulk update is slow per field, so it carries only what differs between rows.
    leased.bulk_update(vectors, ["vector", "vector_crc"])
    leased.update(
        state=Embedding.State.EMBEDDED,
        embedded_at=timezone.now(),
        lease_until=None,
        reason="",
        detail="",
    )


def refuse(refusals: Mapping[Embedding, Refusal]) -> None:
    """Schedule each row for another try, or fail it if none is left or none would help."""
    for row, refusal in refusals.items():
        final = refusal.final or row.attempts >= MAX_ATTEMPTS or row.crashes >= MAX_CRASHES
        row.state = Embedding.State.FAILED if final else Embedding.State.PENDING
        row.reason, row.detail = refusal.reason, refusal.detail[:300]
        row.not_before = None if final else timezone.now() + pause(row.attempts)
        row.lease_until = None
        if final:
            logger.warning("Photo %s failed: %s %s", row.photo_id, row.reason, row.detail)
    if refusals:
        fields = ["state", "reason", "detail", "not_before", "lease_until"]
        _leased(list(refusals)).bulk_update(refusals, fields)


def give_up(rows: Iterable[Embedding]) -> None:
    """Fail rows that have crashed their worker too often."""
    refuse({row: Refusal(Reason.WORKER_CRASHED, f"{row.crashes} crashes") for row in rows})


def pause(attempts: int) -> timedelta:
    """Return the wait after so many attempts: doubling from 5 s to 15 min, 20 % either way."""
    full: timedelta = min(FIRST_PAUSE * 2 ** max(attempts - 1, 0), LONGEST_PAUSE)
    spread: float = random.uniform(0.8, 1.2)  # noqa: S311 - spreading load is no secret
    return full * spread


def save_pictures(pictures: Mapping[Embedding, Picture]) -> None:
    """Save what the first decode of each photo found."""
    decoded: dict[Photo, Decoded] = {}
    for row, picture in pictures.items():
        if picture.decoded is not None:
            row.photo.phash = f"{picture.decoded.phash:016x}"
            row.photo.colour = picture.decoded.colour
            row.photo.colours = colours.column(colours.main_colours(picture.decoded.pixels))
            decoded[row.photo] = picture.decoded
    if decoded:
        Photo.objects.bulk_update(decoded, ["phash", "colour", "colours"])
        same = Photo.objects.filter(pk__in=[photo.pk for photo in decoded])
        same.update(decoded_at=timezone.now())
        prints = ((photo.pk, fingerprint.of_pixels(decoded[photo].pixels)) for photo in decoded)
        save_prints(dict(prints))


def _leased(rows: Sequence[Embedding]) -> EmbeddingQuerySet:
    """Return the `rows`, all of one claim, that are still leased by it."""
    return Embedding.objects.filter(
        pk__in=[row.pk for row in rows],
        state=Embedding.State.LEASED,
        lease_token=rows[0].lease_token,
    )
