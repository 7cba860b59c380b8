"""The points of photos' parts in their index, and SQL and that index compared."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from uuid import UUID

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Length
from django.utils import timezone

from gallery.models import LIVE_PHOTO, Embedding, EmbeddingModel, Photo, PhotoParts
from gallery.slices import slices
from search.parts import boxes, nearest
from search.vectors.index import BadVector, IndexUnavailable, Point
from workers import heartbeat, watchdog
from workers.failpoints import failpoint
from workers.index_sync import photos

logger = logging.getLogger(__name__)

CHUNK = 200
_BOX_BYTES = 8  # four numbers of two bytes

Rows = QuerySet[PhotoParts]


def of(model: EmbeddingModel) -> Rows:
    """Return the rows of a model that have parts."""
    return PhotoParts.objects.filter(embedding__model=model).exclude(boxes=b"")


def waiting(model: EmbeddingModel) -> Rows:
    """Return the rows of searchable photos whose parts are not in the index yet."""
    searchable = Embedding.objects.filter(LIVE_PHOTO, state=Embedding.State.INDEXED)
    return of(model).filter(
        indexed_at=None, generation=F("embedding__generation"), embedding__in=searchable
    )


def project_waiting(model: EmbeddingModel, *, stop: Callable[[], bool]) -> int:
    """Put all parts that wait into the index; return of how many photos."""
    total, after = 0, 0
    while not stop() and not photos.is_paused():
        keys = waiting(model).filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
        part = list(keys[:CHUNK])
        if not part:
            break
        rows = Embedding.objects.filter(pk__in=part).select_related("photo")
        total += project(model, list(rows))
        after = part[-1]
        watchdog.progress()
    return total


def project(model: EmbeddingModel, rows: Sequence[Embedding]) -> int:
    """Put the parts of these rows (with photos) into the index; return how many arrived.

    When the index is away the rows wait, and 0 is returned.
    """
    kept = of(model).filter(pk__in=[row.pk for row in rows], indexed_at=None).in_bulk()
    here = [row for row in rows if row.pk in kept]
    points = [point for row in here for point in _points(row, kept[row.pk])]
    if not points:
        return 0
    index = nearest.index_of(model)
    try:
        index.upsert(points)
        failpoint("parts_upserted")
        index.flush()
    except IndexUnavailable as error:
        heartbeat.tell("index", f"Parts of photos wait for the index. {error}")
        return 0
    except BadVector as error:
        logger.warning("Parts that the index refuses are made again: %s", error)
        PhotoParts.objects.filter(pk__in=kept).delete()
        return 0
    return _mark_indexed(model, here)


def _points(row: Embedding, kept: PhotoParts) -> Iterator[Point]:
    """Yield the points of a row; one that is damaged goes, and is made again."""
    parts = kept.get_parts()
    numbers = boxes.numbers_of(parts[0]) if parts else None
    if parts is None or numbers is None:
        PhotoParts.objects.filter(pk=kept.pk).delete()
        return
    payload = photos.point_payload(row)
    for number, vector in zip(numbers, parts[1], strict=True):
        yield Point(boxes.point_id(row.photo_id, number), vector, payload)


def _mark_indexed(model: EmbeddingModel, rows: Sequence[Embedding]) -> int:
    """Mark the rows whose photos are still searchable; the others' points are taken back."""
    keys = [row.pk for row in rows]
    arrived = set(waiting(model).filter(pk__in=keys).values_list("pk", flat=True))
    PhotoParts.objects.filter(pk__in=arrived).update(indexed_at=timezone.now())
    live = set(
        Photo.objects.live()
        .filter(pk__in=[row.photo_id for row in rows])
        .values_list("pk", flat=True)
    )
    forget(model, [row.photo_id for row in rows if row.photo_id not in live])
    return len(arrived)


def project_again(photo_ids: Iterable[UUID], model: EmbeddingModel) -> int:
    """Have the parts of these photos put into the index again; return of how many."""
    total = 0
    for part in slices(photo_ids, CHUNK):
        total += of(model).filter(embedding__photo__in=part).update(indexed_at=None)
    return total


def forget(model: EmbeddingModel, photo_ids: Sequence[UUID]) -> None:
    """Remove the points of these photos' parts; raise `IndexUnavailable`.

    What SQL keeps of them waits for the index from then on, should the photos come back.
    """
    if not photo_ids or not nearest.is_in_use(model):
        return
    index = nearest.index_of(model)
    for part in slices(photo_ids, CHUNK):
        index.delete([point for one in part for point in boxes.all_points(one)])
    index.flush()
    project_again(photo_ids, model)


def forget_late(model: EmbeddingModel, photo_ids: Iterable[UUID]) -> int:
    """Remove points that arrived after their photo went; return of how many photos."""
    if not nearest.is_in_use(model):
        return 0
    index = nearest.index_of(model)
    late: set[UUID] = set()
    for part in slices(photo_ids, CHUNK):
        wanted = [point for one in part for point in boxes.all_points(one)]
        late |= {boxes.part_of(point.id)[0] for point in index.fetch(wanted)}
    forget(model, sorted(late))
    return len(late)


def drop(model: EmbeddingModel) -> None:
    """Empty the index of parts, to be filled again from SQL; raise `IndexUnavailable`."""
    if nearest.is_in_use(model):
        nearest.index_of(model).drop()
        of(model).update(indexed_at=None)


def quickly(model: EmbeddingModel) -> int:
    """Repair the index of parts where its size cannot be right; return of how many photos.

    Raises `IndexUnavailable`.
    """
    if not nearest.is_in_use(model):
        return 0
    index = nearest.index_of(model)
    index.ensure()
    promised, on_the_way = _parts(_promised(model)), _parts(of(model).filter(indexed_at=None))
    if promised <= index.count() <= promised + on_the_way:
        return 0
    lost, extra = differences(model)
    forget(model, extra)
    return project_again(lost, model) + len(extra)


def _parts(rows: Rows) -> int:
    total: int = rows.aggregate(total=Sum(Length("boxes")))["total"] or 0
    return total // _BOX_BYTES


def _promised(model: EmbeddingModel) -> Rows:
    return of(model).filter(indexed_at__isnull=False)


def differences(model: EmbeddingModel) -> tuple[list[UUID], list[UUID]]:
    """Return photos of which the index lacks parts, and those of which it holds stray ones.

    SQL and index are walked over side by side, in id order: the parts of a photo lie together.
    Raises `IndexUnavailable`.
    """
    lost, extra = [], []
    rows, points = _by_photo(model), _by_point(model)
    row, point = next(rows, None), next(points, None)
    while row is not None or point is not None:
        if point is None or (row is not None and row[0] < point[0]):
            lost.append(row[0]) if row else None
            row = next(rows, None)
        elif row is None or point[0] < row[0]:
            extra.append(point[0])
            point = next(points, None)
        else:
            if row[1] != point[1]:
                lost.append(row[0])
            row, point = next(rows, None), next(points, None)
    return _still(model, lost, promised=True), _still(model, extra, promised=False)


def _by_photo(model: EmbeddingModel) -> Iterator[tuple[UUID, int]]:
    """Yield photos and the number of their parts by keyset, so that no cursor stays open."""
    after: UUID | None = None
    rows = _promised(model).order_by("embedding__photo_id")
    while True:
        page = rows if after is None else rows.filter(embedding__photo_id__gt=after)
        found = list(page.values_list("embedding__photo_id", Length("boxes"))[:1000])
        yield from ((photo_id, length // _BOX_BYTES) for photo_id, length in found)
        if len(found) < 1000:
            return
        after = found[-1][0]


def _by_point(model: EmbeddingModel) -> Iterator[tuple[UUID, int]]:
    points = nearest.index_of(model).scroll()
    for photo_id, parts in groupby(points, key=lambda point: boxes.part_of(point.id)[0]):
        yield photo_id, sum(1 for _ in parts)


def _still(model: EmbeddingModel, photo_ids: list[UUID], *, promised: bool) -> list[UUID]:
    """Return those for which it holds on a second look: rows come and go meanwhile."""
    live = set()
    for part in slices(photo_ids, CHUNK):
        # What is on the way to the index is no stray, and what left SQL is not lost.
        rows = (_promised(model) if promised else of(model)).filter(embedding__photo__in=part)
        live |= set(
            rows.filter(embedding__photo__in=Photo.objects.live()).values_list(
                "embedding__photo_id", flat=True
            )
        )
    return [one for one in photo_ids if (one in live) == promised]
