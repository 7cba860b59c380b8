"""Candidates for comparing: neighbours in the index, and photos with near perceptual hashes.

The embedding finds crops, re-encoded copies and similar shots. The hash finds what an embedding may
put far away: pictures without colour, mirrored ones, and ones that lie on their side.

Photos are identified by the integers of their UUIDs here: there are hundreds of thousands of pairs
in sets, and UUIDs are hashed in Python.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery import request_priority
from gallery.decoding.fingerprint import SIDE
from gallery.models import EmbeddingModel, Photo
from gallery.slices import slices
from search.duplicates.groups.edges import PairIds, pair_of
from search.vectors.index import Vector, open_index, owned_by

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

Ids: TypeAlias = tuple[int, int]
"""A pair of photos by the integers of their UUIDs, the smaller one first."""

Hashes = NDArray[np.uint64]

_BLOCK = 16_384  # hashes at a time, so that intermediate results stay in the CPU's cache
_LOW = 8
_PLACES = (2 * np.arange(SIDE) + 1) / (2 * SIDE)
# The lowest rows of the DCT-II of SIDE values, as in `gallery.decoding.rendition`.
_COSINES = np.cos(np.pi * np.arange(_LOW)[:, None] * _PLACES)
_SIGNS = (-1.0) ** np.arange(_LOW)


def ids_of(pair: PairIds) -> Ids:
    """Return a pair as the integers of its UUIDs."""
    return pair[0].int, pair[1].int


# --- the index ------------------------------------------------------------------------------------


def near_embeddings(
    model: EmbeddingModel, owner_id: int, vectors: Mapping[int, Vector], min_cosine: float
) -> dict[Ids, float]:
    """Return the pairs of a photo of `vectors` and a neighbour, with their cosine similarity.

    Raises `VectorIndexError`. Requests get their turn after every few queries.
    """
    index, own = open_index(model.collection, model.dim), owned_by(str(owner_id))
    cosines = {}
    for some in slices(vectors.items(), QUERIES_AT_ONCE):
        request_priority.yield_to_requests()
        # One more than wanted, because each point finds itself.
        batch = [vector for _, vector in some]
        hits_by_photo = index.query_batch(batch, limit=NEIGHBOURS + 1, flt=own)
        for (photo_id, _), hits in zip(some, hits_by_photo, strict=True):
            for hit in hits:
                if hit.score >= min_cosine and hit.id.int != photo_id:
                    cosines[pair_of(photo_id, hit.id.int)] = hit.score
    return cosines


# --- perceptual hashes ----------------------------------------------------------------------------


def near_hashes(
    owner_id: int, photos: Sequence[Photo], greys: Mapping[int, NDArray[np.uint8]]
) -> set[Ids]:
    """Return the pairs whose perceptual hashes are near in any of the eight positions.

    Photos without a fingerprint in `greys`, uint8 (SIDE, SIDE) by id, are left out.
    """
    hashes = _hashes.setdefault(owner_id, OwnerHashes(owner_id))
    hashes.refresh(photos)
    ids = [photo.pk.int for photo in photos if photo.pk.int in greys]
    ids = [photo_id for photo_id in ids if not is_flat(greys[photo_id])]
    if not ids:
        return set()
    positions = turned_hashes(np.stack([greys[photo_id] for photo_id in ids]))
    return {
        pair_of(photo_id, other_id)
        for photo_id, own_positions in zip(ids, positions, strict=True)
        for other_id in hashes.near(own_positions)
        if other_id != photo_id
    }


def turned_hashes(greys: NDArray[np.uint8]) -> Hashes:
    """Return the perceptual hashes of pictures in all eight positions: uint64, shape (n, 8).

    `greys` are fingerprints, uint8 (n, SIDE, SIDE). Column 0 is the picture as it is. Mirroring a
    picture changes the sign of every second frequency, and laying it on its side swaps the axes,
    so the pixels are transformed only once.
    """
    low = _COSINES @ greys.astype(np.float64) @ _COSINES.T
    signs = (np.ones(_LOW), _SIGNS)
    positions = [
        upright * down[:, None] * across
        for upright in (low, low.swapaxes(1, 2))
        for down in signs
        for across in signs
    ]
    frequencies = np.stack(positions, axis=1).reshape(-1, 8, _LOW * _LOW)
    # A bit for each that is above the middle one, the first in the highest bit.
    middle = np.partition(frequencies[:, :, 1:], 31, axis=2)[:, :, 31:32]
    packed = np.packbits(frequencies > middle, axis=2)
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


_hashes: dict[int, OwnerHashes] = {}  # by owner
