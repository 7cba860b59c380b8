"""Comparing photos with all others of their owner, and how far a search through all of them is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from gallery.locks import lock_owner
from gallery.models import Embedding, EmbeddingModel, EmbeddingQuerySet, Photo, User
from search.duplicates.find import judging
from search.duplicates.find.candidates import ids_of
from search.duplicates.find.judging import Detail, Pair, Side
from search.duplicates.find.prefilter import pairs_to_judge, rejected_pairs
from search.duplicates.find.quality import Box, Look, Pixels, Quality, measure
from search.duplicates.find.thresholds import thresholds_of
from search.duplicates.groups import edges, groups
from search.duplicates.groups.edges import Judgement, PairIds, pair_of
from search.duplicates.groups.figures import QUALITY
from search.duplicates.models import Kind, Sweep

Expect = Callable[[Sequence[UUID]], None]
"""Is told which renditions will probably be needed, in order."""

PartOf = Callable[[UUID, Box], Pixels | None]
"""Returns what is inside a box of a photo's original, at full size up to 1,024 px a side."""

_MANY, _MANY_SECONDS = 5000, 10
"""So many rows take long to count, and then the number may be so old."""

_ENOUGH = 8  # pairs measured of one photo: of many copies each need not meet all the others


def compare(
    model: EmbeddingModel,
    rows: Sequence[Embedding],
    detail: Detail,
    *,
    expect: Expect,
    fine: Detail | None = None,
    part_of: PartOf | None = None,
) -> set[UUID]:
    """Compare the photos of `rows`, vectors of `model`, and return the ids whose edges changed.

    Everything is written at the end in one transaction, so a worker that is killed on the way has
    changed nothing. `detail` reads renditions, `fine` originals at up to 1,024 px, `part_of`
    parts of them at full size, and `expect` is told which renditions will probably be needed.
    Without `part_of`, what pairs really hold is not measured. Raises `VectorIndexError` when the
    index is away.
    """
    rows_by_owner: defaultdict[int, list[Embedding]] = defaultdict(list)
    for row in rows:
        rows_by_owner[row.photo.owner_id].append(row)
    judged_by_owner = {
        owner_id: _judge(model, owner_id, own, detail, expect, fine, part_of)
        for owner_id, own in rows_by_owner.items()
    }
    all_changed: set[UUID] = set()
    with transaction.atomic():
        for owner_id, judged in sorted(judged_by_owner.items()):
            lock_owner(owner_id)
            ids = [row.photo_id for row in rows_by_owner[owner_id]]
            changed = edges.replace(model, owner_id, ids, judged)
            if changed:
                groups.regroup(owner_id, changed)
            all_changed |= changed
        mark_compared(rows)
    return all_changed


def mark_compared(rows: Iterable[Embedding]) -> None:
    """Note that the photos of `rows` were compared."""
    compared = Embedding.objects.filter(pk__in=[row.pk for row in rows])
    compared.update(compared_at=timezone.now())


def _judge(
    model: EmbeddingModel,
    owner_id: int,
    rows: Sequence[Embedding],
    detail: Detail,
    expect: Expect,
    fine: Detail | None,
    part_of: PartOf | None,
) -> dict[PairIds, Judgement | None]:
    """Return the judgement on each pair that was worth judging, None for pairs not alike."""
    thresholds = thresholds_of(model)
    pairs, read_ahead = pairs_to_judge(model, owner_id, rows, thresholds, detail)
    expect(read_ahead)
    judgements = judging.judge(pairs, thresholds, detail, fine=fine)
    if part_of is not None:
        judgements = _with_quality(pairs, judgements, detail, part_of)
    judged = {
        pair_of(pair.first.photo_id, pair.second.photo_id): judgement
        for pair, judgement in zip(pairs, judgements, strict=True)
    }
    rejected_pairs.add(ids_of(pair) for pair, judgement in judged.items() if judgement is None)
    return judged


# --- what pairs that are alike hold ---------------------------------------------------------------


def _with_quality(
    pairs: Sequence[Pair], judgements: Sequence[Judgement | None], detail: Detail, part_of: PartOf
) -> list[Judgement | None]:
    """Return the judgements, those on pairs alike with what was measured in their evidence.

    Only the same picture is worth reading originals for. Of similar shots light and colour are
    measured, which tell the shots of a bracket apart.
    """
    measured: Counter[UUID] = Counter()
    result: list[Judgement | None] = []
    for pair, judgement in zip(pairs, judgements, strict=True):
        ids = (pair.first.photo_id, pair.second.photo_id)
        if judgement is None or min(measured[photo_id] for photo_id in ids) >= _ENOUGH:
            result.append(judgement)
            continue
        measured.update(ids)
        quality = _quality(pair, judgement.kind, detail, part_of)
        if quality is not None:
            evidence = {**judgement.evidence, QUALITY: _told(quality, pair, judgement).as_json()}
            judgement = replace(judgement, evidence=evidence)
        result.append(judgement)
    return result


def _quality(pair: Pair, kind: Kind, detail: Detail, part_of: PartOf) -> Quality | None:
    looks = [_look(side, detail, part_of) for side in (pair.first, pair.second)]
    if looks[0] is None or looks[1] is None:
        return None
    return measure(looks[0], looks[1], detail=kind == Kind.SAME_PICTURE)


def _look(side: Side, detail: Detail, part_of: PartOf) -> Look | None:
    small = detail(side.photo_id)
    if small is None:
        return None
    return Look(small, side.width, side.height, lambda box: part_of(side.photo_id, box))


def _told(quality: Quality, pair: Pair, judgement: Judgement) -> Quality:
    """Return the quality with the text laid over that judging found, which looks more closely."""
    overlay = judgement.evidence.get("overlay")
    if overlay not in ("first", "second"):
        return quality
    return replace(quality, written=(float(overlay == "first"), float(overlay == "second")))


# --- the search through everything ----------------------------------------------------------------


def without_fingerprint(model: EmbeddingModel, *, below: int | None, limit: int) -> list[Embedding]:
    """Return rows to compare whose photo has no fingerprint, newest first, with ids < `below`."""
    rows = Embedding.objects.to_compare(model).filter(photo__fingerprint=None)
    if below is not None:
        rows = rows.filter(pk__lt=below)
    return list(rows.only("pk", "photo_id").order_by("-pk")[:limit])


@dataclass(frozen=True)
class Progress:
    """How many of a person's searchable photos were compared.

    `running` says that some are still to be compared. `asked_at` and `finished_at` are those of
    the last full search, None if there was none or it is not finished.
    """

    total: int
    compared: int
    running: bool
    asked_at: datetime | None
    finished_at: datetime | None


def progress(user: User) -> Progress:
    """Return how many of this user's photos were compared."""
    model = EmbeddingModel.objects.active()
    if model is None or not user.is_authenticated:
        return Progress(0, 0, running=False, asked_at=None, finished_at=None)
    rows = Embedding.objects.visible_to(user).filter(model=model)
    waiting = _waiting(rows, user)
    unsearchable = sum(rows.unsearchable().values())
    total = max(0, Photo.objects.visible_to(user).count() - unsearchable)
    sweep = Sweep.objects.filter(model=model).first()
    return Progress(
        total,
        max(0, total - waiting),
        running=waiting > 0,
        asked_at=sweep.started_at if sweep else None,
        finished_at=sweep.finished_at if sweep else None,
    )


def _waiting(rows: EmbeddingQuerySet, user: User) -> int:
    """Count the rows to compare. While they are many, a number of some seconds ago will do."""
    key = f"photos-to-compare-{user.pk}"
    number: int | None = cache.get(key)
    if number is None:
        number = rows.filter(state=Embedding.State.INDEXED, compared_at=None).count()
        if number > _MANY:
            cache.set(key, number, _MANY_SECONDS)
    return number


def request_sweep(model: EmbeddingModel) -> int:
    """Have all photos compared again and return how many; edges stay until their turn comes.

    Photos in the trash are compared once they are restored.
    """
    with transaction.atomic():
        rows = Embedding.objects.filter(model=model, state=Embedding.State.INDEXED)
        rows.exclude(compared_at=None).update(compared_at=None)
        Sweep.objects.update_or_create(
            model=model, defaults={"started_at": timezone.now(), "finished_at": None}
        )
        return Embedding.objects.to_compare(model).count()


def finish(model: EmbeddingModel) -> None:
    """End the search once the active `model` has compared every photo.

    Edges that only earlier models saw are deleted then, as are the searches of those models.
    """
    if Sweep.objects.filter(model=model).exclude(finished_at=None).exists():
        return
    with transaction.atomic():
        if Embedding.objects.to_compare(model).exists():
            return
        for owner_id, photo_ids in edges.delete_of_retired_models().items():
            groups.regroup(owner_id, photo_ids)
        Sweep.objects.exclude(model=model).delete()
        sweep, _ = Sweep.objects.get_or_create(
            model=model, defaults={"started_at": model.created_at}
        )
        sweep.finished_at = timezone.now()
        sweep.save(update_fields=["finished_at"])
