"""Decoding ahead of the model: pictures are read in children while a batch is embedded."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from gallery import files, request_priority
from gallery.decoding import Decoded, DecodeError, DecoderPool, PoolClosed
from gallery.decoding.answers import PART_SIDE
from gallery.models import Photo
from gallery.models.fingerprints import fingerprint_of
from gallery.reasons import Reason
from search.vectors.embedders.base import Pixels
from workers import watchdog
from workers.failpoints import failpoint
from workers.priority import lower_thread_priority

CHILDREN_NICE = 10
"""Below the web server and above the embedding, which would otherwise wait for pictures."""

QUEUE_SECONDS = 120.0
"""How long a picture may wait for a child; the pool's line is as long as the look-ahead."""


@dataclass(frozen=True, eq=False)
class Picture:
    """What the model sees, and what the first decode found out (None when it was known)."""

    pixels: Pixels
    decoded: Decoded | None


class LookAhead:
    """Decoder children of the worker, and the threads that wait for them."""

    def __init__(self, *, faults: bool = False) -> None:
        size = settings.DECODER_CHILDREN
        self._pool = DecoderPool(
            size,
            max_pixels=settings.MAX_PIXELS,
            nice=CHILDREN_NICE,
            queue_seconds=QUEUE_SECONDS,
            faults=faults,
        )
        self._threads = ThreadPoolExecutor(size, "decode-ahead", initializer=lower_thread_priority)

    def start(self, photo: Photo) -> Future[Picture]:
        """Begin to read the photo; the future may raise what `DecoderPool` or a file does."""
        return self._threads.submit(self._read, photo)

    def rendition(self, photo_id: UUID) -> Pixels | None:
        """Return the pixels of a photo's thumbnail, or None when it cannot be read.

        Raises `PoolBusy` and `PoolClosed`.
        """
        try:
            return self._pool.pixels(files.thumbnail(photo_id))
        except DecodeError:
            return None

    def start_rendition(self, photo_id: UUID) -> Future[Pixels | None]:
        """Begin to read a photo's thumbnail; see `rendition`. Raises `PoolClosed`."""
        try:
            return self._threads.submit(self.rendition, photo_id)
        except RuntimeError as error:  # The executor was shut down.
            raise PoolClosed from error

    def start_detail(self, photo: Photo) -> Future[Pixels]:
        """Begin to read a photo at `PART_SIDE`; the future may raise what `DecoderPool` does."""
        try:
            return self._threads.submit(
                self._pool.part, files.original(photo), (0.0, 0.0, 1.0, 1.0), PART_SIDE
            )
        except RuntimeError as error:  # The executor was shut down.
            raise PoolClosed from error

    def fingerprints(self, photo_ids: Sequence[UUID]) -> dict[UUID, Pixels]:
        """Return the fingerprints (uint8, SIDE x SIDE) of all whose thumbnail can be read.

        Raises `PoolBusy` and `PoolClosed`.
        """
        made = self._threads.map(self._fingerprint, photo_ids)
        return {pk: grey for pk, grey in zip(photo_ids, made, strict=True) if grey is not None}

    def _fingerprint(self, photo_id: UUID) -> Pixels | None:
        request_priority.yield_to_requests()
        pixels = self.rendition(photo_id)
        watchdog.progress()
        return None if pixels is None else fingerprint_of(pixels)

    def close(self) -> None:
        """Kill the children; pictures at work raise `PoolClosed`, those in line are cancelled."""
        self._pool.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _read(self, photo: Photo) -> Picture:
        try:
            return self._stored_rendition(photo) or self._decode(photo)
        finally:
            watchdog.progress()

    def _stored_rendition(self, photo: Photo) -> Picture | None:
        """Return the pixels of the thumbnail, 9 to 15 times cheaper, if there is a good one."""
        thumbnail = files.thumbnail(photo.pk)
        if photo.decoded_at is None or not thumbnail.exists():
            return None
        if not files.original(photo).exists():
            raise DecodeError(Reason.MISSING_ORIGINAL)
        try:
            return Picture(self._pool.pixels(thumbnail), None)
        except DecodeError:
            return None

    def _decode(self, photo: Photo) -> Picture:
        decoded = self._pool.decode(files.original(photo))
        failpoint("decoded")
        files.write_atomically(files.thumbnail(photo.pk), decoded.thumbnail)
        return Picture(decoded.pixels, decoded)


_lock = threading.Lock()
_shared: LookAhead | None = None


def shared() -> LookAhead:
    """Return the process-wide look-ahead, started when first asked for."""
    global _shared
    with _lock:
        if _shared is None:
            _shared = LookAhead()
        return _shared


def close() -> None:
    """Stop the children; the next `shared()` starts new ones."""
    global _shared
    with _lock:
        current, _shared = _shared, None
    if current is not None:
        current.close()
