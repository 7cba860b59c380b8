"""From a pending row to an indexed one: claim, decode ahead, embed, save, project.

Any step may be the last one of this process. What it leaves is a lease that runs out or a vector
that is saved but not projected, and both are taken up again from the database alone.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from numpy.typing import NDArray

from gallery import files
from gallery.decoding import DecodeError, DecoderPool
from gallery.models import Embedding, EmbeddingModel, Photo
from gallery.models.embeddings import MAX_ATTEMPTS, EmbeddingQuerySet
from gallery.reasons import Reason
from search.embedders import image_embedder
from search.embedders.base import DeviceOutOfMemory, Embedder, ModelUnavailable
from search.index import BadVector, Point, VectorIndex, VectorIndexError, open_index
from workers import heartbeat
from workers.failpoints import failpoint

log = logging.getLogger(__name__)

MAX_CRASHES = 4
SUSPECT_CRASHES = 2  # from here on a row is worked on alone
NORM_TOLERANCE = 1e-3
PROJECT_BATCH = 256
LOW_PRIORITY = 19

_draining = threading.Lock()
_again = threading.Event()
_stopping = threading.Event()
_pool_lock = threading.Lock()
_pool: DecoderPool | None = None


@dataclass
class Picture:
    """A claimed row with its pixels, or with the reason why there are none."""

    row: Embedding
    pixels: NDArray[np.uint8] | None = None
    reason: str = ""
    detail: str = ""
    transient: bool = False


def drain() -> int:
    """Work until nothing is due; return how many photos became searchable.

    One thread of a process drains; another that is called meanwhile makes it look once more.
    """
    done = 0
    _again.set()
    while _again.is_set() and not _stopping.is_set():
        if not _draining.acquire(blocking=False):
            return done
        try:
            _again.clear()
            _lower_priority()
            done += sum(_drain_model(model) for model in EmbeddingModel.objects.wanted())
        finally:
            _draining.release()
    return done


def stop() -> None:
    """Let the batch in work finish and start no other; give back what was only claimed."""
    _stopping.set()
    with _draining:
        close_pool()


def reset() -> None:
    """Allow draining again after `stop`."""
    _stopping.clear()


def _lower_priority() -> None:
    """Let searches go first: on Linux a thread has a priority of its own."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
    except (AttributeError, OSError):
        return


def _drain_model(model: EmbeddingModel) -> int:
    try:
        embedder = image_embedder(model.key)
        index = open_index(model.key, model.dim)
        index.ensure()
    except (ModelUnavailable, VectorIndexError) as error:
        heartbeat.say(str(error))
        return 0
    project(model, index)
    done = 0
    with ThreadPoolExecutor(1, thread_name_prefix="decode-ahead") as ahead:
        for pictures in _decoded_batches(model, ahead):
            with heartbeat.batch(len(pictures)):
                done += _finish(pictures, model, embedder, index)
    return done


def _decoded_batches(model: EmbeddingModel, ahead: ThreadPoolExecutor) -> Iterator[list[Picture]]:
    """Yield batches in the order claimed; the next one is decoded while this one is embedded."""
    waiting: Future[list[Picture]] | None = ahead.submit(_claim_and_decode, model)
    while waiting is not None:
        pictures = waiting.result()
        if not pictures:
            return
        waiting = None if _stopping.is_set() else ahead.submit(_claim_and_decode, model)
        yield pictures


def _claim_and_decode(model: EmbeddingModel) -> list[Picture]:
    from django.db import connection

    try:
        _lower_priority()
        rows = _claim(model)
        failpoint("claimed")
        return _decode(rows)
    finally:
        connection.close()


def _claim(model: EmbeddingModel) -> list[Embedding]:
    """Claim a batch; nothing while the disk is nearly full, so that no attempt is spent."""
    try:
        files.require_free_space()
    except files.StorageFull as full:
        heartbeat.say(str(full))
        return []
    rows = Embedding.objects.claim(model, settings.EMBEDDING_BATCH)
    suspects = [row for row in rows if row.crashes >= SUSPECT_CRASHES]
    if suspects and len(rows) > 1:
        _release([row for row in rows if row.pk != suspects[0].pk])
        rows = suspects[:1]
    return rows


def _release(rows: list[Embedding]) -> None:
    """Give rows back unworked, as if they had not been claimed."""
    for row in rows:
        Embedding.objects.filter(pk=row.pk, lease_token=row.lease_token).update(
            state=Embedding.State.PENDING, attempts=F("attempts") - 1, lease_until=None
        )


def _decode(rows: list[Embedding]) -> list[Picture]:
    with ThreadPoolExecutor(settings.DECODER_CHILDREN) as threads:
        return list(threads.map(_decode_one, rows))


def _decode_one(row: Embedding) -> Picture:
    """Decode one photo and keep its thumbnail; the stored rendition serves if there is one."""
    if row.crashes >= MAX_CRASHES:
        return Picture(row, reason=Reason.WORKER_CRASHED)
    photo, path = row.photo, files.original(row.photo)
    try:
        if photo.decoded_at and files.thumbnail(photo.pk).exists():
            return Picture(row, pool().pixels(files.thumbnail(photo.pk)))
        if not path.exists():
            return Picture(row, reason=Reason.MISSING_ORIGINAL, detail=path.name)
        decoded = pool().decode(path)
        files.write_atomically(files.thumbnail(photo.pk), decoded.thumbnail)
    except DecodeError as error:
        return Picture(row, reason=error.reason, detail=error.detail)
    except Exception as error:  # noqa: BLE001 - a full pool or disk passes, the row comes again
        return Picture(row, reason=Reason.WORKER_CRASHED, detail=str(error), transient=True)
    photo.decoded_at = timezone.now()
    photo.phash, photo.colour = f"{decoded.phash:016x}", decoded.colour
    return Picture(row, decoded.pixels)


def pool() -> DecoderPool:
    """Return this process's decoder children for indexing, at low priority."""
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = DecoderPool(
                size=settings.DECODER_CHILDREN, max_pixels=settings.MAX_PIXELS, nice=10
            )
        return _pool


def close_pool() -> None:
    """Stop the children."""
    global _pool
    with _pool_lock:
        closing, _pool = _pool, None
    if closing is not None:
        closing.close()


def _finish(
    pictures: list[Picture], model: EmbeddingModel, embedder: Embedder, index: VectorIndex
) -> int:
    """Embed a batch, save its vectors, project them; settle every row of it."""
    readable = [picture for picture in pictures if picture.pixels is not None]
    vectors = _embed(embedder, readable)
    failpoint("embedded")
    _save(pictures, readable, vectors, model)
    failpoint("saved")
    return project(model, index)


def _embed(embedder: Embedder, pictures: list[Picture]) -> list[NDArray[np.float32] | None]:
    """Return a unit vector per picture, or None with the picture's reason set."""
    if not pictures:
        return []
    try:
        found = embedder.embed_images([p.pixels for p in pictures if p.pixels is not None])
    except DeviceOutOfMemory as error:
        if len(pictures) == 1:
            pictures[0].reason, pictures[0].detail = Reason.GPU_OOM, str(error)
            pictures[0].transient = True
            return [None]
        half = len(pictures) // 2
        return _embed(embedder, pictures[:half]) + _embed(embedder, pictures[half:])
    return [_checked(p, vector, embedder.dim) for p, vector in zip(pictures, found, strict=True)]


def _checked(picture: Picture, vector: NDArray[np.float32], dim: int) -> NDArray[np.float32] | None:
    norm = float(np.linalg.norm(vector))
    if vector.shape == (dim,) and np.isfinite(norm) and abs(norm - 1) < NORM_TOLERANCE:
        return vector
    picture.reason, picture.detail = Reason.BAD_VECTOR, f"norm {norm}"
    return None


def _save(
    pictures: list[Picture],
    readable: list[Picture],
    vectors: list[NDArray[np.float32] | None],
    model: EmbeddingModel,
) -> None:
    """Write the results of a batch in one transaction, for rows whose lease is still ours."""
    now = timezone.now()
    good = [(p.row, v) for p, v in zip(readable, vectors, strict=True) if v is not None]
    with transaction.atomic():
        held = _still_held(pictures)
        for row, vector in good:
            row.set_vector(vector)
            row.state, row.embedded_at = Embedding.State.EMBEDDED, now
        Embedding.objects.bulk_update(
            [row for row, _ in good if row.pk in held],
            ["vector", "vector_crc", "state", "embedded_at"],
        )
        photos = [p.row.photo for p in readable if p.row.photo.decoded_at]
        Photo.objects.bulk_update(photos, ["decoded_at", "phash", "colour"])
        for picture in pictures:
            if picture.reason and picture.row.pk in held:
                _settle_failure(picture)


def _still_held(pictures: list[Picture]) -> set[int]:
    tokens = {p.row.pk: p.row.lease_token for p in pictures}
    rows = Embedding.objects.filter(pk__in=tokens, state=Embedding.State.LEASED)
    return {pk for pk, token in rows.values_list("pk", "lease_token") if tokens[pk] == token}


def _settle_failure(picture: Picture) -> None:
    """Fail a row for good, or send it back to wait when the fault may pass."""
    row = picture.row
    again = picture.transient and row.attempts < MAX_ATTEMPTS
    wait = min(2**row.attempts * 5, 900) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load
    Embedding.objects.filter(pk=row.pk).update(
        state=Embedding.State.PENDING if again else Embedding.State.FAILED,
        reason="" if again else picture.reason,
        detail=picture.detail[:300],
        not_before=timezone.now() + timedelta(seconds=wait) if again else None,
        lease_until=None,
    )


def project(model: EmbeddingModel, index: VectorIndex) -> int:
    """Bring saved vectors into the index and mark their rows; return how many.

    An index that is away leaves the rows as they are, at no cost of attempts.
    """
    done = 0
    while True:
        rows = list(_projectable(model)[:PROJECT_BATCH])
        try:
            count = _project_batch(rows, index) if rows else 0
        except VectorIndexError as error:
            heartbeat.say(str(error))
            return done
        if not rows:
            return done
        done += count


def _projectable(model: EmbeddingModel) -> EmbeddingQuerySet:
    rows = Embedding.objects.live().filter(model=model, state=Embedding.State.EMBEDDED)
    return rows.select_related("photo").order_by("pk")


def _project_batch(rows: list[Embedding], index: VectorIndex) -> int:
    """Upsert, flush, then mark; a row that changed meanwhile is not marked."""
    points, whole, damaged = [], [], []
    for row in rows:
        vector = row.get_vector()
        if vector is None:
            damaged.append(row.pk)
            continue
        points.append(Point(row.photo_id, vector, payload(row)))
        whole.append(row)
    if damaged:
        Embedding.objects.filter(pk__in=damaged).update(
            state=Embedding.State.PENDING, generation=F("generation") + 1
        )
    try:
        index.upsert(points)
    except BadVector as error:
        return _project_singly(whole, points, index, error)
    failpoint("upserted")
    index.flush()
    failpoint("flushed")
    return _mark(whole)


def _project_singly(
    rows: list[Embedding], points: list[Point], index: VectorIndex, error: BadVector
) -> int:
    """Find the point that an index refused; the others of the batch go in."""
    if len(points) == 1:
        Embedding.objects.filter(pk=rows[0].pk).update(
            state=Embedding.State.FAILED, reason=Reason.INDEX_REJECTED, detail=str(error)[:300]
        )
        return 0
    return sum(_project_batch([row], index) for row in rows)


def payload(row: Embedding) -> dict[str, str | int]:
    """Return what filters may look at."""
    return {
        "owner": str(row.photo.owner_id),
        "gen": row.generation,
        "taken": int(row.photo.shown_at.timestamp()),
    }


def _mark(rows: list[Embedding]) -> int:
    generations: dict[int, list[int]] = {}
    for row in rows:
        generations.setdefault(row.generation, []).append(row.pk)
    now, count = timezone.now(), 0
    for generation, ids in generations.items():
        count += Embedding.objects.filter(
            pk__in=ids, state=Embedding.State.EMBEDDED, generation=generation
        ).update(
            state=Embedding.State.INDEXED, indexed_at=now, reason="", detail="", lease_until=None
        )
    return count


def wait_until_idle(seconds: float) -> bool:
    """Wait until no batch is in work; return False when that took too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if _draining.acquire(timeout=0.1):
            _draining.release()
            return True
    return False
