"""From pending rows to searchable photos: claim, decode ahead, embed, save, project.

There is no wait for a full batch: whatever is due is claimed, so a single upload is searchable in
about a second, and many uploads fill the batches. While the model embeds one batch, the pictures
of the next are decoded. What ends a claim is conditional on its lease, so a worker that lost the
lease changes nothing.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from gallery import database_outages, files, originals_marker
from gallery.decoding import DecodeError, PoolBusy, PoolClosed
from gallery.failpoints import failpoint
from gallery.folders import external
from gallery.logs.log_context import about_photo
from gallery.models import Embedding, EmbeddingModel, Photo, WorkKind, save_quality
from gallery.models.embeddings import MAX_ATTEMPTS, EmbeddingQuerySet
from gallery.reasons import Reason
from search.duplicates.find.prefilter import save_fingerprints
from search.vectors.embedders import image_embedder, is_loaded
from search.vectors.embedders.base import (
    DeviceOutOfMemory,
    Embedder,
    ModelUnavailable,
    Pixels,
    Vectors,
)
from workers import activity, heartbeat, look_ahead
from workers.index_sync.projection import project
from workers.index_sync.sources import PHOTOS
from workers.look_ahead import Picture

logger = logging.getLogger(__name__)

SUSPECT_CRASHES, MAX_CRASHES = 2, 4
"""After so many crashes a row is tried alone, so that it harms no other; then it is given up."""

ROWS_PER_DECODER = 32
"""Rows of a batch at most for each decoder child: two batches must be decoded within a lease."""

COMPARE_SECONDS = 3.0
"""How often new photos are compared while others are still being indexed."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=15)
SPREAD = 0.2
LONGEST_WAIT = LONGEST_PAUSE * (1 + SPREAD)
AWAY_TRIES = 7
"""Rows of a folder that is away rest for five minutes, or until the folder is found again."""
NORM_TOLERANCE = 1e-3

# A machine short of memory or time can cause these, so the picture gets a second try.
_SECOND_CHANCE = frozenset({Reason.DECODE_TIMEOUT, Reason.DECODE_OOM, Reason.DECODER_CRASHED})

Stop = Callable[[], bool]
Attempt = Callable[[Callable[[], int]], int]


@dataclass(frozen=True)
class Refusal:
    """Why a row got no vector. Unless it is `final`, another try may help."""

    reason: Reason
    detail: str = ""
    final: bool = False


@dataclass(eq=False)
class Batch:
    """Claimed rows of one model, and their pictures, which are being decoded."""

    model: EmbeddingModel
    embedder: Embedder
    rows: list[Embedding]
    pictures: list[Future[Picture]]


def index_due(stop: Stop, *, attempt: Attempt, compare: Callable[[], object]) -> int:
    """Work until nothing is due; return how many photos became searchable.

    `attempt` calls what puts rows into the index, unless the index was just away. `compare` is
    called between batches every few seconds. Asks `stop` after each batch.
    """
    total, compared_at = 0, time.monotonic()
    batch = _begin()
    while batch is not None:
        ahead = not stop() and batch.rows[0].crashes < SUSPECT_CRASHES
        with heartbeat.working():
            following = _begin(may_load=False) if ahead else None
            try:
                total += _finish(batch, attempt)
            except Exception as error:
                _give_up(batch, error)
                _abandon(following)
                raise
        if stop():
            _abandon(following)
            break
        if following and Embedding.objects.others_go_first(following.rows, SUSPECT_CRASHES):
            _abandon(following)
            following = None
        if following and time.monotonic() - compared_at > COMPARE_SECONDS:
            compare()
            compared_at = time.monotonic()
        batch = following or _begin()
    return total


def _begin(*, may_load: bool = True) -> Batch | None:
    """Claim a batch of the first model with due rows and start to decode it; None if none is due.

    Loading a model may take minutes, so it happens only while no claimed row has to wait.
    """
    if not _can_store():
        return None
    for model in EmbeddingModel.objects.wanted().order_by("state"):  # The active one comes first.
        if not Embedding.objects.filter(model=model).due().exists():
            continue
        embedder = _embedder(model) if may_load or is_loaded(model.key, "image") else None
        if embedder is not None and (rows := _claim(model, embedder.batch)):
            failpoint("claimed")
            decoders = look_ahead.shared()
            return Batch(model, embedder, rows, [decoders.start(row.photo) for row in rows])
    return None


def _embedder(model: EmbeddingModel) -> Embedder | None:
    about = f"embedding with {model.key}"
    try:
        embedder = image_embedder(model.key)
    except ModelUnavailable as error:
        heartbeat.tell(about, error)
        return None
    heartbeat.tell(about, "")
    return embedder


def _claim(model: EmbeddingModel, most: int) -> list[Embedding]:
    """Lease due rows, `most` if decoders keep up; those of crashes are tried alone, or given up."""
    decoded = ROWS_PER_DECODER * settings.DECODER_CHILDREN
    claimed = Embedding.objects.claim(model, settings.EMBEDDING_BATCH or min(most, decoded))
    hopeless = [row for row in claimed if row.crashes >= MAX_CRASHES]
    suspects = [row for row in claimed if SUSPECT_CRASHES <= row.crashes < MAX_CRASHES]
    healthy = [row for row in claimed if row.crashes < SUSPECT_CRASHES]
    _refuse({row: Refusal(Reason.WORKER_CRASHED, f"{row.crashes} crashes") for row in hopeless})
    if healthy or not suspects:
        _release(suspects)
        return healthy or (_claim(model, most) if hopeless else [])
    _release(suspects[1:])
    return suspects[:1]


def _can_store() -> bool:
    """Tell whether a batch can be read and its thumbnails stored.

    If not, rows wait without an attempt.
    """
    try:
        originals_marker.check()
        files.require_free_space()
    except files.CannotStore as error:
        heartbeat.tell("disk", str(error))
        return False
    heartbeat.tell("disk", "")
    return True


def _finish(batch: Batch, attempt: Attempt) -> int:
    """Embed a batch, save it and put it into the index; return how many photos arrived."""
    pictures, refused, untouched = _collect(batch)
    halves = _set_aside_halves(pictures, refused)
    results = embed(batch.embedder, [picture.pixels for picture in pictures.values()])
    failpoint("embedded")
    vectors: dict[Embedding, Vectors] = {}
    for row, result in zip(pictures, results, strict=True):
        if isinstance(result, Refusal):
            refused[row] = result
        else:
            vectors[row] = result
    with transaction.atomic():
        _refuse(refused)
        away = [row for row in untouched if row.photo.external]
        _release(away, wait=AWAY_TRIES)
        _release([row for row in untouched if row not in away], wait=1)
        _save_first_decodes(halves)
        saved = _save(pictures, vectors)
    failpoint("saved")
    arrived = attempt(lambda: project(PHOTOS, batch.model, saved))
    activity.count(WorkKind.EMBED, len(pictures))
    heartbeat.progress()
    return arrived


def _collect(
    batch: Batch,
) -> tuple[dict[Embedding, Picture], dict[Embedding, Refusal], list[Embedding]]:
    """Wait for the pictures; return the good ones, the refusals, and rows to give back."""
    pictures: dict[Embedding, Picture] = {}
    refused: dict[Embedding, Refusal] = {}
    untouched: list[Embedding] = []
    for row, future in zip(batch.rows, batch.pictures, strict=True):
        try:
            pictures[row] = future.result()
        except DecodeError as error:
            if _is_away(row.photo, error):
                untouched.append(row)
            else:
                refused[row] = _refusal(row, error)
        except (PoolBusy, PoolClosed, CancelledError, OSError) as error:
            with about_photo(row.photo_id):
                logger.warning("Photo %s was not read and is tried again: %s", row.photo_id, error)
            untouched.append(row)
    return pictures, refused, untouched


def _set_aside_halves(
    pictures: dict[Embedding, Picture], refused: dict[Embedding, Refusal]
) -> dict[Embedding, Picture]:
    """Move pictures that were copied only in part to the refusals; return them.

    People see what is there of them, but search finds no photo by a half.
    """
    halves = {
        row: picture
        for row, picture in pictures.items()
        if picture.facts.get("flaw") == Photo.Flaw.INCOMPLETE
    }
    for row in halves:
        del pictures[row]
        refused[row] = Refusal(Reason.INCOMPLETE, final=True)
    return halves


def _refusal(row: Embedding, error: DecodeError) -> Refusal:
    reason = Reason(error.reason)
    second_chance = reason in _SECOND_CHANCE and row.attempts < 2
    return Refusal(reason, error.detail, final=not second_chance)


def _is_away(photo: Photo, error: DecodeError) -> bool:
    """Tell whether not a single file is missing, but the whole volume.

    A disk that goes off while a file is read shows as any kind of damage.
    """
    suspicious = photo.external or error.reason == Reason.MISSING_ORIGINAL
    return suspicious and external.is_away(photo)


def _give_up(batch: Batch, error: Exception) -> None:
    """Schedule the rows of a batch that failed as a whole for another try."""
    refusal = Refusal(Reason.WORKER_CRASHED, f"{type(error).__name__}: {error}")
    try:
        _refuse(dict.fromkeys(batch.rows, refusal))
    except DatabaseError as lost:
        if not database_outages.is_told(lost):
            logger.exception("The rows of a failed batch stay leased until their lease runs out.")


def _abandon(batch: Batch | None) -> None:
    """Release a batch that was claimed ahead and will not be embedded now."""
    if batch is None:
        return
    for future in batch.pictures:
        future.cancel()
    _release(batch.rows)


# --- embedding ------------------------------------------------------------------------------------


def embed(embedder: Embedder, pictures: Sequence[Pixels]) -> list[Vectors | Refusal]:
    """Return a unit vector, shape (dim,), float32, or a refusal for each picture.

    A batch that fails, because it does not fit on the device or for any other reason, is halved
    until only one picture fails.
    """
    if not pictures:
        return []
    heartbeat.progress()
    try:
        rows = embedder.embed_images(pictures)
    except DeviceOutOfMemory as error:
        failure = Refusal(Reason.GPU_OOM, str(error))
    except Exception as error:
        # Whatever the model library raises must cost only the picture that causes it.
        logger.exception("The model failed on a batch of %d pictures.", len(pictures))
        failure = Refusal(Reason.BAD_VECTOR, f"{type(error).__name__}: {error}")
    else:
        return [_checked(row, embedder.dim) for row in rows]
    if len(pictures) == 1:
        return [failure]
    middle = len(pictures) // 2
    return embed(embedder, pictures[:middle]) + embed(embedder, pictures[middle:])


def _checked(row: Vectors, dim: int) -> Vectors | Refusal:
    """Return the row if it is a finite unit vector of `dim` numbers; the index would take any."""
    if row.shape != (dim,):
        return Refusal(Reason.BAD_VECTOR, f"shape {row.shape} instead of ({dim},)", final=True)
    if not np.isfinite(row).all():
        return Refusal(Reason.BAD_VECTOR, "not finite", final=True)
    norm = float(np.linalg.norm(row))
    if abs(norm - 1.0) >= NORM_TOLERANCE:
        return Refusal(Reason.BAD_VECTOR, f"length {norm:.4f} instead of 1", final=True)
    return row.astype(np.float32, copy=False)


# --- the end of a claim ---------------------------------------------------------------------------


def _release(rows: Sequence[Embedding], *, wait: int = 0) -> None:
    """Give claimed rows back untried, without counting the attempt.

    With `wait` they cannot be claimed again at once, so that the cause has time to pass: it is as
    long as the pause after so many attempts.
    """
    _leased(rows).update(
        state=Embedding.State.PENDING,
        attempts=F("attempts") - 1,
        lease_token=None,
        lease_until=None,
        not_before=timezone.now() + pause(wait) if wait else None,
    )


def _save(
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
    leased.update(state=Embedding.State.EMBEDDED, lease_until=None, reason="", detail="")
    saved = Embedding.objects.filter(pk__in=[row.pk for row in vectors])
    saved = saved.filter(state=Embedding.State.EMBEDDED)
    held = set(saved.values_list("pk", "lease_token"))
    return [row for row in vectors if (row.pk, row.lease_token) in held]


def _save_first_decodes(pictures: Mapping[Embedding, Picture]) -> None:
    decoded = {row.photo: picture for row, picture in pictures.items() if picture.facts}
    if not decoded:
        return
    for photo, picture in decoded.items():
        vars(photo).update(picture.facts)
    Photo.objects.bulk_update(decoded, ["phash", "colour", "colours", "flaw"])
    Photo.objects.filter(pk__in=[photo.pk for photo in decoded]).update(decoded_at=timezone.now())
    seen = [(photo.pk, picture) for photo, picture in decoded.items()]
    save_fingerprints({pk: look.fingerprint for pk, look in seen if look.fingerprint is not None})
    save_quality({pk: found for pk, look in seen for found in look.quality})


def _refuse(refusals: Mapping[Embedding, Refusal]) -> None:
    """Schedule each row for another try, or fail it if none is left or none would help."""
    for row, refusal in refusals.items():
        final = refusal.final or row.attempts >= MAX_ATTEMPTS or row.crashes >= MAX_CRASHES
        row.state = Embedding.State.FAILED if final else Embedding.State.PENDING
        row.reason, row.detail, row.lease_until = refusal.reason, refusal.detail[:300], None
        row.not_before = None if final else timezone.now() + pause(row.attempts)
        if final:
            with about_photo(row.photo_id):
                why = f"{row.reason} {row.detail}".rstrip()
                logger.warning("Photo %s failed: %s", row.photo_id, why)
    fields = ["state", "reason", "detail", "not_before", "lease_until"]
    _leased(list(refusals)).bulk_update(refusals, fields)


def pause(attempts: int) -> timedelta:
    """Return the wait after so many attempts: doubling from 5 s to 15 min, 20 % either way."""
    full: timedelta = min(FIRST_PAUSE * 2 ** max(attempts - 1, 0), LONGEST_PAUSE)
    spread: float = random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - spreading load is no secret
    return full * spread


def _leased(rows: Sequence[Embedding]) -> EmbeddingQuerySet:
    """Return the `rows`, all of one claim, that are still leased by it."""
    return Embedding.objects.filter(
        pk__in=[row.pk for row in rows],
        state=Embedding.State.LEASED,
        lease_token__in=[row.lease_token for row in rows[:1]],
    )
