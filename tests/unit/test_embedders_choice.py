"""Which model EMBEDDING_MODEL means, with caches, folders and hubs as people have them."""

from __future__ import annotations

import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

from search.vectors.embedders import catalog, folders, weights
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.catalog import MODELS, RECOMMENDED_KEY, STARTER_KEY, choose
from tests.server.processes import free_port
from tests.weight_files import header_only

RECOMMENDED = MODELS[0]
LIGHT = MODELS[1]


class Hub(BaseHTTPRequestHandler):
    """A hub that knows one thing: whether to answer."""

    def do_HEAD(self):
        self.server.asked.append(self.path)
        time.sleep(self.server.delay_s)
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", self.server.elsewhere)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    found = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    found.daemon_threads = True
    found.asked, found.delay_s, found.status, found.elsewhere = [], 0.0, 200, ""
    threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture(autouse=True)
def _own_cache_and_no_hub(monkeypatch, tmp_path: Path):
    """An empty cache, and a hub address at which nobody listens."""
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def reachable(server, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    return server


def download(cache: Path, repo: str, *names: str) -> None:
    """Lay files out as the hub's cache does."""
    folder = cache / f"models--{repo.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text("c0ffee")
    for name in names:
        file = folder / "snapshots" / "c0ffee" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def test_a_model_that_is_named_is_taken_without_asking_anybody(reachable):
    assert choose("ViT-L-14/openai").key == "ViT-L-14/openai"
    starter = choose("starter")
    assert starter.key == STARTER_KEY
    assert RECOMMENDED_KEY in starter.hint
    assert reachable.asked == []


def test_auto_takes_the_recommended_model_when_it_is_downloaded(tmp_path: Path, reachable):
    download(tmp_path / "hub", RECOMMENDED.repo, "open_clip_model.safetensors", "tokenizer.json")
    choice = choose("auto")
    assert choice.key == RECOMMENDED_KEY
    assert "here" in choice.why
    assert reachable.asked == []


def test_auto_takes_the_recommended_model_when_the_hub_answers(reachable):
    choice = choose("")
    assert choice.key == RECOMMENDED_KEY
    assert "1500 MB" in choice.why
    assert len(reachable.asked) == 1


def test_half_a_download_is_none(tmp_path: Path):
    download(tmp_path / "hub", RECOMMENDED.repo, "open_clip_model.safetensors")
    assert choose("auto").key == STARTER_KEY


def test_auto_falls_back_to_the_starter_and_says_what_to_do():
    choice = choose("auto")
    assert choice.key == STARTER_KEY
    assert "127.0.0.1 returned ConnectError" in choice.why
    assert "settings page" in choice.hint


def test_a_hub_that_says_nothing_costs_seconds_only(reachable, monkeypatch):
    reachable.delay_s = 60
    monkeypatch.setattr(weights, "ANSWER_WITHIN_S", 0.5)
    started = time.monotonic()
    reach = weights.reach_hub("some/repo", within_s=0.5)
    assert time.monotonic() - started < 30
    assert not reach.ok
    assert reach.why == "no answer within 0.5 s"
    assert weights.ANSWER_WITHIN_S + 1 < 10


@pytest.mark.parametrize(("status", "ok"), [(200, True), (404, True), (403, False), (502, False)])
def test_an_answer_counts_unless_something_stands_in_the_way(reachable, status, ok):
    reachable.status = status
    assert weights.reach_hub("some/repo").ok is ok


def test_a_store_of_large_files_that_is_blocked_counts_as_no_hub(reachable):
    reachable.status = 302
    reachable.elsewhere = "http://127.0.0.1:1/file"
    assert not weights.reach_hub("some/repo").ok


def test_offline_mode_is_believed(reachable, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert choose("auto").key == STARTER_KEY
    assert reachable.asked == []


def test_a_folder_with_a_recommended_models_weights_decides(tmp_path: Path, reachable):
    header_only(tmp_path / "weights" / "open_clip_model.safetensors", dict(LIGHT.signature))
    choice = choose("auto", weights=str(tmp_path / "weights"))
    assert choice.key == LIGHT.key
    assert reachable.asked == []


def test_several_models_lie_in_folders_named_after_them(tmp_path: Path):
    for model in (LIGHT, RECOMMENDED):
        name = model.key.partition("/")[0]
        header_only(tmp_path / name / "open_clip_model.safetensors", dict(model.signature))
    assert choose("auto", weights=str(tmp_path)).key == RECOMMENDED_KEY


@pytest.mark.parametrize("content", [b"", b"not weights", struct.pack("<Q", 2**62) + b"{}"])
def test_a_file_that_is_no_recommended_model_leaves_the_starter(tmp_path: Path, content):
    file = tmp_path / "open_clip_model.safetensors"
    file.write_bytes(content)
    choice = choose("auto", weights=str(file))
    assert choice.key == STARTER_KEY
    assert "EMBEDDING_MODEL" in choice.hint


def test_a_folder_that_is_not_there_leaves_the_starter(tmp_path: Path):
    assert choose("auto", weights=str(tmp_path / "none")).key == STARTER_KEY


def test_the_model_of_the_settings_page_comes_before_all_else(tmp_path: Path, reachable):
    header_only(tmp_path / "open_clip_model.safetensors", dict(RECOMMENDED.signature))
    choice = choose("auto", weights=str(tmp_path), chosen=LIGHT.key)
    assert (choice.key, choice.firm) == (LIGHT.key, True)
    assert choice.why == "CLIP B/32 DataComp was chosen on the settings page."
    assert reachable.asked == []
    assert choose("starter", chosen=LIGHT.key).key == STARTER_KEY


def own_folder(tmp_path: Path, model) -> Path:
    header_only(
        tmp_path / model.architecture / "open_clip_model.safetensors", dict(model.signature)
    )
    return tmp_path


def test_weights_in_scrys_own_folder_are_used_where_the_hub_is_away(tmp_path: Path):
    choice = choose("auto", own_folder=own_folder(tmp_path, LIGHT))
    assert choice.key == LIGHT.key
    assert "own folder" in choice.why
    assert "127.0.0.1 returned ConnectError" in choice.why


def test_a_hub_that_answers_comes_before_another_model_in_scrys_own_folder(tmp_path, reachable):
    assert choose("auto", own_folder=own_folder(tmp_path, LIGHT)).key == RECOMMENDED_KEY
    assert len(reachable.asked) == 1


def test_the_recommended_model_in_scrys_own_folder_needs_no_hub(tmp_path: Path, reachable):
    choice = choose("auto", own_folder=own_folder(tmp_path, RECOMMENDED))
    assert choice.key == RECOMMENDED_KEY
    assert reachable.asked == []


@pytest.mark.parametrize("name", [LIGHT.key, "vit-b-32-256", " CLIP b/32 datacomp "])
def test_a_recommended_model_has_several_names(name):
    assert catalog.named(name) is LIGHT


def test_other_names_mean_no_recommended_model():
    assert catalog.named("clip") is None


def test_weights_are_looked_for_where_they_are(tmp_path: Path, settings):
    settings.EMBEDDING_MODEL = "auto"
    assert folders.weights_of(LIGHT.key) is None  # The hub.
    header_only(tmp_path / "a" / "w.safetensors", dict(LIGHT.signature))
    own_folder(folders.own(), LIGHT)
    assert folders.weights_of(LIGHT.key) == folders.own() / LIGHT.architecture
    settings.EMBEDDING_WEIGHTS = str(tmp_path / "a")
    assert folders.weights_of(LIGHT.key) == tmp_path / "a"
    assert folders.weights_of(RECOMMENDED.key) == tmp_path / "a"  # Where its absence is told.
    folders.choose(LIGHT, tmp_path / "b")
    assert folders.weights_of(LIGHT.key) == tmp_path / "b"  # Not there: that is told, too.
    settings.EMBEDDING_MODEL = LIGHT.key
    assert folders.weights_of(LIGHT.key) == tmp_path / "a"


def test_what_is_missing_is_asked_for_only_where_it_can_be_had(reachable):
    calls = []

    def action():
        calls.append(constants.HF_HUB_OFFLINE)
        if constants.HF_HUB_OFFLINE:
            raise FileNotFoundError("not in the cache")
        return "fetched"

    assert weights.offline_first("a/model", "some/repo", action) == "fetched"
    assert calls == [True, False]


def test_what_is_missing_without_a_hub_is_one_sentence():
    def action():
        raise FileNotFoundError("not in the cache")

    with pytest.raises(ModelUnavailable, match="a/model is not complete on this machine"):
        weights.offline_first("a/model", "some/repo", action)


def test_the_table_of_models_is_consistent():
    keys = [model.key for model in MODELS]
    assert len(set(keys)) == len(keys)
    assert RECOMMENDED.key == RECOMMENDED_KEY
    assert RECOMMENDED.licence == "Apache-2.0"
    assert all(model.repo and model.signature for model in MODELS if model.key != STARTER_KEY)
