"""The state of the gallery as gauges, read from the database when somebody asks.

Asking must be cheap at any size, so nothing walks over all photos: each figure is a look into an
index, or a walk over the entries of what waits and of what is in the trash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gallery import files
from gallery.backup import history
from gallery.backup.refused import Refused
from gallery.models import Embedding, EmbeddingModel, FileDamage, LastRun, Photo, WorkerStatus
from gallery.models.embeddings import BACKFILL_PRIORITY, UPLOAD_PRIORITY
from gallery.work.figures import ALIVE

_WAITING = [state for state in Embedding.State.values if state != Embedding.State.INDEXED]
_PRIORITIES = (UPLOAD_PRIORITY, BACKFILL_PRIORITY)
_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)

Value = float | int | datetime | None


class GalleryState(Collector):
    """All gauges. A database that does not answer is told as such, and the rest is left out."""

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        yield _gauge("scry_free_bytes", "Free on the disk of DATA_DIR.", files.free_bytes())
        yield from _backups()
        try:
            of_database = [*_queue(), *_work(), *_originals(), *_workers()]
        except DatabaseError:
            of_database = []
        answers = "Whether the database answered this request, 1 or 0."
        yield _gauge("scry_database_answers", answers, int(bool(of_database)))
        yield from of_database


def _gauge(name: str, help_text: str, value: Value) -> Metric:
    """Return a gauge without labels; it has no sample if the value is None."""
    return _labelled(name, help_text, [], [((), value)])


def _labelled(
    name: str, help_text: str, labels: list[str], samples: Iterable[tuple[Iterable[str], Value]]
) -> Metric:
    metric = GaugeMetricFamily(name, help_text, labels=labels)
    for values, value in samples:
        if value is not None:
            number = value.timestamp() if isinstance(value, datetime) else value
            metric.add_metric(list(values), number)
    return metric


# --- what waits -----------------------------------------------------------------------------------


def _queue() -> Iterator[Metric]:
    lengths: list[tuple[Iterable[str], Value]] = []
    for model in EmbeddingModel.objects.wanted().order_by("pk"):
        counts = _states(model)
        lengths += [((model.key, state), counts[state]) for state in _WAITING]
    text = "Photos that are not searchable yet, by model and state of the work."
    yield _labelled("scry_queue_photos", text, ["model", "state"], lengths)
    text = "Time since the upload of the photo that waits longest for the active model."
    yield _gauge("scry_oldest_pending_age_seconds", text, _oldest_pending_age())
    deletions = Photo.objects.exclude(deleted_at=None).count()
    text = "Photos deleted for ever of which files or points are still to be removed."
    yield _gauge("scry_owed_deletions", text, deletions)


def _states(model: EmbeddingModel) -> Counter[str]:
    """Return how many live photos are in each state but indexed.

    All rows less those of photos in the trash, so that the photos themselves are not read.
    """
    rows = Embedding.objects.filter(model=model)
    gone = [Photo.objects.trashed(), Photo.objects.exclude(deleted_at=None)]
    counts = Counter(rows.unsearchable())
    for photos in gone:
        counts -= Counter(rows.filter(photo__in=photos.values("pk")).unsearchable())
    return counts


def _oldest_pending_age() -> float:
    """Return the seconds since the oldest upload, 0 if none waits.

    Rows of one priority are made in the order of the uploads.
    """
    waiting = Embedding.objects.live().filter(
        model=EmbeddingModel.objects.active(), state=Embedding.State.PENDING
    )
    firsts = [
        waiting.filter(priority=priority)
        .order_by("pk")
        .values_list("photo__created_at", flat=True)
        .first()
        for priority in _PRIORITIES
    ]
    now = timezone.now()
    ages = [(now - created_at).total_seconds() for created_at in firsts if created_at]
    return max(ages, default=0.0)


# --- periodic work --------------------------------------------------------------------------------


def _work() -> Iterator[Metric]:
    runs = {run.work: run for run in LastRun.objects.all()}
    sweep, fsck = runs.get(LastRun.Work.SWEEP), runs.get(LastRun.Work.FSCK)
    text = "When the last sweep ended."
    yield _gauge("scry_last_sweep_timestamp_seconds", text, sweep.ended_at if sweep else None)
    text = "When the last fsck ended."
    yield _gauge("scry_last_fsck_timestamp_seconds", text, fsck.ended_at if fsck else None)
    text = "Exit status of the last fsck: 0 clean, 1 repaired, 2 problems left, 3 not checked."
    yield _gauge("scry_last_fsck_status", text, fsck.status if fsck else None)


def _backups() -> Iterator[Metric]:
    try:
        kept = history.read()
    except Refused:
        kept = history.History()
    text = "When the last backup was made."
    yield _gauge("scry_last_backup_timestamp_seconds", text, kept.last_made)
    text = "Whether the last attempt at a backup made one, 1 or 0."
    yield _gauge("scry_last_backup_made", text, int(kept.last.made) if kept.last else None)


def _originals() -> Iterator[Metric]:
    photos: Any = Photo.objects.not_deleted().filter(external=False)
    # A bound, so that the index is entered behind all that were never read.
    times = photos.filter(read_at__gt=_LONG_AGO).values_list("read_at", flat=True)
    latest, oldest = times.order_by("-read_at").first(), times.order_by("read_at").first()
    text = "When an original was last read whole and compared with its checksum."
    yield _gauge("scry_last_original_read_timestamp_seconds", text, latest)
    text = "The reading that is longest ago, among the originals that were ever read."
    yield _gauge("scry_oldest_original_read_timestamp_seconds", text, oldest)
    text = "Files that are not on the disk as they were uploaded."
    yield _gauge("scry_damaged_files", text, FileDamage.objects.count())


# --- the workers ----------------------------------------------------------------------------------


def _workers() -> Iterator[Metric]:
    alive = list(WorkerStatus.objects.filter(seen_at__gt=timezone.now() - ALIVE))
    served = Counter((queue, row.device) for row in alive for queue in row.queues.split(","))
    text = "Workers whose heartbeat is recent, by the queue that they serve and their device."
    yield _labelled("scry_workers_alive", text, ["queue", "device"], served.items())
    computing = [row for row in alive if row.device]
    text = "Photos a second for which vectors are made, over the last seconds."
    yield _by_host("scry_embedded_photos_per_second", text, computing, "photos_per_second")
    text = "Pictures a second that are read for that, over the last seconds."
    yield _by_host("scry_decoded_photos_per_second", text, computing, "decodes_per_second")
    text = "Memory of the GPU in use, by any program."
    yield _by_host("scry_gpu_memory_used_bytes", text, computing, "gpu_used_bytes")
    text = "Memory of the GPU."
    yield _by_host("scry_gpu_memory_bytes", text, computing, "gpu_bytes")


def _by_host(name: str, text: str, rows: list[WorkerStatus], column: str) -> Metric:
    """Return a gauge for each machine and device: rates add up, but a GPU has one memory."""
    join = max if column.startswith("gpu") else sum
    found: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        value, host = getattr(row, column), row.name.rpartition(":")[0]
        if value is not None:
            found.setdefault((host, row.device), []).append(value)
    samples = [(key, join(values)) for key, values in found.items()]
    return _labelled(name, text, ["host", "device"], samples)
