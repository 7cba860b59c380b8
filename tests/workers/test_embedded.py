"""The workers in the web server's process: started, rung, and stopped."""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from concurrent.futures import Future

import pytest

from gallery import files
from gallery.models import Embedding, EmbeddingModel, Photo, WorkerStatus
from gallery.signals import photos_changed
from tests.embedders import ColourEmbedder
from tests.workers.conftest import add_photo, delete_for_ever, row_of
from workers import processes, watch
from workers.jobs import JOBS, Job
from workers.processes import EmbeddedWorkers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def frozen(monkeypatch):
    """Tests leave garbage that must be found; note only how often it was to be passed over."""
    calls: list[None] = []
    monkeypatch.setattr(gc, "freeze", lambda: calls.append(None))
    return calls


@pytest.fixture
def workers():
    started = EmbeddedWorkers()
    before = time.monotonic()
    started.start()
    assert time.monotonic() - before < 20
    yield started
    started.stop(60)


def eventually(condition, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_an_upload_is_searchable_soon_after_the_bell(ada, workers):
    assert eventually(lambda: EmbeddingModel.objects.active() is not None)
    first = add_photo(ada)
    photos_changed.send(sender=Photo)
    assert eventually(lambda: row_of(first).state == "indexed")
    second = add_photo(ada)
    rung = time.monotonic()
    photos_changed.send(sender=Photo)
    assert eventually(lambda: row_of(second).state == "indexed")
    assert time.monotonic() - rung < 3
    told = WorkerStatus.objects.filter(
        queues="index,maintenance", model_key="colours", device=ColourEmbedder.device
    )
    assert eventually(told.exists)


def test_what_the_libraries_brought_is_not_searched_for_garbage_again(workers, frozen):
    assert eventually(lambda: len(frozen) == 1)


def test_rows_that_nobody_rang_for_are_found(ada, workers):
    assert eventually(lambda: EmbeddingModel.objects.active() is not None)
    photo = add_photo(ada)
    assert eventually(lambda: row_of(photo).state == "indexed")
    delete_for_ever(photo)
    assert eventually(lambda: not Photo.objects.filter(pk=photo.pk).exists())
    assert not files.original(photo).exists()


def test_leases_of_a_process_that_died_are_taken_over_at_once(ada, model):
    photo = add_photo(ada)
    Embedding.objects.claim(model, 1)
    workers = EmbeddedWorkers()
    workers.start()
    try:
        assert eventually(lambda: row_of(photo).state == "indexed")
    finally:
        workers.stop(60)


def test_a_stop_is_over_in_time_however_many_jobs_hang(ada, model, monkeypatch):
    monkeypatch.setattr(Job, "wait_until_idle", lambda job, timeout: time.sleep(timeout))
    workers = EmbeddedWorkers()
    workers.start()
    began = time.monotonic()
    workers.stop(3)
    assert time.monotonic() - began < 3 * len(JOBS) / 2
    assert eventually(lambda: all(thread.name != "workers" for thread in threading.enumerate()))


def test_a_stop_is_heard_while_the_worker_is_still_starting(ada, model, monkeypatch):
    honest = processes.WorkController.start

    def slow(controller):
        time.sleep(0.5)
        honest(controller)

    monkeypatch.setattr(processes.WorkController, "start", slow)
    workers = EmbeddedWorkers()
    workers.start()
    workers.stop(0)
    workers._rounds.stop(60)  # or it chooses the model of the next test
    assert eventually(lambda: all(thread.name != "workers" for thread in threading.enumerate()))


def test_a_worker_that_is_given_up_takes_no_more_work(ada, workers):
    given_up = workers._thread
    assert eventually(lambda: workers._controller.consumer.connection)
    workers._start_again()
    assert eventually(lambda: not given_up.is_alive())
    assert workers._thread.is_alive()


def test_a_stop_finishes_the_batch_and_burns_no_attempt(ada, model, monkeypatch, settings):
    settings.EMBEDDING_BATCH = 2
    inside, honest = threading.Event(), ColourEmbedder.embed_images

    def slow(self, images):
        if len(images) == settings.EMBEDDING_BATCH:  # not the self-test, which has more pictures
            inside.set()
            time.sleep(0.3)
        return honest(self, images)

    monkeypatch.setattr(ColourEmbedder, "embed_images", slow)
    for _ in range(8):
        add_photo(ada)
    before = set(threading.enumerate())  # A thread that a watch gave up ends in its own time.
    workers = EmbeddedWorkers()
    workers.start()
    assert inside.wait(60)
    workers.stop(60)
    states = dict.fromkeys(Embedding.objects.values_list("state", "attempts"))
    assert set(states) == {("indexed", 0), ("pending", 0)}
    assert not WorkerStatus.objects.exists()
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if thread.name in {"rounds", "workers"}]


def raise_in(thread: threading.Thread) -> None:
    """End a thread as a fault of a library would."""
    number = ctypes.c_ulong(thread.ident)
    assert ctypes.pythonapi.PyThreadState_SetAsyncExc(number, ctypes.py_object(SystemExit)) == 1


def stop_controller(workers) -> None:
    workers._controller.stop()


def kill_thread(workers) -> None:
    raise_in(workers._thread)


@pytest.mark.parametrize("end", [kill_thread, stop_controller])
def test_threads_that_end_are_started_again(ada, model, workers, end):
    assert eventually(lambda: WorkerStatus.objects.exists())
    thread, controller = workers._thread, workers._controller
    end(workers)
    thread.join(15)
    assert not thread.is_alive()
    assert eventually(lambda: workers._controller is not controller)
    photo = add_photo(ada)
    assert eventually(lambda: row_of(photo).state == "indexed")
    told = "The worker has ended and was started again."
    assert eventually(lambda: told in WorkerStatus.objects.get().detail)


def test_threads_that_no_longer_answer_are_replaced(ada, model, workers, monkeypatch):
    assert eventually(lambda: WorkerStatus.objects.exists())
    for name, seconds in {"ASK": 0.5, "PROOF": 2.0, "GONE": 3.0}.items():
        monkeypatch.setattr(watch, f"{name}_SECONDS", seconds)
    controller = workers._controller
    # What is behind the consumer takes messages no more.
    controller.pool.executor.submit = lambda *args, **kwargs: Future()
    assert eventually(lambda: workers._controller is not controller, 20)
    photo = add_photo(ada)
    assert eventually(lambda: row_of(photo).state == "indexed")


def test_workers_can_be_started_again(ada, model):
    for _ in range(2):
        workers = EmbeddedWorkers()
        workers.start()
        photo = add_photo(ada)
        try:
            assert eventually(lambda photo=photo: row_of(photo).state == "indexed")
        finally:
            workers.stop(60)
