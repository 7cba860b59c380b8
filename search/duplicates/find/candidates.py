"""Candidates for comparing: neighbours in the index, and photos with near perceptual hashes.

The embedding finds crops, re-encoded copies and similar shots. The hash finds what an embedding may
put far away: pictures without colour, mirrored ones, and ones that lie on their side.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery import request_priority
from gallery.decoding.fingerprint import SIDE
from gallery.models import Photo
from search.vectors.index import Hit, Vector, VectorIndex, owned_by

NEIGHBOURS = 20
"""Nearest photos in the index that each photo is compared with."""

NEAR_BITS = 10
"""Bits of 64 in which the hashes of one picture may differ. Two photos that have nothing in common
come that near once in 60 million."""

NEAR_HASHES = 30
"""Photos with near hashes that each photo is compared with, the nearest ones."""

MIN_CONTRAST = 2.0
"""Standard deviation in grey levels below which a picture is flat. The hash of a flat picture is
noise and near to those of all others, so only the embedding finds such pictures."""

QUERIES_AT_ONCE = 4
"""Queries per call of the index. An embedded index stops all other threads meanwhile, at 100,000
photos for about 5 ms."""

RELOAD_SECONDS = 10.0
"""Maximum age of the hashes in memory, because other processes add hashes too."""

Hashes = NDArray[np.uint64]

_BLOCK = 16_384  # hashes at a time, so that intermediate results stay in the CPU's cache
_LOW = 8


def _cosines() -> NDArray[np.float64]:
    """Return the lowest 8 rows of the DCT-II of 32 values, as in `gallery.decoding.pictures`."""
    places = (2 * np.arange(SIDE) + 1) / (2 * SIDE)
    return np.cos(np.pi * np.arange(_LOW)[:, None] * places[None, :])


_COSINES = _cosines()
_SIGNS = (-1.0) ** np.arange(_LOW)


def turned_hashes(greys: NDArray[np.uint8]) -> Hashes:
    """Return the perceptual hashes of pictures in all eight positions: uint64, shape (n, 8).

    `greys` are fingerprints, uint8 (n, SIDE, SIDE). Column 0 is the picture as it is. Mirroring a
    picture changes the sign of every second frequency, and laying it on its side swaps the axes,
    so the pixels are transformed only once.
    """
    low = _COSINES @ greys.astype(np.float64) @ _COSINES.T
    positions = []
    for upright in (low, low.swapaxes(1, 2)):
        for down in (np.ones(_LOW), _SIGNS):
            for across in (np.ones(_LOW), _SIGNS):
                positions.append(upright * down[:, None] * across[None, :])
    return _bits(np.stack(positions, axis=1).reshape(-1, 8, _LOW * _LOW))


def _bits(low: NDArray[np.float64]) -> Hashes:
    """Return the hashes of low frequencies, shape (n, 8, 64): the first in the highest bit."""
    middle = np.partition(low[:, :, 1:], 31, axis=2)[:, :, 31:32]
    packed = np.packbits(low > middle, axis=2)
    return np.ascontiguousarray(packed).view(">u8")[:, :, 0].astype(np.uint64)


def is_flat(grey: NDArray[np.uint8]) -> bool:
    """Tell whether a fingerprint shows hardly anything."""
    return bool(grey.std() < MIN_CONTRAST)


def nearest_hashes(hashes: Hashes, positions: Hashes) -> NDArray[np.intp]:
    """Return the indices of the `hashes` (n,) that are near any of `positions`, nearest first.

    At most `NEAR_HASHES` of them. Equally near ones come in the order of `hashes`.
    """
    indices, distances = [], []
    for start in range(0, len(hashes), _BLOCK):
        block_distances = _distances(hashes[start : start + _BLOCK], positions)
        near = np.flatnonzero(block_distances <= NEAR_BITS)
        if len(near):
            indices.append(near + start)
            distances.append(block_distances[near])
    if not indices:
        return np.empty(0, np.intp)
    order = np.argsort(np.concatenate(distances), kind="stable")[:NEAR_HASHES]
    return np.concatenate(indices)[order]


def _distances(block: Hashes, positions: Hashes) -> NDArray[np.uint8]:
    """Return in how many bits each hash differs from the nearest of `positions`."""
    difference = np.empty_like(block)
    counts = np.empty(len(block), np.uint8)
    smallest = np.full(len(block), 64, np.uint8)
    for position in positions:
        np.bitwise_xor(block, position, out=difference)
        np.bitwise_count(difference, out=counts)
        np.minimum(smallest, counts, out=smallest)
    return smallest


class OwnerHashes:
    """The hashes of one owner's photos in memory: 24 bytes per photo.

    Photos that this process compares are added at once. Photos that other processes added or
    removed are noticed after `RELOAD_SECONDS`, so callers must leave out photos that are gone.
    """

    def __init__(self, owner_id: int) -> None:
        self._owner_id = owner_id
        self._ids = np.empty((0, 2), np.uint64)
        self._hashes = np.empty(0, np.uint64)
        self._stale_at = 0.0

    def refresh(self, photos: Iterable[Photo]) -> None:
        """Read the hashes again if they are old, and make sure that those of `photos` are in."""
        if time.monotonic() >= self._stale_at:
            self._load()
        self._add([(photo.pk, photo.phash) for photo in photos if photo.phash])

    def near(self, positions: Hashes) -> list[int]:
        """Return the ids (as integers) of photos near any of `positions` (8,), nearest first."""
        pairs = self._ids[nearest_hashes(self._hashes, positions)].tolist()
        return [high << 64 | low for high, low in pairs]

    def _load(self) -> None:
        started = time.monotonic()
        rows = Photo.objects.live().filter(owner_id=self._owner_id).exclude(phash="")
        self._ids, self._hashes = _columns(list(rows.values_list("pk", "phash")))
        # Reading never takes more than a twentieth of the time, however many photos there are.
        taken = time.monotonic() - started
        self._stale_at = time.monotonic() + max(RELOAD_SECONDS, 20 * taken)

    def _add(self, rows: Sequence[tuple[UUID, str]]) -> None:
        ids, hashes = _columns(rows)
        # Half of a random id is enough to tell photos apart.
        new = ~np.isin(ids[:, 1], self._ids[:, 1])
        if new.any():
            self._ids = np.concatenate([self._ids, ids[new]])
            self._hashes = np.concatenate([self._hashes, hashes[new]])


def _columns(rows: Sequence[tuple[UUID, str]]) -> tuple[Hashes, Hashes]:
    """Return ids as pairs of 64 bits, shape (n, 2), and hashes, shape (n,)."""
    ids = np.frombuffer(b"".join(pk.bytes for pk, _ in rows), ">u8").astype(np.uint64)
    hashes = np.fromiter((int(phash, 16) for _, phash in rows), np.uint64, len(rows))
    return ids.reshape(-1, 2), hashes


def neighbours(index: VectorIndex, owner_id: int, vectors: Sequence[Vector]) -> list[list[Hit]]:
    """Return for each vector the owner's `NEIGHBOURS` nearest points, itself among them.

    Raises `VectorIndexError`. Requests get their turn after every few queries.
    """
    own = owned_by(str(owner_id))
    hits: list[list[Hit]] = []
    for start in range(0, len(vectors), QUERIES_AT_ONCE):
        request_priority.yield_to_requests()
        # One more than wanted, because each point finds itself.
        batch = vectors[start : start + QUERIES_AT_ONCE]
        hits += index.query_batch(batch, limit=NEIGHBOURS + 1, flt=own)
    return hits
