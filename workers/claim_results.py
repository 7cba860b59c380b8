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


def release(rows: Sequence[Embedding], *, wait: bool = False) -> None:
    """Give claimed rows back untried, without counting the attempt.

    With `wait` they cannot be claimed again at once, so that the cause has time to pass.
    """
    _leased(rows).update(
        state=Embedding.State.PENDING,
        attempts=F("attempts") - 1,
        lease_token=None,
        lease_until=None,
        not_before=timezone.now() + pause(1) if wait else None,
    )


def save(
    pictures: Mapping[Embedding, Picture], vectors: Mapping[Embedding, Vectors]
) -> list[Embedding]:
    """Save what the first decode of each photo found, and the vectors.

    The rows then wait for the index as `embedded`. Returns those that the claim still holds.
    """
    leased = _leased(list(vectors))
    _save_first_decodes(pictures)
    for row, vector in vectors.items():
        row.set_vector(vector)
    # A bulk update is slow per field, so it carries only what differs between rows.
    leased.bulk_update(vectors, ["vector", "vector_crc"])
    leased.update(
        state=Embedding.State.EMBEDDED,
        lease_until=None,
        reason="",
        detail="",
    )
    keys = [row.pk for row in vectors]
    saved = Embedding.objects.filter(pk__in=keys, state=Embedding.State.EMBEDDED)
    held = set(saved.values_list("pk", "lease_token"))
    return [row for row in vectors if (row.pk, row.lease_token) in held]


def _save_first_decodes(pictures: Mapping[Embedding, Picture]) -> None:
    decoded = {row.photo: picture for row, picture in pictures.items() if picture.facts}
    if decoded:
        for photo, picture in decoded.items():
            for column, value in picture.facts.items():
                setattr(photo, column, value)
        Photo.objects.bulk_update(decoded, ["phash", "colour", "colours"])
        ids = [photo.pk for photo in decoded]
        Photo.objects.filter(pk__in=ids).update(decoded_at=timezone.now())
        prints = ((photo.pk, picture.fingerprint) for photo, picture in decoded.items())
        save_fingerprints({pk: grey for pk, grey in prints if grey is not None})


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


def _leased(rows: Sequence[Embedding]) -> EmbeddingQuerySet:
    """Return the `rows`, all of one claim, that are still leased by it."""
    return Embedding.objects.filter(
        pk__in=[row.pk for row in rows],
        state=Embedding.State.LEASED,
        lease_token__in=[row.lease_token for row in rows[:1]],
    )
