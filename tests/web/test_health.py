"""What monitors are told: the truth, and within two seconds."""

from __future__ import annotations

import threading
import time

import pytest
from django.test import Client

from gallery import health
from gallery.models import EmbeddingModel
from search.vectors import embedders, index
from tests.embedders import ColourEmbedder
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

CHECKS = dict(health.CHECKS)
HANGS = 60
"""Seconds that something takes which should keep nobody waiting."""


def test_monitors_have_not_given_up_when_all_checks_hang():
    assert sum(check.seconds for check in CHECKS.values()) < 2


def readiness() -> tuple[int, dict]:
    began = time.monotonic()
    answer = Client().get("/readyz")
    assert time.monotonic() - began < HANGS / 2
    return answer.status_code, answer.json()["checks"]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    """No model in memory, and no check that an earlier test left hanging.

    What answers may take its time, because the machine may be busy; the model hangs in some tests.
    """
    checks = {
        name: health.Check(check.passes, check.seconds if name == "model" else HANGS)
        for name, check in health.CHECKS.items()
    }
    monkeypatch.setattr(health, "CHECKS", checks)
    embedders.unload_all()
    yield
    embedders.unload_all()


def test_without_a_model_photos_can_be_uploaded_but_not_searched():
    assert readiness() == (
        200,
        {"database": True, "storage": True, "originals": True, "model": False},
    )


def test_the_model_is_ready_once_its_text_tower_is_in_memory(model, monkeypatch):
    loading, honest = threading.Event(), embedders._load

    def load(key, tower):
        loading.wait(HANGS)
        return honest(key, tower)

    monkeypatch.setattr(embedders, "_load", load)
    assert not readiness()[1]["model"]
    loading.set()
    wait_until(model_is_ready)  # Its first answer may take a while.


def model_is_ready() -> bool:
    return readiness()[1]["model"]


def loaded(model: EmbeddingModel) -> None:
    embedders.text_embedder(model.key)


def test_a_model_that_cannot_be_loaded_is_not_ready(model, settings):
    settings.EMBEDDER_FACTORY = "tests.web.test_health.unavailable"
    for _ in range(2):
        assert readiness()[1]["model"] is False


def unavailable(key, **options):
    raise embedders.ModelUnavailable("no weights")


@pytest.mark.parametrize(
    "error", [index.IndexUnavailable("away"), index.IndexLocked(""), OSError()]
)
def test_an_index_that_does_not_answer_is_not_ready(model, monkeypatch, error):
    def query(*args, **more):
        raise error

    loaded(model)
    wait_until(model_is_ready)
    monkeypatch.setattr(type(index.open_index(model.key, model.dim)), "query", query)
    assert not readiness()[1]["model"]


@pytest.mark.slow
@pytest.mark.parametrize("name", list(health.CHECKS))
def test_what_hangs_keeps_nobody_waiting(model, monkeypatch, name):
    loaded(model)
    released = threading.Event()
    hanging = health.Check(lambda: released.wait(HANGS), 0.5)
    monkeypatch.setitem(health.CHECKS, name, hanging)
    threads = threading.active_count()
    for _ in range(3):
        status, checks = readiness()
        assert not checks[name]
        assert status == (200 if name == "model" else 503)
    assert threading.active_count() <= threads + 1, "only one thread hangs"
    released.set()


@pytest.mark.slow
def test_what_hangs_keeps_nobody_waiting_however_many_ask(monkeypatch):
    """Requests for /readyz wait for two threads."""
    released = threading.Event()
    hanging = {name: health.Check(lambda: released.wait(HANGS), 0.5) for name in health.CHECKS}
    monkeypatch.setattr(health, "CHECKS", hanging)
    began = time.monotonic()
    for _ in range(200):
        assert not any(check.passes_in_time() for check in hanging.values())
    assert time.monotonic() - began < HANGS / 2
    released.set()


@pytest.mark.slow
def test_what_hung_is_told_soon_when_it_no_longer_does():
    released = threading.Event()
    check = health.Check(lambda: released.wait(HANGS), 0.2)
    assert not check.passes_in_time()
    released.set()
    wait_until(check.passes_in_time)


@pytest.mark.slow
def test_a_model_whose_vectors_take_long_is_not_ready(model, monkeypatch):
    loaded(model)
    monkeypatch.setattr(ColourEmbedder, "embed_texts", lambda *args: time.sleep(1.5))
    assert not readiness()[1]["model"]


def test_a_full_disk_is_told(model, settings):
    settings.MIN_FREE_BYTES = 1 << 60
    status, checks = readiness()
    assert (status, checks["storage"]) == (503, False)
