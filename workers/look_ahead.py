"""Decodes ahead of the model: child processes read pictures while a batch is embedded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TypeVar
from uuid import UUID

from django.conf import settings

from gallery import colours, files
from gallery.decoding import DecodeError, DecoderPool, PoolClosed
from gallery.decoding.answers import PART_SIDE
from gallery.decoding.fingerprint import fingerprint_of
from gallery.decoding.pool import in_order
from gallery.decoding.quality import Measured, measure, squares_of
from gallery.failpoints import failpoint
from gallery.logs.log_context import about_photo
from gallery.models import Photo
from gallery.reasons import Reason
from gallery.request_priority import lower_thread_priority
from search.vectors.embedders.base import Pixels
from workers import activity, heartbeat

CHILDREN_NICE = 10
"""Lower priority than the web server, but higher than embedding, which needs the pictures."""

QUEUE_SECONDS = 120.0
"""How long a picture may wait for a child; as many may wait as are read ahead."""

OWNERS_KEPT = 100_000
"""Photos whose owner is remembered, some 20 MB: comparing asks for each several times."""

Box = tuple[float, float, float, float]
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Picture:
    """The pixels for the model, and what the first decode found for the photo's columns.

    `quality` is empty for a photo that is measured later, and holds None for one that cannot be.
    The fingerprint is uint8, (SIDE, SIDE). A photo that was decoded before has neither, and half
    of a picture has no fingerprint, because nothing may be taken for a copy of it.
    """

    pixels: Pixels
    facts: dict[str, str] = field(default_factory=dict)
    fingerprint: Pixels | None = None
    quality: Sequence[Measured | None] = ()


class LookAhead:
    """The worker's decoder children and the threads that wait for them."""

    def __init__(self, *, faults: bool = False) -> None:
        size = settings.DECODER_CHILDREN
        self._pool = DecoderPool(
            size,
            max_pixels=settings.MAX_PIXELS,
            nice=CHILDREN_NICE,
            turns=partial(in_order, seconds=QUEUE_SECONDS),
            faults=faults,
        )
        self._threads = ThreadPoolExecutor(size, "decode-ahead", initializer=lower_thread_priority)

    def start(self, photo: Photo) -> Future[Picture]:
        """Start to read a photo; the future raises what `DecoderPool` does, or OSError."""
        # Asked here, because the database has no place in the threads that wait for children.
        original, owner = files.find_original(photo), photo.owner_id
        return self._submit(lambda: self._read(photo, original, owner))

    def rendition(self, photo_id: UUID) -> Pixels | None:
        """Return the pixels of a photo's thumbnail, or None if it cannot be read.

        Raises `PoolBusy` and `PoolClosed`.
        """
        return self._rendition(photo_id, owner_of(photo_id))

    def start_rendition(self, photo_id: UUID) -> Future[Pixels | None]:
        """Start to read a photo's thumbnail; see `rendition`. Raises `PoolClosed`."""
        owner = owner_of(photo_id)
        return self._submit(lambda: self._rendition(photo_id, owner))

    def _rendition(self, photo_id: UUID, owner: Hashable) -> Pixels | None:
        try:
            return self._pool.pixels(files.thumbnail(photo_id), owner=owner)
        except DecodeError:
            return None

    def detail(self, photo_id: UUID) -> Pixels | None:
        """Return the pixels of a photo at `PART_SIDE`, or None if it cannot be read.

        Raises `PoolBusy` and `PoolClosed`.
        """
        return self.part(photo_id, _WHOLE, PART_SIDE)

    def part(self, photo_id: UUID, box: Box, side: int) -> Pixels | None:
        """Return a part of a photo, at most `side` px a side, or None if it cannot be read.

        `box` is left, top, width and height in fractions of the picture. The pixels are the
        file's own where the part has no more of them than `side`. Raises `PoolBusy` and
        `PoolClosed`.
        """
        photos = Photo.objects.not_deleted().only("pk", "extension", "external", "owner_id")
        photo = photos.filter(pk=photo_id).first()
        if photo is None:
            return None
        try:
            return self._part(files.find_original(photo), box, side, photo.owner_id)
        except (DecodeError, OSError):
            return None

    def start_detail(self, photo: Photo) -> Future[Pixels]:
        """Start to read a photo at `PART_SIDE`; the future raises what `start` does."""
        original, owner = files.find_original(photo), photo.owner_id
        return self._submit(lambda: self._part(original, _WHOLE, PART_SIDE, owner))

    def start_measuring(self, photo: Photo) -> Future[Measured | None]:
        """Start to measure the sharpness of a photo; the future raises what `start` does."""
        original, owner = files.find_original(photo), photo.owner_id
        return self._submit(lambda: self._measure(original, owner))

    def _measure(self, original: files.Original, owner: Hashable) -> Measured | None:
        with original.unchanged() as path:
            return measure(squares_of(self._pool.squares(path, owner=owner)))

    def _part(self, original: files.Original, box: Box, side: int, owner: Hashable) -> Pixels:
        with original.unchanged() as path:
            return self._pool.part(path, box, side, owner=owner)

    def _submit(self, read: Callable[[], Result]) -> Future[Result]:
        try:
            return self._threads.submit(read)
        except RuntimeError as error:  # The executor was shut down.
            raise PoolClosed from error

    def close(self) -> None:
        """Kill the children; running reads raise `PoolClosed`, waiting ones are cancelled."""
        self._pool.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _read(self, photo: Photo, original: files.Original, owner: Hashable) -> Picture:
        if photo.decoded_at is not None and photo.flaw == Photo.Flaw.INCOMPLETE:
            raise DecodeError(Reason.INCOMPLETE)
        try:
            with about_photo(photo.pk):
                picture = self._stored_rendition(photo, original, owner)
                picture = picture or self._decode(photo, original, owner)
        finally:
            heartbeat.progress()
        activity.decoded.count(1)
        return picture

    def _stored_rendition(
        self, photo: Photo, original: files.Original, owner: Hashable
    ) -> Picture | None:
        """Return the pixels of an intact thumbnail, if any: 9 to 15 times cheaper."""
        thumbnail = files.thumbnail(photo.pk)
        if photo.decoded_at is None or not thumbnail.exists():
            return None
        # The disk of an external photo may be off, and the thumbnail does as well.
        if not photo.external and not original.path.exists():
            raise DecodeError(Reason.MISSING_ORIGINAL)
        try:
            return Picture(self._pool.pixels(thumbnail, owner=owner))
        except DecodeError:
            return None

    def _decode(self, photo: Photo, original: files.Original, owner: Hashable) -> Picture:
        with original.unchanged() as path:
            decoded = self._pool.decode(path, owner=owner)
        fingerprint = fingerprint_of(decoded.pixels)
        failpoint("decoded")
        files.write_thumbnails(photo.pk, decoded.thumbnail, decoded.small)
        facts = {
            "phash": f"{decoded.phash:016x}",
            "colour": decoded.colour,
            "colours": colours.column(colours.main_colours(decoded.pixels)),
            "flaw": decoded.flaw,
        }
        half = decoded.flaw == Photo.Flaw.INCOMPLETE
        sheet = decoded.sheet
        quality = () if sheet is None else (measure(squares_of(sheet)),)
        return Picture(decoded.pixels, facts, None if half else fingerprint, quality)


@lru_cache(maxsize=OWNERS_KEPT)
def owner_of(photo_id: UUID) -> Hashable:
    """Return whose photo it is, which never changes; the id itself for a photo that is gone."""
    photos = Photo.objects.filter(pk=photo_id)
    return photos.values_list("owner_id", flat=True).first() or photo_id


_lock = threading.Lock()
_shared: LookAhead | None = None


def shared() -> LookAhead:
    """Return the process-wide look-ahead; the first call starts it."""
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
