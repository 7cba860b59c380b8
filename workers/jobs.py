"""Who runs what, when: the jobs of the workers, in order of urgency.

A message only wakes a worker, which then goes through `JOBS` from the top and asks the rows what
to do. Only one thread of a process runs a job at a time. A job is paused after an outage, and a
job that can wait gives way to the jobs above it. A kind of work that a person paused is held.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from functools import partial

from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext_noop

from gallery import database_outages, read_originals
from gallery.decoding import PoolBusy, PoolClosed
from gallery.models import Embedding, EmbeddingModel, WorkKind
from gallery.models.claims import LEASE
from gallery.sentences import Sentence, said_by
from gallery.work import pauses
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.index import IndexUnavailable
from workers import (
    INDEX,
    MAINTENANCE,
    activity,
    compare_photos,
    doorbell,
    heartbeat,
    label_photos,
    looks,
    measure_quality,
    model_choice,
    pipeline,
)
from workers.index_sync import projection, removal
from workers.index_sync.sources import PHOTOS
from workers.looks import Until

logger = logging.getLogger(__name__)

SLICE_SECONDS = 10.0
"""How long a job that can wait runs before other messages get their turn, and how long embedding
and putting photos into the index each run while both have work."""

UPLOAD_SECONDS = 1.0
"""How long photos are put into the index while new uploads wait to be embedded."""

READ_SECONDS, READ_REST = 2.0, 3.0

_stopping = threading.Event()


def never() -> bool:
    """Let a job run until it is done."""
    return False


@dataclass(eq=False)
class Job:
    """One kind of work, done by one thread of this process at a time, unless it is paused.

    `has_work` is cheap enough to be asked every two seconds. `work` returns how much it did. The
    job pauses for `retry_seconds` after an outage, and for `rest_seconds` when it has no work.
    `gives_way_to` tells for a job above whether it goes first; a job with this runs in slices.
    No job waits for one that `is_brief`.
    """

    name: str
    kind: WorkKind
    queue: str
    has_work: Callable[[], bool]
    work: Callable[[Until], int]
    gives_way_to: Callable[[Job], bool] | None = None
    retry_seconds: float = 10.0
    rest_seconds: float = 0.0
    is_brief: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _again: threading.Event = field(default_factory=threading.Event)
    _not_before: float = 0.0

    def is_due(self) -> bool:
        """Tell whether there is work that no thread of this process is doing."""
        return not self.is_running() and self._is_wanted()

    def run(self, until: Until = never) -> int:
        """Work until nothing is left, `until` says stop, or a more urgent job goes first."""

        def stop() -> bool:
            return _stopping.is_set() or until() or self.is_held() or self.must_wait()

        def may_begin() -> bool:
            return not stop() and self._is_wanted()

        return self.take_turn(lambda: self.work(stop), when=may_begin)

    def take_turn(self, work: Callable[[], int], when: Callable[[], bool] = lambda: True) -> int:
        """Do some work of this job if no other thread does; return how much was done.

        If another thread is at work, that thread looks once more, and this call returns 0.
        """
        done = 0
        self._again.set()
        while self._again.is_set() and when() and self._lock.acquire(blocking=False):
            try:
                self._again.clear()
                done += self.attempt(work)
            finally:
                self._lock.release()
        return done

    def attempt(self, work: Callable[[], int]) -> int:
        """Do some work unless the job is paused; on an outage, pause it and return 0."""
        if self.is_at_rest():
            return 0
        heartbeat.progress()
        try:
            with activity.at(self.kind):
                done = work()
        except (IndexUnavailable, ModelUnavailable) as error:
            text = gettext_noop("%(job)s has to wait. %(error)s")
            heartbeat.tell(self.name, Sentence(text, job=self.name, error=said_by(error)))
        except (PoolBusy, PoolClosed, CancelledError, OSError) as error:
            logger.warning("%s has to wait: %r", self.name, error)
        else:
            heartbeat.tell(self.name, "")
            return done
        self.pause(self.retry_seconds)
        return 0

    def must_wait(self) -> bool:
        """Tell whether a job above this one goes first."""
        goes_first = self.gives_way_to
        if goes_first is None:
            return False
        above = JOBS[: JOBS.index(self)]
        return any(goes_first(job) for job in above if not job.is_brief)

    def is_running(self) -> bool:
        """Tell whether a thread of this process is at work."""
        return self._lock.locked()

    def is_paused(self) -> bool:
        """Tell whether it is too soon to try again."""
        return time.monotonic() < self._not_before

    def is_held(self) -> bool:
        """Tell whether a person paused this kind of work; asked between all its steps."""
        return pauses.is_paused(self.kind)

    def is_at_rest(self) -> bool:
        """Tell whether it may not run now, for either reason."""
        return self.is_paused() or self.is_held()

    def pause(self, seconds: float) -> None:
        """Do not run the job for a while."""
        self._not_before = time.monotonic() + seconds

    def resume(self) -> None:
        self._not_before = 0.0

    def wait_until_idle(self, timeout: float) -> bool:
        """Wait until no thread runs the job; return False after `timeout` seconds."""
        acquired = self._lock.acquire(timeout=timeout)
        if acquired:
            self._lock.release()
        return acquired

    def _is_wanted(self) -> bool:
        if self.is_at_rest():
            return False
        if self.has_work():
            return True
        if self.rest_seconds:
            self.pause(self.rest_seconds)
        return False


# --- what each job does ---------------------------------------------------------------------------


def _has_rows_to_project() -> bool:
    # While this process embeds, rows on their way to the index are in this state too.
    return not EMBED.is_running() and _rows_wait_for_index()


def _rows_wait_for_index() -> bool:
    return Embedding.objects.queued(Embedding.State.EMBEDDED).live().exists()


def _project(until: Until) -> int:
    """Put waiting photos into the index, and let those that wait to be embedded take turns."""
    began = time.monotonic()

    def stop() -> bool:
        seconds = time.monotonic() - began
        return (
            until()
            or (
                seconds > UPLOAD_SECONDS
                and not EMBED.is_at_rest()
                and Embedding.objects.uploads_wait()
            )
            or (seconds > SLICE_SECONDS and EMBED.is_due())
        )

    arrived = sum(
        projection.project_waiting(
            PHOTOS, model, stop=stop, on_progress=partial(activity.count, WorkKind.PROJECT)
        )
        for model in EmbeddingModel.objects.wanted()
    )
    return _announce(arrived)


def _has_rows_to_embed() -> bool:
    return Embedding.objects.queued(Embedding.State.PENDING, Embedding.State.LEASED).due().exists()


def _embed(until: Until) -> int:
    """Embed what is due, and let those that wait for the index take turns."""
    began = time.monotonic()

    def stop() -> bool:
        is_over = time.monotonic() - began > SLICE_SECONDS and not PROJECT.is_at_rest()
        return until() or (is_over and _rows_wait_for_index())

    return _announce(pipeline.index_due(stop, attempt=PROJECT.attempt, compare=_compare_newest))


def _announce(arrived: int) -> int:
    """Wake the jobs that look at new photos if photos became searchable."""
    if arrived:
        label_photos.look_soon()
        for job in (MAPS, PARTS, QUALITY, SUSPECT):
            job.resume()
    return arrived


def _calibrate(until: Until) -> int:
    if any(map(compare_photos.calibrate_unmeasured, looks.active_model())):
        return 1
    CALIBRATE.pause(CALIBRATE.retry_seconds)
    return 0


def _compare_newest() -> int:
    """Compare one batch while a large upload is indexed, which an error must not end."""
    try:
        return COMPARE.take_turn(lambda: looks.compare_due(lambda: True))
    except DatabaseError as error:
        if not database_outages.is_told(error):
            logger.exception("Comparing photos has to wait.")
        return 0


def _suspect(until: Until) -> int:
    if not (done := looks.suspect_due(until)):
        SUSPECT.pause(SUSPECT.rest_seconds)  # Libraries that cannot be measured yet stay due.
    return done


def _read_originals(until: Until) -> int:
    """Read for a moment and rest three times as long, so that the disk stays free for people."""
    began = time.monotonic()
    done = read_originals.read_due(lambda: until() or time.monotonic() - began > READ_SECONDS)
    activity.count(WorkKind.READ, done)
    READ.pause(READ_REST * (time.monotonic() - began))
    return done


# --- the list -------------------------------------------------------------------------------------

WITHDRAW = Job(
    gettext_noop("Removing trashed photos from search"), WorkKind.REMOVE, MAINTENANCE,
    removal.is_withdrawal_due, removal.withdraw, is_brief=True,
)  # fmt: skip
PURGE = Job(
    gettext_noop("Deleting photos"), WorkKind.REMOVE, MAINTENANCE, removal.is_purge_due,
    removal.purge, is_brief=True,
)  # fmt: skip
PROJECT = Job(
    gettext_noop("Putting photos into the index"), WorkKind.PROJECT, INDEX, _has_rows_to_project,
    _project,
)  # fmt: skip
EMBED = Job(
    gettext_noop("Embedding photos"), WorkKind.EMBED, INDEX, _has_rows_to_embed, _embed
)  # fmt: skip
CALIBRATE = Job(
    gettext_noop("Measuring the model"), WorkKind.COMPARE, INDEX, looks.lack_calibration,
    _calibrate, gives_way_to=Job.is_running, retry_seconds=60.0,
)  # fmt: skip
COMPARE = Job(
    gettext_noop("Comparing photos"), WorkKind.COMPARE, MAINTENANCE, looks.lack_comparison,
    looks.compare_due,
    gives_way_to=Job.is_running,
)  # fmt: skip
LABELS = Job(  # before what may take hours, because people wait for these seconds
    gettext_noop("Labelling photos"), WorkKind.LABEL, INDEX, label_photos.is_due, label_photos.run,
    gives_way_to=lambda job: job.is_running() or job.is_due(), retry_seconds=60.0,
)  # fmt: skip
MAPS = Job(
    gettext_noop("Drawing maps"), WorkKind.MAPS, MAINTENANCE, looks.lack_maps, looks.draw_due_maps,
    gives_way_to=lambda job: job.is_running() or job.is_due(), retry_seconds=60.0,
    rest_seconds=60.0,  # `has_work` counts the photos of everybody.
)  # fmt: skip
PARTS = Job(
    gettext_noop("Embedding parts of photos"), WorkKind.PARTS, INDEX, looks.lack_parts,
    looks.embed_due_parts,
    gives_way_to=lambda job: job.is_running() or job.is_due(), retry_seconds=60.0,
    rest_seconds=60.0,  # `has_work` walks over photos whose disk is off.
)  # fmt: skip

QUALITY = Job(
    gettext_noop("Measuring sharpness"), WorkKind.QUALITY, INDEX, measure_quality.is_due,
    measure_quality.work,
    gives_way_to=lambda job: job.is_running() or job.is_due(), retry_seconds=60.0,
    rest_seconds=60.0,  # `has_work` walks over photos whose disk is off.
)  # fmt: skip
SUSPECT = Job(
    gettext_noop("Looking for sensitive pictures"), WorkKind.SENSITIVE, INDEX,
    looks.lack_suspicion, _suspect,
    gives_way_to=lambda job: job.is_running() or job.is_due(), retry_seconds=60.0,
    rest_seconds=60.0,  # `has_work` counts all photos.
)  # fmt: skip

READ = Job(
    gettext_noop("Reading originals"), WorkKind.READ, MAINTENANCE, read_originals.is_due,
    _read_originals,
    gives_way_to=lambda job: job.is_running() or job.is_due(), rest_seconds=60.0,
)  # fmt: skip

JOBS = (
    WITHDRAW, PURGE, PROJECT, EMBED, CALIBRATE, COMPARE,
    LABELS, MAPS, PARTS, QUALITY, SUSPECT, READ,
)  # fmt: skip


def run(queue: str) -> None:
    """Run the jobs of a queue once, from the top, and ring again if more work is due.

    While the model is being chosen and loaded, jobs that need it are skipped.
    """
    if queue == INDEX and model_choice.is_settling():
        return
    ends_at = time.monotonic() + SLICE_SECONDS

    def is_slice_over() -> bool:
        return time.monotonic() > ends_at

    done = 0
    for job in JOBS:
        if job.queue == queue:
            done += job.run(is_slice_over if job.gives_way_to else never)
    # Without progress this would loop; the next round rings in two seconds.
    if done and is_work_due():
        doorbell.ring()


def is_work_due() -> bool:
    """Cheap check for due work that no task announced.

    Commands in other processes create such work, and some becomes due as time passes.
    """
    return any(job.is_due() and not job.must_wait() for job in JOBS)


def cut_waits() -> None:
    """End waits that are longer than any pause or lease, as when the clock was put back.

    A leased row keeps its lease, which its worker may need.
    """
    now = timezone.now()
    waiting = Embedding.objects.queued(Embedding.State.PENDING)
    waiting.filter(not_before__gt=now + pipeline.LONGEST_WAIT).update(not_before=None)
    leased = Embedding.objects.queued(Embedding.State.LEASED)
    leased.filter(lease_until__gt=now + LEASE).update(lease_until=now + LEASE)


# --- stopping -------------------------------------------------------------------------------------


def request_stop() -> None:
    """Make all jobs of this process end after their current step."""
    _stopping.set()


def allow() -> None:
    """Let jobs run again after `request_stop`, and end all pauses."""
    _stopping.clear()
    for job in JOBS:
        job.resume()
