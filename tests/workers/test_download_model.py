"""Downloads that an administrator asks for, from a hub on this machine."""

from __future__ import annotations

import json
import threading

import pytest
from huggingface_hub import constants

from gallery.sentences import Sentence
from search.vectors.embedders import catalog, downloads, folders
from tests import fake_hub
from tests.fake_hub import WEIGHTS
from tests.weight_files import SIGLIP

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(monkeypatch):
    """The recommended model, whose weights are a few thousand bytes here."""
    tiny = catalog.RecommendedModel(**{**SIGLIP.__dict__, "signature": (("a", (50, 90)),)})
    monkeypatch.setattr(catalog, "MODELS", (tiny, *catalog.MODELS[1:]))
    return tiny


@pytest.fixture
def hub(model, monkeypatch, tmp_path, settings):
    settings.EMBEDDING_MODEL = "auto"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with fake_hub.serving(model, tmp_path / "hub") as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        yield server


def never() -> bool:
    return False


def left_over() -> set[str]:
    return {path.name for path in folders.own().iterdir()} - {".download-lock"}


def test_a_model_is_downloaded_checked_and_chosen(hub, model):
    assert not downloads.run_if_asked(never), "nobody asked for one"
    assert hub.asked == []
    downloads.ask_for(model.key)
    assert downloads.current() == downloads.Download(model)
    assert downloads.run_if_asked(never)
    assert folders.chosen() == model.key
    assert downloads.place_of(model) == folders.own() / model.architecture
    assert downloads.current() is None
    assert left_over() == {model.architecture, "choice.json"}


def test_a_download_that_breaks_off_goes_on_by_itself_while_more_arrives(hub, model):
    hub.breaks_at = 3000
    downloads.ask_for(model.key)
    assert not downloads.run_if_asked(never)
    stopped = downloads.current()
    assert isinstance(stopped.problem, Sentence)
    assert "could not be fetched completely" in stopped.problem
    assert 0 < stopped.received < stopped.total
    hub.asked.clear()
    assert not downloads.run_if_asked(never), "it waits for a person"
    assert hub.asked == []
    hub.breaks_at = None
    downloads.ask_for(model.key)
    assert downloads.run_if_asked(never)
    assert ("/store/" + WEIGHTS, "bytes=3000-") in hub.asked
    assert folders.chosen() == model.key


def test_a_cancelled_download_leaves_nothing(hub, model):
    hub.rests = 0.05
    downloads.ask_for(model.key)
    worker = threading.Thread(target=downloads.run_if_asked, args=(never,))
    worker.start()
    downloads.cancel()
    worker.join(30)
    assert not worker.is_alive()
    downloads.cancel()
    assert folders.chosen() == ""
    assert downloads.current() is None
    assert left_over() == set()


def test_a_process_that_ends_leaves_the_download_to_the_next(hub, model):
    downloads.ask_for(model.key)
    assert not downloads.run_if_asked(lambda: True)
    assert downloads.current().problem == ""
    assert downloads.run_if_asked(never)


def test_one_process_downloads_at_a_time(hub, model):
    downloads.ask_for(model.key)
    with downloads._only_one() as is_alone:
        assert is_alone
        assert not downloads.run_if_asked(never)
    assert hub.asked == []


def test_weights_that_are_not_what_the_hub_published_are_refused(hub, model):
    hub.sent = {WEIGHTS: b"x" * len(hub.files[WEIGHTS])}
    downloads.ask_for(model.key)
    assert not downloads.run_if_asked(never)
    assert "arrived damaged" in downloads.current().problem
    assert downloads.place_of(model) is None


def test_what_is_here_is_used_without_a_hub(hub, model, monkeypatch):
    downloads.ask_for(model.key)
    downloads.run_if_asked(never)
    folders.choose_automatically()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    downloads.ask_for(model.key)
    assert folders.chosen() == model.key
    assert downloads.current() is None


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"model": "none"}), ""])
def test_a_damaged_file_asks_for_nothing(hub, model, text):
    folders.own().mkdir(parents=True)
    (folders.own() / "download.json").write_text(text)
    assert downloads.current() is None
    assert not downloads.run_if_asked(never)
