"""Comparing photos with all others of their owner, and what is left to compare."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from gallery import fingerprint
from gallery.models import Embedding, EmbeddingModel, Fingerprint, Photo
from gallery.models.fingerprints import SIDE
from search.duplicates import edges, groups, judging, thresholds
from search.duplicates.candidates import OwnersHashes, is_flat, neighbours, turned_hashes
from search.duplicates.edges import PairIds, pair_of
from search.duplicates.judging import Detail, Judgement, Pair, Side
from search.duplicates.rough import LEAST, LEAST_TOGETHER, correlations
from search.duplicates.rows import lock_owner
from search.duplicates.thresholds import Thresholds
from search.index import Vector, open_index
from search.models import Sweep

logger = logging.getLogger(__name__)

REMEMBERED = 200_000
"""Rejected pairs that a process remembers, some 14 MB."""

Pixels = NDArray[np.uint8]
Vectors = dict[UUID, Vector]

_hashes: dict[int, OwnersHashes] = {}


def compare(model: EmbeddingModel, rows: Sequence[Embedding], detail: Detail) -> set[UUID]:
    """Compare the photos of `rows`, vectors of `model`, and return those whose edges changed.

    All that is written is written at once at the end, so that whoever is killed on the way has
    done nothing. `detail` reads renditions. Raises `VectorIndexError` when the index is away.
    """
    by_owner: defaultdict[int, list[Embedding]] = defaultdict(list)
    for row in rows:
        by_owner[row.photo.owner_id].append(row)
    judged = {
        owner_id: _judged(model, owner_id, mine, detail) for owner_id, mine in by_owner.items()
    }
    touched: set[UUID] = set()
    with transaction.atomic():
        for owner_id, found in sorted(judged.items()):
            lock_owner(owner_id)
            ids = [row.photo_id for row in by_owner[owner_id]]
            changed = edges.replace(model, owner_id, ids, found)
            if changed:
                groups.regroup(owner_id, changed)
            touched |= changed
        settle(rows)
    return touched


def settle(rows: Iterable[Embedding]) -> None:
    """Say that the photos of `rows` were compared."""
    keys = [row.pk for row in rows]
    Embedding.objects.filter(pk__in=keys).update(compared_at=timezone.now())


# --- judging --------------------------------------------------------------------------------------


def _judged(
    model: EmbeddingModel, owner_id: int, rows: Sequence[Embedding], detail: Detail
) -> dict[PairIds, Judgement | None]:
    """Return what became of each pair that is worth a look."""
    vectors = _own_vectors(rows)
    limits = thresholds.of(model)
    near = _by_embedding(model, owner_id, vectors, limits.candidate)
    own = _sides(owner_id, [row.photo_id for row in rows], detail)
    alike = _by_hash(owner_id, [row.photo for row in rows], own)
    before = edges.known(model, [row.photo_id for row in rows])
    seen = _rejected.of(model, before.begun)
    pairs = {
        pair
        for pair in (near.keys() | alike) - before.said - before.fresh
        if hash(pair) not in seen
    }
    distant = {photo_id for pair in pairs - near.keys() for photo_id in pair}
    vectors |= _stored_vectors(model, distant - vectors.keys())
    others = {photo_id for pair in pairs for photo_id in pair} - own.keys()
    sides = own | _sides(owner_id, others, detail)
    cosines = {
        pair: cosine
        for pair in pairs
        if sides.keys() >= set(pair)
        and (cosine := near.get(pair) or _cosine(vectors, pair)) is not None
    }
    asked = _worth_judging(cosines, sides, alike, limits)
    answers = judging.judge(
        [Pair(sides[a], sides[b], cosines[a, b]) for a, b in asked], limits, detail
    )
    judged = dict(zip(asked, answers, strict=True))
    seen.update(hash(pair) for pair in cosines if judged.get(pair) is None)
    return judged


def _worth_judging(
    cosines: Mapping[PairIds, float],
    sides: Mapping[UUID, Side],
    alike: Collection[PairIds],
    limits: Thresholds,
) -> list[PairIds]:
    """Return the pairs that may be similar shots, and those that roughly look the same.

    `alike` are those with near hashes, of which the embedding need not be convinced.
    """
    pairs = list(cosines)
    rough = correlations({photo_id: side.grey for photo_id, side in sides.items()}, pairs)
    similar = min(limits.layout, limits.burst, limits.similar, limits.apart)
    return [
        pair
        for pair, correlation in zip(pairs, rough.tolist(), strict=True)
        if cosines[pair] >= similar
        or (
            correlation >= LEAST
            and (pair in alike or _together(correlation, cosines[pair], limits))
        )
    ]


def _together(correlation: float, cosine: float, limits: Thresholds) -> bool:
    above = (cosine - limits.candidate) / (1 - limits.candidate)
    return correlation + above >= LEAST_TOGETHER


class _Rejected:
    """Remembers which pairs were rejected since a full search began: they come up twice.

    It keeps hashes of pairs, so that a rejected one costs 70 bytes, and forgets all of them when
    there are too many.
    """

    def __init__(self) -> None:
        self._key: tuple[int, datetime | None] | None = None
        self._pairs: set[int] = set()

    def of(self, model: EmbeddingModel, begun: datetime | None) -> set[int]:
        """Return the hashes of the pairs, to add to."""
        if self._key != (model.pk, begun) or len(self._pairs) > REMEMBERED:
            self._key, self._pairs = (model.pk, begun), set()
        return self._pairs


_rejected = _Rejected()


def _own_vectors(rows: Iterable[Embedding]) -> Vectors:
    vectors = ((row.photo_id, row.get_vector()) for row in rows)
    return {photo_id: vector for photo_id, vector in vectors if vector is not None}


def _stored_vectors(model: EmbeddingModel, ids: Collection[UUID]) -> Vectors:
    """Return the vectors of those photos that are searchable."""
    rows = Embedding.objects.filter(model=model, photo__in=ids, state=Embedding.State.INDEXED)
    return _own_vectors(rows.only("photo_id", "vector", "vector_crc"))


def _cosine(vectors: Vectors, pair: PairIds) -> float | None:
    first, second = (vectors.get(photo_id) for photo_id in pair)
    return None if first is None or second is None else float(first @ second)


def _by_embedding(
    model: EmbeddingModel, owner_id: int, vectors: Vectors, least: float
) -> dict[PairIds, float]:
    """Return the pairs that are near in the index, with their cosine similarity."""
    index = open_index(model.key, model.dim)
    found = neighbours(index, owner_id, list(vectors.values()))
    return {
        pair_of(photo_id, hit.id): hit.score
        for photo_id, hits in zip(vectors, found, strict=True)
        for hit in hits
        if hit.id != photo_id and hit.score >= least
    }


def _by_hash(owner_id: int, photos: Sequence[Photo], sides: Mapping[UUID, Side]) -> set[PairIds]:
    """Return the pairs whose perceptual hashes are near in any position."""
    hashes = _hashes.setdefault(owner_id, OwnersHashes(owner_id))
    hashes.refresh(photos)
    shown = [side for photo in photos if (side := sides.get(photo.pk)) and not is_flat(side.grey)]
    if not shown:
        return set()
    positions = turned_hashes(np.stack([side.grey for side in shown]))
    return {
        pair_of(side.photo_id, other)
        for side, own in zip(shown, positions, strict=True)
        for other in hashes.near(own)
        if other != side.photo_id
    }


_FACTS = ("pk", "width", "height", "taken_at", "exif__latitude", "exif__longitude")


def _sides(owner_id: int, ids: Collection[UUID], detail: Detail) -> dict[UUID, Side]:
    """Return what judging needs of the owner's live photos; those that show nothing left out.

    Fingerprints that are missing are made now.
    """
    photos = Photo.objects.live().filter(owner_id=owner_id, pk__in=ids)
    sides: dict[UUID, Side] = {}
    made: dict[UUID, Pixels] = {}
    for pk, width, height, taken_at, latitude, longitude, stored in photos.values_list(
        *_FACTS, "fingerprint__grey"
    ):
        grey = _pixels(stored)
        if grey is None and (rendition := detail(pk)) is not None:
            grey = made[pk] = fingerprint.of_pixels(rendition)
        if grey is not None:
            place = _place(latitude, longitude)
            sides[pk] = Side(pk, grey, width, height, taken_at, place)
    save_prints(made)
    return sides


def _pixels(stored: bytes | memoryview | None) -> Pixels | None:
    return None if stored is None else np.frombuffer(stored, np.uint8).reshape(SIDE, SIDE)


def _place(latitude: object, longitude: object) -> tuple[float, float] | None:
    if isinstance(latitude, int | float) and isinstance(longitude, int | float):
        return float(latitude), float(longitude)
    return None


# --- fingerprints ---------------------------------------------------------------------------------


def save_prints(made: Mapping[UUID, Pixels]) -> None:
    """Keep fingerprints, uint8 (SIDE, SIDE) each, of photos that are still there."""
    if not made:
        return
    with transaction.atomic():
        living = (
            Photo.objects.filter(pk__in=list(made)).order_by("pk").select_for_update(no_key=True)
        )
        rows = [
            Fingerprint(photo_id=pk, grey=made[pk].tobytes())
            for pk in living.values_list("pk", flat=True)
        ]
        Fingerprint.objects.bulk_create(rows, ignore_conflicts=True)


def without_print(model: EmbeddingModel, *, below: int | None, limit: int) -> list[Embedding]:
    """Return rows to compare whose photo has no fingerprint, the newest first, of ids < `below`."""
    rows = Embedding.objects.to_compare(model).filter(photo__fingerprint=None)
    if below is not None:
        rows = rows.filter(pk__lt=below)
    return list(rows.only("pk", "photo_id").order_by("-pk")[:limit])


# --- the search through everything ----------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How many of a person's searchable photos were compared.

    `running` says that some still wait; `asked_at` and `finished_at` are those of the last full
    search that was asked for, None if there was none or it is not finished.
    """

    total: int
    compared: int
    running: bool
    asked_at: datetime | None = None
    finished_at: datetime | None = None


def progress(user: AbstractBaseUser | AnonymousUser) -> Progress:
    """Return how far the comparing of this user's photos is."""
    model = EmbeddingModel.objects.active()
    if model is None or not user.is_authenticated:
        return Progress(0, 0, running=False)
    waiting = Embedding.objects.to_compare(model).filter(photo__owner_id=user.pk).count()
    total = Embedding.objects.filter(
        model=model,
        state=Embedding.State.INDEXED,
        photo__in=Photo.objects.visible_to(user),
    ).count()
    sweep = Sweep.objects.filter(model=model).first()
    return Progress(
        total,
        max(0, total - waiting),
        running=waiting > 0,
        asked_at=sweep and sweep.started_at,
        finished_at=sweep and sweep.finished_at,
    )


def request_sweep(model: EmbeddingModel) -> int:
    """Have all photos compared anew and return how many; edges stay until they are looked at.

    Photos in the trash are compared once they are restored.
    """
    with transaction.atomic():
        rows = Embedding.objects.filter(model=model, state=Embedding.State.INDEXED)
        rows.exclude(compared_at=None).update(compared_at=None)
        count = Embedding.objects.to_compare(model).count()
        Sweep.objects.update_or_create(
            model=model,
            defaults={"started_at": timezone.now(), "finished_at": None, "photos": count},
        )
    return count


def finish(model: EmbeddingModel) -> None:
    """Draw the line once every photo was compared by the active `model` for the first time.

    Edges that only its predecessors saw are dropped then, and their searches forgotten.
    """
    if Sweep.objects.filter(model=model).exclude(finished_at=None).exists():
        return
    with transaction.atomic():
        if Embedding.objects.to_compare(model).exists():
            return
        for owner_id, photo_ids in edges.drop_outlived().items():
            groups.regroup(owner_id, photo_ids)
        Sweep.objects.exclude(model=model).delete()
        sweep, _ = Sweep.objects.get_or_create(
            model=model, defaults={"started_at": model.created_at}
        )
        sweep.finished_at = timezone.now()
        sweep.save(update_fields=["finished_at"])
