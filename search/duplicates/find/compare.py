"""Comparing photos with all others of their owner, and what is left to compare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from gallery.locks import lock_owner
from gallery.models import Embedding, EmbeddingModel, Photo, User
from search.duplicates.find import judging, thresholds
from search.duplicates.find.judging import Detail, Judgement
from search.duplicates.find.pairing import ids_of, pairs_of, rejected
from search.duplicates.groups import edges, groups
from search.duplicates.groups.edges import PairIds, pair_of
from search.duplicates.models import Sweep


def _nothing(photo_ids: Sequence[UUID]) -> None:
    """Stand in for a reader that reads nothing ahead."""


def compare(
    model: EmbeddingModel,
    rows: Sequence[Embedding],
    detail: Detail,
    *,
    expect: Callable[[Sequence[UUID]], None] = _nothing,
) -> set[UUID]:
    """Compare the photos of `rows`, vectors of `model`, and return those whose edges changed.

    All that is written is written at once at the end, so that whoever is killed on the way has
    done nothing. `detail` reads renditions, and `expect` is told which ones it will probably be
    asked for. Raises `VectorIndexError` when the index is away.
    """
    by_owner: defaultdict[int, list[Embedding]] = defaultdict(list)
    for row in rows:
        by_owner[row.photo.owner_id].append(row)
    judged = {
        owner_id: _judged(model, owner_id, mine, detail, expect)
        for owner_id, mine in by_owner.items()
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


def _judged(
    model: EmbeddingModel,
    owner_id: int,
    rows: Sequence[Embedding],
    detail: Detail,
    expect: Callable[[Sequence[UUID]], None],
) -> dict[PairIds, Judgement | None]:
    """Return what became of each pair that was worth judging."""
    limits = thresholds.of(model)
    chosen = pairs_of(model, owner_id, rows, limits, detail)
    expect(chosen.likely)
    answers = judging.judge(chosen.pairs, limits, detail)
    judged = {
        pair_of(pair.first.photo_id, pair.second.photo_id): answer
        for pair, answer in zip(chosen.pairs, answers, strict=True)
    }
    rejected.add(ids_of(pair) for pair, answer in judged.items() if answer is None)
    return judged


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


def progress(user: User) -> Progress:
    """Return how far the comparing of this user's photos is."""
    model = EmbeddingModel.objects.active()
    if model is None or not user.is_authenticated:
        return Progress(0, 0, running=False)
    waiting = Embedding.objects.to_compare(model).filter(photo__owner_id=user.pk).count()
    # Counted this way since nearly all photos are searchable, and the others have an index.
    states = set(Embedding.State.values) - {Embedding.State.INDEXED.value}
    rows = Embedding.objects.live().filter(model=model, state__in=states)
    unsearchable = rows.filter(photo__owner_id=user.pk).count()
    total = max(0, Photo.objects.visible_to(user).count() - unsearchable)
    sweep = Sweep.objects.filter(model=model).first()
    return Progress(
        total,
        max(0, total - waiting),
        running=waiting > 0,
        asked_at=sweep.started_at if sweep else None,
        finished_at=sweep.finished_at if sweep else None,
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
