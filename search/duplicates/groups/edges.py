"""Edges in SQL: which pairs need no judging, and how new judgements replace old ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from gallery.models import Embedding, EmbeddingModel, Photo
from search.duplicates.models import DuplicateEdge, Kind, NotTheSame, Sweep

PairIds: TypeAlias = tuple[UUID, UUID]
"""Two photos, the smaller id first, as databases order ids too."""


def pair_of(one: UUID, other: UUID) -> PairIds:
    """Return the two ids in order."""
    return (one, other) if one < other else (other, one)


@dataclass(frozen=True)
class Judgement:
    """How a pair is alike; see `search.duplicates.models.DuplicateEdge` for closeness and how."""

    kind: Kind
    closeness: float
    how: str = ""


@dataclass(frozen=True)
class StoredPairs:
    """What the database says of pairs before their photos are compared again.

    `dismissed` pairs were declared not the same by a person: they are never judged, and their
    edges stay. `fresh` edges were found since the last full search began, by the model that
    compares now. `old` edges were found before that, or by another model. `search_began_at` is
    None if there was no full search.
    """

    search_began_at: datetime | None
    dismissed: frozenset[PairIds]
    fresh: frozenset[PairIds]
    old: Mapping[PairIds, DuplicateEdge]


def stored_pairs(model: EmbeddingModel, ids: Collection[UUID]) -> StoredPairs:
    """Return what is stored of all pairs that have a photo of `ids`."""
    began_at = Sweep.objects.filter(model=model).values_list("started_at", flat=True).first()
    fresh: set[PairIds] = set()
    old: dict[PairIds, DuplicateEdge] = {}
    for edge in DuplicateEdge.objects.filter(_touching(ids)):
        pair = (edge.first_id, edge.second_id)
        if edge.model_id == model.pk and (began_at is None or edge.found_at >= began_at):
            fresh.add(pair)
        else:
            old[pair] = edge
    dismissed = NotTheSame.objects.filter(_touching(ids)).values_list("first_id", "second_id")
    return StoredPairs(began_at, frozenset(dismissed), frozenset(fresh), old)


def _touching(ids: Collection[UUID]) -> Q:
    return Q(first__in=ids) | Q(second__in=ids)


def replace(
    model: EmbeddingModel,
    owner_id: int,
    compared: Collection[UUID],
    judged: Mapping[PairIds, Judgement | None],
) -> set[UUID]:
    """Store the judgements on pairs of the photos `compared`; return the ids whose edges changed.

    Old edges that were not confirmed are deleted, unless the other photo has yet to be compared.
    Where the pixels of two photos agree, it does not matter that another model brought them
    together, so such edges stay. Pairs of photos deleted meanwhile are dropped. The caller opens
    the transaction.
    """
    stored = stored_pairs(model, compared)
    found = _of_kept_photos(
        {
            pair: judgement
            for pair, judgement in judged.items()
            if judgement and pair not in stored.dismissed
        }
    )
    refuted = {pair for pair, judgement in judged.items() if judgement is None}
    refuted |= _unconfirmed(model, stored, found, compared)
    refuted = (refuted & stored.old.keys()) - stored.dismissed
    DuplicateEdge.objects.filter(pk__in=[stored.old[pair].pk for pair in refuted]).delete()
    _store(model, owner_id, found)
    return {photo_id for pair in (*refuted, *found) for photo_id in pair}


def _of_kept_photos(found: Mapping[PairIds, Judgement]) -> dict[PairIds, Judgement]:
    """Leave out pairs of deleted photos; the others are locked until the transaction ends."""
    ids = {photo_id for pair in found for photo_id in pair}
    rows = Photo.objects.not_deleted().filter(pk__in=ids).order_by("pk")
    kept = set(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    return {pair: judgement for pair, judgement in found.items() if kept.issuperset(pair)}


def _unconfirmed(
    model: EmbeddingModel,
    stored: StoredPairs,
    found: Mapping[PairIds, Judgement],
    compared: Collection[UUID],
) -> set[PairIds]:
    """Return the old edges that neither this comparison nor those before it found again."""
    doubtful = [
        pair
        for pair, edge in stored.old.items()
        if pair not in found and (edge.model_id == model.pk or edge.kind != Kind.SAME_PICTURE)
    ]
    others = {photo_id for pair in doubtful for photo_id in pair} - set(compared)
    all_compared = set(compared) | set(
        Embedding.objects.live()
        .filter(model=model, photo__in=others)
        .exclude(compared_at=None)
        .values_list("photo_id", flat=True)
    )
    return {pair for pair in doubtful if all_compared.issuperset(pair)}


def _store(model: EmbeddingModel, owner_id: int, found: Mapping[PairIds, Judgement]) -> None:
    now = timezone.now()
    rows = [
        DuplicateEdge(
            owner_id=owner_id,
            first_id=first,
            second_id=second,
            kind=judgement.kind,
            closeness=judgement.closeness,
            how=judgement.how,
            model=model,
            found_at=now,
        )
        for (first, second), judgement in found.items()
    ]
    DuplicateEdge.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["first", "second"],
        update_fields=["kind", "closeness", "how", "model", "found_at"],
    )


def delete_of_retired_models() -> dict[int, set[UUID]]:
    """Delete similar shots that only retired models saw; return their photos by owner.

    Should one of those models become active again, it compares everything again.
    """
    retired = EmbeddingModel.objects.filter(state=EmbeddingModel.State.RETIRED)
    edges = DuplicateEdge.objects.filter(model__in=retired, kind=Kind.SIMILAR_SHOTS)
    photos_by_owner: defaultdict[int, set[UUID]] = defaultdict(set)
    for owner_id, first, second in edges.values_list("owner_id", "first_id", "second_id"):
        photos_by_owner[owner_id].update((first, second))
    edges.delete()
    Embedding.objects.filter(model__in=retired).exclude(compared_at=None).update(compared_at=None)
    return photos_by_owner
