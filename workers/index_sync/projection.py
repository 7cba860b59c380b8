"""From SQL to the index: upsert, flush, and only then mark as indexed.

This needs neither model nor pictures, so a whole index can be rebuilt from SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from gallery import files
from gallery.failpoints import failpoint
from gallery.models import Embedding, EmbeddingModel, Photo, PhotoQuerySet
from search.vectors.index import BadVector, Payload, Point, VectorIndex
from workers import heartbeat
from workers.index_sync.sources import PAYLOAD_COLUMNS, Source, payload_facts, point_payload


def project(source: Source, model: EmbeddingModel, rows: Sequence[Embedding]) -> int:
    """Put waiting rows, with their photos, into the index; return how many arrived.

    Raises `IndexUnavailable`; the rows then wait as before, and no attempt is counted.
    """
    sound = {row: points for row in rows if (points := source.points(row))}
    damaged = [row for row in rows if row not in sound]
    if damaged:
        source.embed_again(damaged)
    if not sound:
        return 0
    index = source.index(model)
    refused: set[Embedding] = set()
    try:
        index.upsert([point for points in sound.values() for point in points])
    except BadVector:
        refused = {row for row in sound if not _is_accepted(source, index, row, sound[row])}
    failpoint(f"{source.name}_upserted")
    index.flush()
    failpoint(f"{source.name}_flushed")
    arrived = [row for row in sound if row not in refused]
    marked = source.mark_indexed(model, arrived)
    failpoint(f"{source.name}_marked")
    if marked < len(arrived):
        _take_back(source, model, [row.photo_id for row in arrived])
    sent = {row: sound[row][0].payload for row in arrived}
    return marked - _send_again(source, model, sent)


def project_waiting(
    source: Source,
    model: EmbeddingModel,
    *,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int], object] = lambda arrived: None,
) -> int:
    """Put all waiting rows of a model into the index; return how many arrived.

    Asks `stop` before each chunk, and tells `on_progress` how many rows of a chunk arrived. Raises
    `IndexUnavailable`.
    """
    total, after = 0, 0
    while not stop():
        waiting = source.load(source.waiting(model).filter(pk__gt=after), with_vectors=True)
        rows = list(waiting.order_by("pk")[: source.chunk])
        if not rows:
            break
        arrived = project(source, model, rows)
        on_progress(arrived)
        total += arrived
        after = rows[-1].pk
        heartbeat.progress()
    return total


def _is_accepted(source: Source, index: VectorIndex, row: Embedding, points: list[Point]) -> bool:
    """Upsert the points of one row; return False if the index refuses them."""
    try:
        index.upsert(points)
    except BadVector as error:
        source.refuse(row, error)
        return False
    return True


def _send_again(source: Source, model: EmbeddingModel, sent: Mapping[Embedding, Payload]) -> int:
    """Have rows wait again whose payload changed on the way to the index; return how many.

    Who changed it saw a row that was not indexed yet, and so did not ask for this. Nearly all are
    as they were sent, and columns are compared faster than payloads are made.
    """
    sent_row = {row.photo_id: row for row in sent}
    promised = source.promised(model)
    columns = promised.filter(photo__in=list(sent_row)).values_list("photo_id", *PAYLOAD_COLUMNS)
    suspects = [pk for pk, *found in columns if tuple(found) != payload_facts(sent_row[pk])]
    rows = source.load(promised.filter(photo__in=suspects), with_vectors=False)
    changed = [row.photo_id for row in rows if point_payload(row) != sent[sent_row[row.photo_id]]]
    return source.wait_again(model, changed) if changed else 0


def _take_back(source: Source, model: EmbeddingModel, photo_ids: Sequence[UUID]) -> None:
    """Remove the points of photos that were trashed or deleted on their way to the index."""
    gone = list(set(photo_ids) - _ids(Photo.objects.live(), photo_ids))
    if not gone:
        return
    try:
        # If this fails, the next sweep finds the points of recently removed photos.
        source.remove_points(model, gone)
    finally:
        # A photo may have been restored and projected just before its point was removed.
        source.wait_again(model, gone)
        for photo_id in set(gone) - _ids(Photo.objects.not_deleted(), gone):
            files.remove_renditions(photo_id)


def _ids(photos: PhotoQuerySet, among: Iterable[UUID]) -> set[UUID]:
    return set(photos.filter(pk__in=list(among)).values_list("pk", flat=True))
