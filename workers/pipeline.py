"""From pending rows to searchable photos: claim, decode ahead, embed, save, project.

Nobody waits for a full batch: whatever is due is claimed, so a single upload is searchable in
about a second, and a thousand of them fill the batches by themselves. While a batch is in the
model, the pictures of the next one are being decoded. What became searchable is compared with the
rest for duplicates every few seconds, and once nothing else is due.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, transaction

from gallery import files
from gallery.decoding import DecodeError, PoolBusy, PoolClosed
from gallery.models import Embedding, EmbeddingModel
from gallery.reasons import Reason
from search.vectors.embedders import image_embedder, is_loaded
from search.vectors.embedders.base import Embedder, ModelUnavailable
from workers import (
    claim_results,
    compare_photos,
    heartbeat,
    look_ahead,
    rate,
    watchdog,
)
from workers.claim_results import MAX_CRASHES
from workers.embedding import Refusal, embed
from workers.failpoints import failpoint
from workers.index_sync import photos
from workers.look_ahead import LookAhead, Picture

logger = logging.getLogger(__name__)

SUSPECT_CRASHES = 2
"""A row that was at work in so many crashes is tried alone, so that it can harm no other."""

COMPARE_SECONDS = 3.0
"""How long photos that are searchable wait to be compared while others are being indexed."""

# A machine short of memory or time can cause these, so the picture gets a second chance.
_SECOND_CHANCE = frozenset({Reason.DECODE_TIMEOUT, Reason.DECODE_OOM, Reason.DECODER_CRASHED})

_draining = threading.Lock()
_again = threading.Event()
_stopping = threading.Event()
_indexing = threading.Event()


@dataclass(eq=False)
class Batch:
    """Claimed rows of one model, their pictures on the way, and the model."""

    model: EmbeddingModel
    embedder: Embedder
    rows: list[Embedding]
    pictures: list[Future[Picture]]


def drain() -> int:
    """Work until nothing is due and return how many photos became searchable.

    One thread of a process drains at a time; a call while another one drains makes that one
    look once more and returns at once.
    """
    _again.set()
    total = 0
    while _again.is_set() and _draining.acquire(blocking=False):
        try:
            _again.clear()
            total += _drain(look_ahead.shared())
        finally:
            _indexing.clear()
            _draining.release()
    return total


def request_stop() -> None:
    """Make drains of this process end after their current batch."""
    _stopping.set()


def allow() -> None:
    """Let drains run again after `request_stop`."""
    _stopping.clear()


def is_stopping() -> bool:
    """Tell whether work of this process is to end soon."""
    return _stopping.is_set()


def is_indexing() -> bool:
    """Tell whether photos are being indexed; a drain may also only look, or compare."""
    return _indexing.is_set()


def is_draining() -> bool:
    """Tell whether a thread of this process drains, and so will find what is due by itself."""
    return _draining.locked()


def wait_until_idle(timeout: float) -> bool:
    """Wait until no thread drains; return False when `timeout` seconds were not enough."""
    acquired = _draining.acquire(timeout=timeout)
    if acquired:
        _draining.release()
    return acquired


def _drain(decoders: LookAhead) -> int:
    total = sum(photos.project_waiting(model, stop=_stopping) for model in _models())
    compared_at = time.monotonic()
    batch = None if _stopping.is_set() else _begin(decoders) or _begin_after_comparing(decoders)
    while batch is not None:
        _indexing.set()
        ahead = not _stopping.is_set() and not _is_suspect(batch.rows[0])
        with watchdog.working():
            following = _begin(decoders, may_load=False) if ahead else None
            try:
                total += _finish(batch)
            except Exception as error:
                _give_up(batch, error)
                _abandon(following)
                raise
        if _stopping.is_set():
            _abandon(following)
            break
        if following and time.monotonic() - compared_at > COMPARE_SECONDS:
            _compare()
            compared_at = time.monotonic()
        batch = following or _begin(decoders) or _begin_after_comparing(decoders)
    return total


def _begin_after_comparing(decoders: LookAhead) -> Batch | None:
    """Compare what is searchable; return a batch of what became due meanwhile, if anything."""
    _indexing.clear()
    if not _compare():
        return None
    return None if _stopping.is_set() else _begin(decoders)


def _compare() -> int:
    """Compare the newest photos for duplicates; return how many. A task of its own does the rest.

    A fault must not end the indexing: the rows remain to be compared.
    """
    active = EmbeddingModel.objects.active()
    try:
        return compare_photos.compare_due(active, limit=compare_photos.BATCH) if active else 0
    except DatabaseError:
        logger.exception("Comparing for duplicates goes on later.")
        return 0


def _models() -> list[EmbeddingModel]:
    """Return the wanted models, the one that answers queries first."""
    return sorted(
        EmbeddingModel.objects.wanted(), key=lambda m: m.state != EmbeddingModel.State.ACTIVE
    )


def _begin(decoders: LookAhead, *, may_load: bool = True) -> Batch | None:
    """Claim a batch of the first model with due rows and start decoding; None if nothing is.

    Loading a model may take minutes, so it happens only where no claimed row waits for it.
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
    """Lease due rows; rows that were at work in crashes are tried alone, or given up."""
    claimed = Embedding.objects.claim(model, settings.EMBEDDING_BATCH)
    hopeless = [row for row in claimed if row.crashes >= MAX_CRASHES]
    suspects = [row for row in claimed if SUSPECT_CRASHES <= row.crashes < MAX_CRASHES]
    healthy = [row for row in claimed if row.crashes < SUSPECT_CRASHES]
    claim_results.refuse(hopeless, map(claim_results.crashed, hopeless))
    if healthy or not suspects:
        claim_results.release(suspects)
        return healthy or (_claim(model) if hopeless else [])
    claim_results.release(suspects[1:])
    return suspects[:1]


def _is_suspect(row: Embedding) -> bool:
    return row.crashes >= SUSPECT_CRASHES


def _has_space() -> bool:
    """Tell whether the disk has room for a batch; rows wait without losing an attempt."""
    try:
        files.require_free_space()
    except files.StorageFull as error:
        heartbeat.tell("disk", str(error))
        return False
    heartbeat.tell("disk", "")
    return True


def _finish(batch: Batch) -> int:
    """Take a batch through the model and into the index; return how many photos arrived."""
    pictures, refused, untouched = _collect(batch)
    rows = list(pictures)
    results = embed(batch.embedder, [picture.pixels for picture in pictures.values()])
    failpoint("embedded")
    saved = []
    vectors = []
    for row, result in zip(rows, results, strict=True):
        if isinstance(result, Refusal):
            refused[row] = result
        else:
            saved.append(row)
            vectors.append(result)
    with transaction.atomic():
        claim_results.save_pictures([row.photo for row in rows], list(pictures.values()))
        claim_results.save_vectors(saved, vectors)
        claim_results.refuse(list(refused), refused.values())
        claim_results.release(untouched, wait=True)
    failpoint("saved")
    arrived = _project(batch.model, saved)
    rate.add(len(rows))
    watchdog.progress()
    return arrived


def _project(model: EmbeddingModel, rows: Sequence[Embedding]) -> int:
    if not rows or photos.is_paused():
        return 0
    # Rows whose lease was lost meanwhile belong to somebody else now.
    keys = photos.waiting().filter(pk__in=[row.pk for row in rows], lease_token=rows[0].lease_token)
    mine = set(keys.values_list("pk", flat=True))
    return photos.project(model, [row for row in rows if row.pk in mine])


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
    """Tell a single missing file from a volume that is not mounted."""
    folder = settings.MEDIA_DIR / "originals"
    return folder.is_dir() and any(folder.iterdir())


def _give_up(batch: Batch, error: Exception) -> None:
    """Send the rows of a batch that failed as a whole back for a later try."""
    refusal = Refusal(Reason.WORKER_CRASHED, f"{type(error).__name__}: {error}")
    try:
        claim_results.refuse(batch.rows, [refusal] * len(batch.rows))
    except DatabaseError:
        logger.exception("The rows of a failed batch stay leased until their lease runs out.")


def _abandon(batch: Batch | None) -> None:
    """Give a batch back that was claimed ahead and is not going to be embedded now."""
    if batch is None:
        return
    for future in batch.pictures:
        future.cancel()
    claim_results.release(batch.rows)
