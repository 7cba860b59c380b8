"""Who runs what, when: the jobs of the workers, the most urgent first.

A message only wakes a worker. What is to be done is asked of the rows, job by job from the top of
`JOBS`. One thread of a process does a job at a time. After an outage a job is paused for a while,
and a job that can wait gives way to those above it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field

from django.db import DatabaseError

from gallery.decoding import PoolBusy, PoolClosed
from gallery.models import Embedding, EmbeddingModel
from gallery.models.embeddings import EmbeddingQuerySet
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.index import IndexUnavailable
from workers import (
    calibration,
    compare_photos,
    doorbell,
    embed_parts,
    heartbeat,
    model_choice,
    pipeline,
)
from workers.index_sync import projection, removal
from workers.index_sync.sources import PHOTOS

logger = logging.getLogger(__name__)

INDEX, MAINTENANCE = "index", "maintenance"
"""The two queues. Workers of the first have the model, and a GPU where there is one."""

SLICE_SECONDS = 10.0
"""How long a job that can wait keeps other messages waiting before the doorbell rings again."""

Until = Callable[[], bool]
"""Asked after each step of a job; the job ends when the answer is True."""

_stopping = threading.Event()


def never() -> bool:
    """Let a job go on until it is done."""
    return False


@dataclass(eq=False)
class Job:
    """One kind of work: by one thread of this process at a time, and not while it is paused.

    `has_work` is cheap enough to be asked every two seconds. `work` returns how much it did. After
    an outage the job pauses for `retry_seconds`, and after finding no work for `rest_seconds`.
    `gives_way_to` tells which jobs above this one go first; a job that has it runs in slices.
    """

    name: str
    queue: str
    has_work: Callable[[], bool]
    work: Callable[[Until], int]
    gives_way_to: Callable[[Job], bool] | None = None
    retry_seconds: float = 10.0
    rest_seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _again: threading.Event = field(default_factory=threading.Event)
    _not_before: float = 0.0

    def is_due(self) -> bool:
        """Tell whether there is work that no thread of this process is doing."""
        return not self.is_running() and self._is_wanted()

    def run(self, until: Until = never) -> int:
        """Work until nothing is left, or until `until` or a more urgent job ends it."""

        def stop() -> bool:
            return is_stopping() or until() or self.must_wait()

        def may_begin() -> bool:
            return not stop() and self._is_wanted()

        return self.take_turn(lambda: self.work(stop), when=may_begin)

    def take_turn(self, work: Callable[[], int], when: Callable[[], bool] = lambda: True) -> int:
        """Do some work of this job in its turn; return how much was done.

        A call while another thread works has that thread look once more, and returns 0.
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
        """Do some work of this job unless it is paused; return 0 and pause it after an outage."""
        if self.is_paused():
            return 0
        try:
            done = work()
        except (IndexUnavailable, ModelUnavailable) as error:
            heartbeat.tell(self.name, f"{self.name.capitalize()} has to wait. {error}")
        except (PoolBusy, PoolClosed, CancelledError, OSError) as error:
            logger.warning("%s has to wait: %r", self.name.capitalize(), error)
        else:
            heartbeat.tell(self.name, "")
            return done
        self.pause(self.retry_seconds)
        return 0

    def must_wait(self) -> bool:
        """Tell whether a job above goes first."""
        goes_first = self.gives_way_to
        return goes_first is not None and any(map(goes_first, JOBS[: JOBS.index(self)]))

    def is_running(self) -> bool:
        """Tell whether a thread of this process works on it."""
        return self._lock.locked()

    def is_paused(self) -> bool:
        """Tell whether it is too soon to try again."""
        return time.monotonic() < self._not_before

    def pause(self, seconds: float) -> None:
        """Leave the job alone for a while."""
        self._not_before = time.monotonic() + seconds

    def resume(self) -> None:
        """End a pause."""
        self._not_before = 0.0

    def wait_until_idle(self, timeout: float) -> bool:
        """Wait until no thread works on it; return False after `timeout` seconds."""
        acquired = self._lock.acquire(timeout=timeout)
        if acquired:
            self._lock.release()
        return acquired

    def _is_wanted(self) -> bool:
        if self.is_paused():
            return False
        if self.has_work():
            return True
        self.pause(self.rest_seconds)
        return False


# --- what each job does ---------------------------------------------------------------------------


def _has_rows_to_project() -> bool:
    # While photos are indexed here, those on the way to the index are in this state too.
    return not EMBED.is_running() and _rows(Embedding.State.EMBEDDED).live().exists()


def _project(until: Until) -> int:
    models = EmbeddingModel.objects.wanted()
    arrived = sum(projection.project_waiting(PHOTOS, model, stop=until) for model in models)
    return _announce(arrived)


def _has_rows_to_embed() -> bool:
    return _rows(Embedding.State.PENDING, Embedding.State.LEASED).due().exists()


def _embed(until: Until) -> int:
    return _announce(pipeline.index_due(until, project=_project_batch, compare=_compare_newest))


def _project_batch(model: EmbeddingModel, rows: Sequence[Embedding]) -> int:
    return PROJECT.attempt(lambda: projection.project(PHOTOS, model, rows))


def _announce(arrived: int) -> int:
    """Have parts looked for at once, since photos became searchable."""
    if arrived:
        PARTS.resume()
    return arrived


def _has_photos_to_compare() -> bool:
    model = EmbeddingModel.objects.active()
    return model is not None and Embedding.objects.to_compare(model).exists()


def _compare(until: Until) -> int:
    model = EmbeddingModel.objects.active()
    return compare_photos.compare_due(model, stop=until) if model else 0


def _compare_newest() -> int:
    """Compare one batch between two that are indexed. A fault must not end the indexing."""
    try:
        return COMPARE.take_turn(lambda: _compare(lambda: True))
    except DatabaseError:
        logger.exception("Comparing photos will go on later.")
        return 0


def _is_model_unmeasured() -> bool:
    model = EmbeddingModel.objects.active()
    return model is not None and calibration.is_wanted(model)


def _calibrate(until: Until) -> int:
    model = EmbeddingModel.objects.active()
    if model is not None and calibration.calibrate_unmeasured(model):
        return 1
    CALIBRATE.pause(CALIBRATE.retry_seconds)
    return 0


def _has_photos_without_parts() -> bool:
    model = EmbeddingModel.objects.active()
    return model is not None and embed_parts.is_wanted(model)


def _embed_parts(until: Until) -> int:
    model = EmbeddingModel.objects.active()
    return embed_parts.make_due(model, stop=until) if model else 0


def _rows(*states: Embedding.State) -> EmbeddingQuerySet:
    """Return the rows of wanted models in some states, found by the queue's index alone.

    SQLite would walk over the whole table or over all photos: nearly all rows have one state, so
    by its statistics an index on the state is of no use, 173 ms instead of 0.4 ms at 50,000 photos.
    """
    wanted = EmbeddingModel.objects.wanted()
    keys = Embedding.objects.filter(model__in=wanted, state__in=states).values("pk")
    return Embedding.objects.filter(pk__in=keys)


def _is_at_work(job: Job) -> bool:
    return job.is_running()


def _is_at_work_or_due(job: Job) -> bool:
    return job.is_running() or job.is_due()


# --- the list -------------------------------------------------------------------------------------

WITHDRAW = Job(
    "withdrawing trashed photos", MAINTENANCE, removal.is_withdrawal_due,
    lambda until: removal.withdraw(),
)  # fmt: skip
PURGE = Job("deleting photos", MAINTENANCE, removal.is_purge_due, lambda until: removal.purge())
PROJECT = Job("putting photos into the index", INDEX, _has_rows_to_project, _project)
EMBED = Job("embedding photos", INDEX, _has_rows_to_embed, _embed)
CALIBRATE = Job(
    "measuring the model", INDEX, _is_model_unmeasured, _calibrate,
    gives_way_to=_is_at_work,
    retry_seconds=60.0,
)  # fmt: skip
COMPARE = Job(
    "comparing photos", MAINTENANCE, _has_photos_to_compare, _compare, gives_way_to=_is_at_work
)
PARTS = Job(
    "embedding parts of photos", INDEX, _has_photos_without_parts, _embed_parts,
    gives_way_to=_is_at_work_or_due,
    retry_seconds=60.0,
    rest_seconds=60.0,  # The question walks over all photos.
)  # fmt: skip

JOBS = (WITHDRAW, PURGE, PROJECT, EMBED, CALIBRATE, COMPARE, PARTS)


def run(queue: str) -> None:
    """Run the jobs of a queue once, from the top; ring when there is more to do afterwards.

    While the model is being chosen and loaded, the jobs that need it are left for later.
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
    # Without progress it is left to the next round, which comes soon enough.
    if done and is_work_due():
        doorbell.ring()


def is_work_due() -> bool:
    """Cheap check for due work that no message announced.

    Other processes write such rows, and some become due as time passes.
    """
    return any(job.is_due() and not job.must_wait() for job in JOBS)


# --- stopping -------------------------------------------------------------------------------------


def request_stop() -> None:
    """Make the jobs of this process end after their current step."""
    _stopping.set()


def allow() -> None:
    """Let jobs run again after `request_stop`, and end all pauses."""
    _stopping.clear()
    for job in JOBS:
        job.resume()


def is_stopping() -> bool:
    """Tell whether this process is about to stop."""
    return _stopping.is_set()
