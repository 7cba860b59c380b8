"""Edges in SQL: which pairs need no judging, how judgements replace old ones, and clusters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from gallery.models import Embedding, EmbeddingModel, Photo
from gallery.slices import slices
from search.duplicates.groups.clustering import Cluster, Edge, cluster
from search.duplicates.models import DuplicateEdge, GroupMember, Kind, NotTheSame, Sweep

Id = TypeVar("Id", UUID, int)
PairIds: TypeAlias = tuple[UUID, UUID]
"""Two photos, the smaller id first, as databases order ids too."""

_FIRST_LIVE = Q(first__deleted_at=None, first__trashed_at=None)
_LIVE = _FIRST_LIVE & Q(second__deleted_at=None, second__trashed_at=None)


def pair_of(one: Id, other: Id) -> tuple[Id, Id]:
    """Return the two ids in order."""
    return (one, other) if one < other else (other, one)


@dataclass(frozen=True)
class Judgement:
    """How a pair is alike; see `search.duplicates.models.DuplicateEdge` for what the fields say."""

    kind: Kind
    closeness: float
    how: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


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
    allowed = {pair: judged[pair] for pair in judged if pair not in stored.dismissed}
    found = _of_kept_photos({pair: alike for pair, alike in allowed.items() if alike})
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
            model=model,
            found_at=now,
            **vars(judgement),
        )
        for (first, second), judgement in found.items()
    ]
    DuplicateEdge.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["first", "second"],
        update_fields=["kind", "closeness", "how", "evidence", "model", "found_at"],
    )


def delete_of_retired_models() -> dict[int, set[UUID]]:
    """Delete similar shots that only retired models saw; return their photos by owner.

    Should one of those models become active again, it compares everything again.
    """
    retired = EmbeddingModel.objects.exclude(pk__in=EmbeddingModel.objects.wanted())
    edges = DuplicateEdge.objects.filter(model__in=retired, kind=Kind.SIMILAR_SHOTS)
    photos_by_owner: defaultdict[int, set[UUID]] = defaultdict(set)
    for owner_id, first, second in edges.values_list("owner_id", "first_id", "second_id"):
        photos_by_owner[owner_id].update((first, second))
    edges.delete()
    Embedding.objects.filter(model__in=retired).exclude(compared_at=None).update(compared_at=None)
    return photos_by_owner


def hand_over(model: EmbeddingModel) -> bool:
    """Leave what a model brought together to the active one, so that the model can be removed.

    Returns False while similar shots that only this model saw wait to be found by the active one.
    """
    rows = DuplicateEdge.objects.filter(model=model)
    active = EmbeddingModel.objects.active()
    if active is None or rows.filter(kind=Kind.SIMILAR_SHOTS).exists():
        return not rows.exists()
    rows.update(model=active)
    return True


# --- clusters -------------------------------------------------------------------------------------


def clusters_of(owner_id: int, kind: Kind, scope: set[UUID] | None) -> list[Cluster]:
    """Return the clusters of the photos of `scope`, or of all photos of the owner for None.

    Of a picture with copies, only the one to keep can be a similar shot of other photos.
    """
    dismissed = set(_pairs_within(NotTheSame.objects.all(), owner_id, scope))
    copies = _copies(owner_id, scope) if kind == Kind.SIMILAR_SHOTS else set()
    live = DuplicateEdge.objects.filter(_LIVE, kind=kind)
    edges = [
        Edge(*row)
        for row in _pairs_within(live, owner_id, scope, "closeness", "how")
        if row[:2] not in dismissed and copies.isdisjoint(row[:2])
    ]
    return cluster(edges, apart=dismissed)


def _pairs_within(
    rows: QuerySet[Any], owner_id: int, scope: set[UUID] | None, *columns: str
) -> list[Any]:
    """Return the two ids and the `columns` of rows with both photos in `scope`, for None of all."""
    values = rows.values_list("first_id", "second_id", *columns)
    if scope is None:
        return list(values.filter(owner_id=owner_id))
    # Not filtered by owner: SQLite would then read all edges of the owner to find a few.
    parts = (values.filter(first__in=some) for some in slices(scope))
    return [row for part in parts for row in part if row[1] in scope]


def _copies(owner_id: int, scope: set[UUID] | None) -> set[UUID]:
    """Return the photos of which another copy is to be kept."""
    copies = GroupMember.objects.filter(kind=Kind.SAME_PICTURE).exclude(photo=F("group__keeper"))
    ids = copies.values_list("photo_id", flat=True)
    if scope is None:
        return set(ids.filter(group__owner_id=owner_id))
    return {photo_id for some in slices(scope) for photo_id in ids.filter(photo__in=some)}


def with_neighbours(kind: Kind, ids: Collection[UUID]) -> set[UUID]:
    """Return the given photos and all that they have an edge to."""
    photo_ids = set(ids)
    edges = DuplicateEdge.objects.filter(kind=kind)
    for some in slices(ids):
        photo_ids.update(edges.filter(first__in=some).values_list("second_id", flat=True))
        photo_ids.update(edges.filter(second__in=some).values_list("first_id", flat=True))
    return photo_ids


def with_stack_mates(ids: Collection[UUID]) -> set[UUID]:
    """Return the given photos and those that share a stack with them.

    A stack alone is no group, but if another photo is like one of its photos, all of it is.
    """
    photo_ids = set(ids)
    for some in slices(ids):
        stacks = Photo.objects.filter(pk__in=some).exclude(stack=None).values("stack_id")
        photo_ids.update(Photo.objects.filter(stack__in=stacks).values_list("pk", flat=True))
    return photo_ids
