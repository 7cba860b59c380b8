"""Which pairs of photos are worth judging.

Candidates come from the index and from the perceptual hashes; most of them are sorted out by what
is known already and by a rough look. Photos are named by the integers of their UUIDs here, since
hundreds of thousands of pairs are counted and those of UUIDs are hashed in Python.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from gallery.models import Embedding, EmbeddingModel, Fingerprint, Photo
from gallery.models.fingerprints import SIDE, fingerprint_of
from search.duplicates.find.candidates import OwnersHashes, is_flat, neighbours, turned_hashes
from search.duplicates.find.judging import Detail, Pair, Side
from search.duplicates.find.prefilter import LEAST, LEAST_TOGETHER, correlations
from search.duplicates.find.thresholds import Thresholds
from search.duplicates.groups import edges
from search.duplicates.groups.edges import PairIds
from search.vectors.index import Vector, open_index

LIKELY = 0.8
"""Rough correlation from which renditions are read ahead, since judging will ask for them."""

REMEMBERED = 200_000
"""Rejected pairs that a process remembers, some 14 MB."""

Ids: TypeAlias = tuple[int, int]
Pixels = NDArray[np.uint8]
Vectors = dict[int, Vector]
Greys = dict[int, Pixels]

_hashes: dict[int, OwnersHashes] = {}


class Rejected:
    """Remembers which pairs were rejected since a full search began: they come up twice.

    It keeps hashes of pairs, so that a rejected one costs 70 bytes, and forgets all of them when
    there are too many.
    """

    def __init__(self) -> None:
        self._key: tuple[int, datetime | None] | None = None
        self._pairs: set[int] = set()

    def since(self, begun: datetime | None, model: EmbeddingModel) -> None:
        """Forget all when another model compares, or a search began since."""
        if self._key != (model.pk, begun) or len(self._pairs) > REMEMBERED:
            self._key, self._pairs = (model.pk, begun), set()

    def add(self, pairs: Iterable[Ids]) -> None:
        """Remember pairs."""
        self._pairs.update(map(hash, pairs))

    def without(self, pairs: Iterable[Ids]) -> set[Ids]:
        """Return the pairs that are not remembered."""
        return {pair for pair in pairs if hash(pair) not in self._pairs}


rejected = Rejected()


@dataclass(frozen=True)
class Chosen:
    """Pairs to judge, and the photos whose renditions that will probably need, in order."""

    pairs: list[Pair]
    likely: list[UUID]


def ids_of(pair: PairIds) -> Ids:
    """Return a pair by the integers of its UUIDs."""
    return pair[0].int, pair[1].int


def pairs_of(
    model: EmbeddingModel,
    owner_id: int,
    rows: Sequence[Embedding],
    limits: Thresholds,
    detail: Detail,
) -> Chosen:
    """Choose among all pairs with the photos of `rows`, which are of one owner.

    Raises `VectorIndexError` when the index is away.
    """
    vectors = _own_vectors(rows)
    near = _by_embedding(model, owner_id, vectors, limits.candidate)
    greys = _greys(owner_id, [row.photo_id for row in rows], detail)
    alike = _by_hash(owner_id, [row.photo for row in rows], greys)
    pairs = _unsettled(model, [row.photo_id for row in rows], near.keys() | alike)
    missing = {photo_id for pair in pairs for photo_id in pair} - greys.keys()
    greys |= _greys(owner_id, [UUID(int=photo_id) for photo_id in missing], detail)
    cosines = _cosines(model, pairs, near, vectors)
    shown = {pair: cos for pair, cos in cosines.items() if greys.keys() >= set(pair)}
    worth = _worth_judging(shown, greys, alike, limits)
    rejected.add(shown.keys() - worth.keys())
    sides = _sides(owner_id, {photo_id for pair in worth for photo_id in pair}, greys)
    kept = [pair for pair in worth if sides.keys() >= set(pair)]
    likely = [pair for pair in kept if worth[pair] >= LIKELY]
    return Chosen(
        [Pair(sides[first], sides[second], shown[first, second]) for first, second in kept],
        [sides[photo_id].photo_id for pair in likely for photo_id in pair],
    )


def _unsettled(
    model: EmbeddingModel, photo_ids: Collection[UUID], pairs: Collection[Ids]
) -> set[Ids]:
    """Leave out pairs that were decided by a person, found by this search, or rejected by it."""
    before = edges.known(model, photo_ids)
    rejected.since(before.begun, model)
    return rejected.without(pairs) - {ids_of(pair) for pair in before.said | before.fresh}


def _ordered(one: int, other: int) -> Ids:
    return (one, other) if one < other else (other, one)


# --- vectors --------------------------------------------------------------------------------------


def _own_vectors(rows: Iterable[Embedding]) -> Vectors:
    vectors = ((row.photo_id.int, row.get_vector()) for row in rows)
    return {photo_id: vector for photo_id, vector in vectors if vector is not None}


def _by_embedding(
    model: EmbeddingModel, owner_id: int, vectors: Vectors, least: float
) -> dict[Ids, float]:
    """Return the pairs that are near in the index, with their cosine similarity."""
    index = open_index(model.key, model.dim)
    found = neighbours(index, owner_id, list(vectors.values()))
    return {
        _ordered(photo_id, hit.id.int): hit.score
        for photo_id, hits in zip(vectors, found, strict=True)
        for hit in hits
        if hit.score >= least and hit.id.int != photo_id
    }


def _cosines(
    model: EmbeddingModel, pairs: Collection[Ids], near: Mapping[Ids, float], vectors: Vectors
) -> dict[Ids, float]:
    """Return the similarities of the pairs; those of photos that are not searchable left out."""
    found = {pair: near[pair] for pair in pairs if pair in near}
    distant = [pair for pair in pairs if pair not in near]
    missing = {photo_id for pair in distant for photo_id in pair} - vectors.keys()
    stored = Embedding.objects.filter(
        model=model,
        photo__in=[UUID(int=photo_id) for photo_id in missing],
        state=Embedding.State.INDEXED,
    )
    known = vectors | _own_vectors(stored.only("photo_id", "vector", "vector_crc"))
    for first, second in distant:
        if first in known and second in known:
            found[first, second] = float(known[first] @ known[second])
    return found


# --- pixels ---------------------------------------------------------------------------------------


def _by_hash(owner_id: int, photos: Sequence[Photo], greys: Greys) -> set[Ids]:
    """Return the pairs whose perceptual hashes are near in any position."""
    hashes = _hashes.setdefault(owner_id, OwnersHashes(owner_id))
    hashes.refresh(photos)
    ids = [photo.pk.int for photo in photos]
    shown = [pk for pk in ids if pk in greys and not is_flat(greys[pk])]
    if not shown:
        return set()
    positions = turned_hashes(np.stack([greys[photo_id] for photo_id in shown]))
    return {
        _ordered(photo_id, other)
        for photo_id, own in zip(shown, positions, strict=True)
        for other in hashes.near(own)
        if other != photo_id
    }


def _worth_judging(
    cosines: Mapping[Ids, float], greys: Greys, alike: Collection[Ids], limits: Thresholds
) -> dict[Ids, float]:
    """Return the pairs that may be similar shots, and those that roughly look the same, how much.

    `alike` are those with near hashes, of which the embedding need not be convinced.
    """
    pairs = list(cosines)
    rough = correlations(greys, pairs).tolist()
    similar = min(limits.layout, limits.burst, limits.similar, limits.apart)
    scale = 1 - limits.candidate
    worth = {}
    for pair, correlation in zip(pairs, rough, strict=True):
        together = correlation + (cosines[pair] - limits.candidate) / scale
        looks_alike = correlation >= LEAST and (pair in alike or together >= LEAST_TOGETHER)
        if looks_alike or cosines[pair] >= similar:
            worth[pair] = correlation
    return worth


def _greys(owner_id: int, ids: Sequence[UUID], detail: Detail) -> Greys:
    """Return the fingerprints of the owner's live photos; those that cannot be read left out.

    What is missing is made now.
    """
    photos = Photo.objects.live().filter(owner_id=owner_id, pk__in=ids)
    greys: Greys = {}
    made: dict[UUID, Pixels] = {}
    for pk, stored in photos.values_list("pk", "fingerprint__grey"):
        if stored is not None:
            greys[pk.int] = np.frombuffer(stored, np.uint8).reshape(SIDE, SIDE)
        elif (rendition := detail(pk)) is not None:
            greys[pk.int] = made[pk] = fingerprint_of(rendition)
    save_prints(made)
    return greys


def save_prints(made: Mapping[UUID, Pixels]) -> None:
    """Keep fingerprints, uint8 (SIDE, SIDE) each, of photos that are still there."""
    if not made:
        return
    with transaction.atomic():
        photos = Photo.objects.filter(pk__in=list(made)).order_by("pk")
        rows = [
            Fingerprint(photo_id=pk, grey=made[pk].tobytes())
            for pk in photos.select_for_update(no_key=True).values_list("pk", flat=True)
        ]
        Fingerprint.objects.bulk_create(rows, ignore_conflicts=True)


def _sides(owner_id: int, ids: Collection[int], greys: Greys) -> dict[int, Side]:
    photos = Photo.objects.live().filter(
        owner_id=owner_id, pk__in=[UUID(int=photo_id) for photo_id in ids]
    )
    facts = photos.values_list(
        "pk", "width", "height", "taken_at", "exif__latitude", "exif__longitude"
    )
    return {
        pk.int: Side(pk, greys[pk.int], width, height, taken_at, _place(latitude, longitude))
        for pk, width, height, taken_at, latitude, longitude in facts
    }


def _place(latitude: object, longitude: object) -> tuple[float, float] | None:
    if isinstance(latitude, int | float) and isinstance(longitude, int | float):
        return float(latitude), float(longitude)
    return None
