"""From pending rows to searchable photos: claim, decode ahead, embed, save, project.

There is no wait for a full batch: whatever is due is claimed, so a single upload is searchable in
about a second, and many uploads fill the batches. While the model embeds one batch, the pictures
of the next are decoded.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, transaction

from gallery import files
from gallery.decoding import DecodeError, PoolBusy, PoolClosed
from gallery.models import Embedding, EmbeddingModel
from gallery.reasons import Reason
from search.vectors.embedders import image_embedder, is_loaded
from search.vectors.embedders.base import Embedder, ModelUnavailable, Vectors
from workers import claim_results, heartbeat, look_ahead
from workers.claim_results import MAX_CRASHES
from workers.embedding import Refusal, embed
from workers.failpoints import failpoint
from workers.index_sync.projection import project
from workers.index_sync.sources import PHOTOS
from workers.look_ahead import Picture

logger = logging.getLogger(__name__)

SUSPECT_CRASHES = 2
"""A row that was part of so many crashes is tried alone, so that it harms no other."""

COMPARE_SECONDS = 3.0
"""How often new photos are compared while others are still being indexed."""

# A machine short of memory or time can cause these, so the picture gets a second try.
_SECOND_CHANCE = frozenset({Reason.DECODE_TIMEOUT, Reason.DECODE_OOM, Reason.DECODER_CRASHED})

ACTIVE = EmbeddingModel.State.ACTIVE

Stop = Callable[[], bool]
Attempt = Callable[[Callable[[], int]], int]


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
        if following and time.monotonic() - compared_at > COMPARE_SECONDS:
            compare()
            compared_at = time.monotonic()
        batch = following or _begin()
    return total


def _models() -> list[EmbeddingModel]:
    """Return the wanted models, the one that answers queries first."""
    return sorted(EmbeddingModel.objects.wanted(), key=lambda model: model.state != ACTIVE)


def _begin(*, may_load: bool = True) -> Batch | None:
    """Claim a batch of the first model with due rows and start to decode it; None if none is due.

    Loading a model may take minutes, so it happens only while no claimed row has to wait.
    """
    if not _has_space():
        return None
    for model in _models():
        if not Embedding.objects.filter(model=model).due().exists():
            continue
        embedder = _embedder(model) if may_load or is_loaded(model.key, "image") else None
        rows = _claim(model) if embedder is not None else []
        if embedder is not None and rows:
            failpoint("claimed")
            decoders = look_ahead.shared()
            return Batch(model, embedder, rows, [decoders.start(row.photo) for row in rows])
    return None


def _embedder(model: EmbeddingModel) -> Embedder | None:
    about = f"embedding with {model.key}"
    try:
        embedder = image_embedder(model.key)
    except ModelUnavailable as error:
        heartbeat.tell(about, str(error))
        return None
    heartbeat.tell(about, "")
    return embedder


def _claim(model: EmbeddingModel) -> list[Embedding]:
    """Lease due rows; rows that were part of crashes are tried alone, or given up."""
    claimed = Embedding.objects.claim(model, settings.EMBEDDING_BATCH)
    hopeless = [row for row in claimed if row.crashes >= MAX_CRASHES]
    suspects = [row for row in claimed if SUSPECT_CRASHES <= row.crashes < MAX_CRASHES]
    healthy = [row for row in claimed if row.crashes < SUSPECT_CRASHES]
    claim_results.give_up(hopeless)
    if healthy or not suspects:
        claim_results.release(suspects)
        return healthy or (_claim(model) if hopeless else [])
    claim_results.release(suspects[1:])
    return suspects[:1]


def _has_space() -> bool:
    """Tell whether the disk has room for a batch; if not, rows wait without an attempt."""
    try:
        files.require_free_space()
    except files.StorageFull as error:
        heartbeat.tell("disk", str(error))
        return False
    heartbeat.tell("disk", "")
    return True


def _finish(batch: Batch, attempt: Attempt) -> int:
    """Embed a batch, save it and put it into the index; return how many photos arrived."""
    pictures, refused, untouched = _collect(batch)
    results = embed(batch.embedder, [picture.pixels for picture in pictures.values()])
    failpoint("embedded")
    vectors: dict[Embedding, Vectors] = {}
    for row, result in zip(pictures, results, strict=True):
        if isinstance(result, Refusal):
            refused[row] = result
        else:
            vectors[row] = result
    with transaction.atomic():
        claim_results.refuse(refused)
        claim_results.release(untouched, wait=True)
        saved = claim_results.save(pictures, vectors)
    failpoint("saved")
    arrived = attempt(lambda: project(PHOTOS, batch.model, saved))
    heartbeat.count_embedded(len(pictures))
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
            if error.reason == Reason.MISSING_ORIGINAL and not _originals_are_there():
                untouched.append(row)
            else:
                refused[row] = _refusal(row, error)
        except (PoolBusy, PoolClosed, CancelledError, OSError) as error:
            logger.warning("Photo %s was not read and is tried again: %s", row.photo_id, error)
            untouched.append(row)
    return pictures, refused, untouched


def _refusal(row: Embedding, error: DecodeError) -> Refusal:
    reason = Reason(error.reason)
    second_chance = reason in _SECOND_CHANCE and row.attempts < 2
    return Refusal(reason, error.detail, final=not second_chance)


def _originals_are_there() -> bool:
    """Tell whether only a single file is missing, and not the whole volume."""
    folder = settings.MEDIA_DIR / "originals"
    return folder.is_dir() and any(folder.iterdir())


def _give_up(batch: Batch, error: Exception) -> None:
    """Schedule the rows of a batch that failed as a whole for another try."""
    refusal = Refusal(Reason.WORKER_CRASHED, f"{type(error).__name__}: {error}")
    try:
        claim_results.refuse(dict.fromkeys(batch.rows, refusal))
    except DatabaseError:
        logger.exception("The rows of a failed batch stay leased until their lease runs out.")


def _abandon(batch: Batch | None) -> None:
    """Release a batch that was claimed ahead and will not be embedded now."""
    if batch is None:
        return
    for future in batch.pictures:
        future.cancel()
    claim_results.release(batch.rows)
