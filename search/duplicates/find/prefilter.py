"""Which pairs of photos are worth judging.

Neighbours in the index show the same kind of thing, but few of them are the same picture. So most
candidates are dropped here: those that are settled already, and those that do not look alike at
8 x 8 cells, which is a hundred times cheaper to find out than judging. As in `candidates`, photos
are identified by the integers of their UUIDs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from gallery import request_priority
from gallery.decoding.fingerprint import SIDE, cell_weights, fingerprint_of
from gallery.models import Embedding, EmbeddingModel, Fingerprint, Photo
from gallery.slices import slices
from search.duplicates.find.alignment import TURNS, apply_turn, crop_windows
from search.duplicates.find.candidates import Ids, ids_of, near_embeddings, near_hashes
from search.duplicates.find.judging import Detail, Pair, Side
from search.duplicates.find.thresholds import Thresholds
from search.duplicates.groups import edges
from search.vectors.index import Vector

MIN_CORRELATION = 0.68
"""Coarse correlation of a picture with a part of it. Of 250 crops to 80 % (of the area or of both
sides) of photos that were not used otherwise, the lowest had 0.75; a third of the pictures that
merely show the same kind of thing reach 0.6."""

MIN_COMBINED = 0.9
"""Coarse correlation plus how far the embeddings are above the candidate's threshold (0 there, 1
when equal). Crops of photos have more than 1.2, and one in ten neighbours reaches 0.9."""

READ_AHEAD_CORRELATION = 0.8
"""Coarse correlation from which renditions are read ahead, because judging will need them."""

REJECTED_LIMIT = 200_000
"""Rejected pairs that a process remembers, some 14 MB."""

_CELLS = 8
_STEP = 0.1  # between windows
_BATCH = 256  # pairs at a time, some 5 MB

_WINDOWS = crop_windows(_STEP)
# The matrix (windows x cells, SIDE) that averages a line into the cells of windows.
_WEIGHTS = cell_weights(SIDE, _WINDOWS[:, 0], _WINDOWS[:, 1], _CELLS).reshape(-1, SIDE)

Pixels = NDArray[np.uint8]
Array = NDArray[np.float32]
Vectors = dict[int, Vector]
Greys = dict[int, Pixels]


class RejectedPairs:
    """Pairs that were rejected since a full search began, because most pairs come up twice.

    Only hashes of pairs are kept, 70 bytes each, and all are forgotten when there are too many.
    """

    def __init__(self) -> None:
        self._key: tuple[int, datetime | None] | None = None
        self._pairs: set[int] = set()

    def start(self, model: EmbeddingModel, began_at: datetime | None) -> None:
        """Forget all pairs if another model compares now, or a full search began since."""
        if self._key != (model.pk, began_at) or len(self._pairs) > REJECTED_LIMIT:
            self._key, self._pairs = (model.pk, began_at), set()

    def add(self, pairs: Iterable[Ids]) -> None:
        self._pairs.update(map(hash, pairs))

    def without(self, pairs: Iterable[Ids]) -> set[Ids]:
        return {pair for pair in pairs if hash(pair) not in self._pairs}


rejected_pairs = RejectedPairs()


def pairs_to_judge(
    model: EmbeddingModel,
    owner_id: int,
    rows: Sequence[Embedding],
    thresholds: Thresholds,
    detail: Detail,
) -> tuple[list[Pair], list[UUID]]:
    """Return the pairs worth judging among all that have a photo of `rows`, all of one owner.

    Also returns the photos whose renditions judging will probably need, in order. Raises
    `VectorIndexError` when the index is away.
    """
    photo_ids = [row.photo_id for row in rows]
    vectors = _own_vectors(rows)
    near = near_embeddings(model, owner_id, vectors, thresholds.candidate)
    greys = _greys(owner_id, photo_ids, detail)
    near_by_hash = near_hashes(owner_id, [row.photo for row in rows], greys)
    pairs = _open_pairs(model, photo_ids, near.keys() | near_by_hash)
    missing = {photo_id for pair in pairs for photo_id in pair} - greys.keys()
    greys |= _greys(owner_id, [UUID(int=photo_id) for photo_id in missing], detail)
    cosines = _cosines(model, pairs, near, vectors)
    cosines = {pair: cosine for pair, cosine in cosines.items() if greys.keys() >= set(pair)}
    worth = _worth_judging(cosines, greys, near_by_hash, thresholds)
    rejected_pairs.add(cosines.keys() - worth.keys())
    sides = _sides(owner_id, {photo_id for pair in worth for photo_id in pair}, greys)
    # In order, so that the pairs of one photo follow each other and its rendition is read once.
    chosen = sorted(pair for pair in worth if sides.keys() >= set(pair))
    likely = [pair for pair in chosen if worth[pair] >= READ_AHEAD_CORRELATION]
    return (
        [Pair(sides[first], sides[second], cosines[first, second]) for first, second in chosen],
        [sides[photo_id].photo_id for pair in likely for photo_id in pair],
    )


def _open_pairs(
    model: EmbeddingModel, photo_ids: Collection[UUID], pairs: Collection[Ids]
) -> set[Ids]:
    """Leave out pairs that a person decided about, and those that this search has seen already."""
    stored = edges.stored_pairs(model, photo_ids)
    rejected_pairs.start(model, stored.search_began_at)
    return rejected_pairs.without(pairs) - {
        ids_of(pair) for pair in stored.dismissed | stored.fresh
    }


# --- similarity of embeddings ---------------------------------------------------------------------


def _own_vectors(rows: Iterable[Embedding]) -> Vectors:
    vectors = ((row.photo_id.int, row.get_vector()) for row in rows)
    return {photo_id: vector for photo_id, vector in vectors if vector is not None}


def _cosines(
    model: EmbeddingModel, pairs: Collection[Ids], near: Mapping[Ids, float], vectors: Vectors
) -> dict[Ids, float]:
    """Return the similarity of each pair whose photos are both searchable."""
    cosines = {pair: near[pair] for pair in pairs if pair in near}
    distant = [pair for pair in pairs if pair not in near]
    missing = {photo_id for pair in distant for photo_id in pair} - vectors.keys()
    ids = [UUID(int=photo_id) for photo_id in missing]
    stored = Embedding.objects.filter(model=model, photo__in=ids, state=Embedding.State.INDEXED)
    vectors = vectors | _own_vectors(stored.only("photo_id", "vector", "vector_crc"))
    for first, second in distant:
        if first in vectors and second in vectors:
            cosines[first, second] = float(vectors[first] @ vectors[second])
    return cosines


# --- fingerprints ---------------------------------------------------------------------------------


def _greys(owner_id: int, ids: Sequence[UUID], detail: Detail) -> Greys:
    """Return the fingerprints of those of the owner's live photos that can be read.

    Fingerprints that are missing are made now.
    """
    photos = Photo.objects.live().filter(owner_id=owner_id, pk__in=ids)
    greys: Greys = {}
    made: dict[UUID, Pixels] = {}
    for pk, stored in photos.values_list("pk", "fingerprint__grey"):
        if stored is not None:
            greys[pk.int] = np.frombuffer(stored, np.uint8).reshape(SIDE, SIDE)
        elif (rendition := detail(pk)) is not None:
            greys[pk.int] = made[pk] = fingerprint_of(rendition)
    save_fingerprints(made)
    return greys


def save_fingerprints(greys: Mapping[UUID, Pixels]) -> None:
    """Save fingerprints, uint8 (SIDE, SIDE) each, of photos that still exist."""
    if not greys:
        return
    with transaction.atomic():
        photos = Photo.objects.filter(pk__in=list(greys)).order_by("pk")
        rows = [
            Fingerprint(photo_id=pk, grey=greys[pk].tobytes())
            for pk in photos.select_for_update(no_key=True).values_list("pk", flat=True)
        ]
        Fingerprint.objects.bulk_create(rows, ignore_conflicts=True)


def _sides(owner_id: int, ids: Collection[int], greys: Greys) -> dict[int, Side]:
    keys = [UUID(int=photo_id) for photo_id in ids]
    photos = Photo.objects.live().filter(owner_id=owner_id, pk__in=keys)
    facts = photos.values_list(
        "pk", "width", "height", "taken_at", "wall_at", "latitude", "longitude", "exif"
    )
    sides = {}
    for pk, width, height, taken_at, wall_at, latitude, longitude, exif in facts:
        place = None if latitude is None or longitude is None else (latitude, longitude)
        taken = wall_at if taken_at else None
        sides[pk.int] = Side(pk, greys[pk.int], width, height, taken, place, exif)
    return sides


# --- the coarse comparison ------------------------------------------------------------------------


def _worth_judging(
    cosines: Mapping[Ids, float], greys: Greys, near_by_hash: set[Ids], thresholds: Thresholds
) -> dict[Ids, float]:
    """Return the pairs that may be duplicates, with their coarse correlation.

    They may be similar shots by their embedding, or they look alike. Of those with near hashes the
    embedding need not be convinced.
    """
    similar = min(thresholds.layout, thresholds.burst, thresholds.similar, thresholds.apart)
    scale = 1 - thresholds.candidate
    worth = {}
    correlations = coarse_correlations(greys, list(cosines)).tolist()
    for (pair, cosine), correlation in zip(cosines.items(), correlations, strict=True):
        combined = correlation + (cosine - thresholds.candidate) / scale
        looks_alike = correlation >= MIN_CORRELATION and (
            pair in near_by_hash or combined >= MIN_COMBINED
        )
        if looks_alike or cosine >= similar:
            worth[pair] = correlation
    return worth


def coarse_correlations(greys: Mapping[int, Pixels], pairs: Sequence[Ids]) -> Array:
    """Return the best coarse correlation of each pair, shape (n,), -1 to 1.

    `greys` has the fingerprints, uint8 (SIDE, SIDE), of all photos of the pairs. Each picture is
    cut to the windows that a crop may have left, and compared with all of the other picture in all
    eight positions.
    """
    parts = [np.empty(0, np.float32)]
    for some in slices(pairs, _BATCH):
        request_priority.yield_to_requests()
        parts.append(_batch_correlations(greys, some))
    return np.concatenate(parts)


def _batch_correlations(greys: Mapping[int, Pixels], pairs: Sequence[Ids]) -> Array:
    ids = list(dict.fromkeys(photo_id for pair in pairs for photo_id in pair))
    rows = {photo_id: row for row, photo_id in enumerate(ids)}
    parts, wholes = _views(np.stack([greys[photo_id] for photo_id in ids]))
    first = np.array([rows[photo_id] for photo_id, _ in pairs])
    second = np.array([rows[photo_id] for _, photo_id in pairs])
    forth = np.matmul(parts[first], wholes[second].swapaxes(1, 2)).max(axis=(1, 2))
    back = np.matmul(parts[second], wholes[first].swapaxes(1, 2)).max(axis=(1, 2))
    return np.asarray(np.maximum(forth, back), np.float32)


def _views(greys: Pixels) -> tuple[Array, Array]:
    """Return all windows (n, w, cells²) of pictures, and the whole ones in 8 positions (n, 8, ...).

    All have mean 0 and length 1, so that their products are correlations.
    """
    n, windows = len(greys), len(_WINDOWS)
    cut = _WEIGHTS @ greys.astype(np.float32) @ _WEIGHTS.T
    cut = cut.reshape(n, windows, _CELLS, windows, _CELLS).swapaxes(2, 3)
    positions = [apply_turn(cut[:, 0, 0], turn) for turn in range(TURNS)]
    wholes = np.stack(positions, axis=1).reshape(n, TURNS, _CELLS**2)
    return _normal(cut.reshape(n, windows**2, _CELLS**2)), _normal(wholes)


def _normal(rows: NDArray[np.generic]) -> Array:
    values = np.asarray(rows, np.float32)
    centred = values - values.mean(axis=-1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=-1, keepdims=True)
    return np.asarray(centred / np.maximum(lengths, 1.0), np.float32)
