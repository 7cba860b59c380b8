"""The edges in SQL: which pairs need no judging, and how new judgements take the place of old."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from gallery.models import Embedding, EmbeddingModel, Photo
from search.duplicates.find.judging import Judgement
from search.duplicates.models import Kind, Likeness, NotTheSame, Sweep

PairIds: TypeAlias = tuple[UUID, UUID]
"""Two photos, the smaller id first, as databases order ids too."""


def pair_of(one: UUID, other: UUID) -> PairIds:
    """Return the two ids in order."""
    return (one, other) if one < other else (other, one)


@dataclass(frozen=True)
class Known:
    """What is known of photos before they are compared again, by pairs.

    `said` were declared not the same by a person: never judged, and their edges are left alone.
    `fresh` edges were found since the last full search began, by the model that compares now.
    `old` edges were found before, or by another model. `begun` is when that search began, None
    when there was none.
    """

    begun: datetime | None
    said: frozenset[PairIds]
    fresh: frozenset[PairIds]
    old: Mapping[PairIds, Likeness]


def known(model: EmbeddingModel, ids: Collection[UUID]) -> Known:
    """Return what is known of all pairs that have a photo of `ids`."""
    begun = Sweep.objects.filter(model=model).values_list("started_at", flat=True).first()
    fresh: set[PairIds] = set()
    old: dict[PairIds, Likeness] = {}
    for edge in Likeness.objects.filter(_touching(ids)):
        pair = (edge.first_id, edge.second_id)
        if edge.model_id == model.pk and (begun is None or edge.found_at >= begun):
            fresh.add(pair)
        else:
            old[pair] = edge
    words = NotTheSame.objects.filter(_touching(ids)).values_list("first_id", "second_id")
    return Known(begun, frozenset(words), frozenset(fresh), old)


def _touching(ids: Collection[UUID]) -> Q:
    return Q(first__in=ids) | Q(second__in=ids)


def replace(
    model: EmbeddingModel,
    owner_id: int,
    compared: Collection[UUID],
    judged: Mapping[PairIds, Judgement | None],
) -> set[UUID]:
    """Store the judgements on pairs of the photos `compared`; return the ids whose edges changed.

    Old edges that were not confirmed go, in a transaction of the caller, unless the other photo
    will look for itself. Where the pixels of two photos agree, that another model brought them
    together is no fault: such edges stay. Pairs of photos that were deleted meanwhile are dropped.
    """
    before = known(model, compared)
    found = {pair: one for pair, one in judged.items() if one and pair not in before.said}
    found = _of_living(found)
    gone = {pair for pair, one in judged.items() if one is None} | _unconfirmed(
        model, before, found, compared
    )
    gone = (gone & before.old.keys()) - before.said
    Likeness.objects.filter(pk__in=[before.old[pair].pk for pair in gone]).delete()
    _store(model, owner_id, found)
    return {photo_id for pair in (*gone, *found) for photo_id in pair}


def _of_living(found: Mapping[PairIds, Judgement]) -> dict[PairIds, Judgement]:
    """Leave out pairs whose photos are no more; the others stay until the transaction ends."""
    ids = {photo_id for pair in found for photo_id in pair}
    rows = Photo.objects.not_deleted().filter(pk__in=ids).order_by("pk")
    living = set(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    return {pair: one for pair, one in found.items() if living.issuperset(pair)}


def _unconfirmed(
    model: EmbeddingModel,
    before: Known,
    found: Mapping[PairIds, Judgement],
    compared: Collection[UUID],
) -> set[PairIds]:
    """Return the old edges that this comparison and those before it did not find again."""
    doubtful = [
        pair
        for pair, edge in before.old.items()
        if pair not in found and (edge.model_id == model.pk or edge.kind != Kind.SAME_PICTURE)
    ]
    others = {photo_id for pair in doubtful for photo_id in pair} - set(compared)
    looked = set(compared) | set(
        Embedding.objects.live()
        .filter(model=model, photo__in=others)
        .exclude(compared_at=None)
        .values_list("photo_id", flat=True)
    )
    return {pair for pair in doubtful if looked.issuperset(pair)}


def _store(model: EmbeddingModel, owner_id: int, found: Mapping[PairIds, Judgement]) -> None:
    now = timezone.now()
    rows = [
        Likeness(
            owner_id=owner_id,
            first_id=first,
            second_id=second,
            kind=one.kind,
            closeness=one.closeness,
            how=one.how,
            model=model,
            found_at=now,
        )
        for (first, second), one in found.items()
    ]
    Likeness.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["first", "second"],
        update_fields=["kind", "closeness", "how", "model", "found_at"],
    )


def drop_outlived() -> dict[int, set[UUID]]:
    """Remove similar shots that only retired models saw; return the photos by owner.

    What those models compared is compared anew should one of them answer again.
    """
    retired = EmbeddingModel.objects.filter(state=EmbeddingModel.State.RETIRED)
    outlived = Likeness.objects.filter(model__in=retired, kind=Kind.SIMILAR_SHOTS)
    touched = _photos_by_owner(outlived)
    outlived.delete()
    Embedding.objects.filter(model__in=retired).exclude(compared_at=None).update(compared_at=None)
    return touched


def _photos_by_owner(edges: QuerySet[Likeness]) -> dict[int, set[UUID]]:
    touched: dict[int, set[UUID]] = {}
    pairs: Iterable[tuple[int, UUID, UUID]] = edges.values_list("owner_id", "first_id", "second_id")
    for owner_id, first, second in pairs:
        touched.setdefault(owner_id, set()).update((first, second))
    return touched
