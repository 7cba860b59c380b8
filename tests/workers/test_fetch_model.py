"""The command fetch_model against a hub on this machine that answers as the real one does."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from huggingface_hub import constants

from search.vectors.embedders import catalog, fetch as fetching, manifests
from search.vectors.embedders.base import ModelUnavailable
from tests import fake_hub
from tests.fake_hub import COMMIT, SMALL, WEIGHTS, Hub
from tests.server.processes import free_port
from tests.weight_files import CLIP, SIGLIP, header_only

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def model(monkeypatch):
    """The recommended model, whose weights are a few thousand bytes here."""
    tiny = catalog.RecommendedModel(**{**SIGLIP.__dict__, "signature": (("a", (50, 90)),)})
    monkeypatch.setattr(catalog, "MODELS", (tiny, *catalog.MODELS[1:]))
    return tiny


@pytest.fixture
def hub(model, monkeypatch, tmp_path):
    with fake_hub.serving(model, tmp_path / "hub") as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        yield server


def fetch(to: Path, name: str = "SigLIP 2 B/32", **options: object) -> str:
    out = io.StringIO()
    call_command("fetch_model", name, to=to, stdout=out, verbosity=0, **options)
    return out.getvalue()


def wanted(hub) -> dict[str, bytes]:
    return {name: hub.files[name] for name in (*SMALL, WEIGHTS, "tokenizer.json")}


def on_disk(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    found.pop("SHA256SUMS", None)
    return found


def asked_for(hub, name: str) -> list[str]:
    """Return the ranges in which the content of a large file was asked for."""
    return [wanted for path, wanted in hub.asked if path == f"/store/{name}"]


def test_all_files_come_into_the_folder_that_scry_reads(hub, model, tmp_path):
    said = fetch(tmp_path / "models")
    folder = tmp_path / "models" / "ViT-B-32-SigLIP2-256"
    assert on_disk(folder) == wanted(hub)
    assert catalog.choose("auto", weights=str(tmp_path / "models")).key == model.key
    assert str(folder) in said
    assert "EMBEDDING_WEIGHTS" in said
    assert "settings page" in said


def test_nothing_else_is_asked_for(hub, tmp_path):
    fetch(tmp_path)
    listed, *files = [path for path, _ in hub.asked]
    assert listed == f"/api/models/{hub.repo}?blobs=true"
    assert {path.rpartition("/")[2] for path in files} == wanted(hub).keys()


def test_the_list_of_checksums_is_the_one_of_sha256sum(hub, tmp_path):
    fetch(tmp_path)
    folder = tmp_path / "ViT-B-32-SigLIP2-256"
    assert manifests.read(folder).keys() == wanted(hub).keys()
    manifests.verify(folder)
    if program := shutil.which("sha256sum"):
        subprocess.run([program, "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True)


def test_an_interrupted_download_goes_on_where_it_stopped(hub, tmp_path):
    hub.breaks_at = 3000
    with pytest.raises(CommandError, match="try again, and it continues"):
        fetch(tmp_path)
    folder = tmp_path / "ViT-B-32-SigLIP2-256"
    assert (folder / f"{WEIGHTS}.part").stat().st_size == 3000
    assert not (folder / "SHA256SUMS").exists()
    hub.breaks_at = None
    hub.asked.clear()
    fetch(tmp_path)
    assert on_disk(folder) == wanted(hub)
    assert asked_for(hub, WEIGHTS) == ["bytes=3000-"]
    assert asked_for(hub, "tokenizer.json") == []


def test_a_server_without_ranges_sends_all_again(hub, model, tmp_path):
    folder = tmp_path / "ViT-B-32-SigLIP2-256"
    folder.mkdir()
    (folder / f"{WEIGHTS}.part").write_bytes(b"x" * 100)
    hub.ranges = False
    told: list[tuple[str, int, int]] = []
    fetching.fetch(model, tmp_path, lambda *said: told.append(said))
    assert on_disk(folder) == wanted(hub)
    assert max(here - size for _, here, size in told) == 0


def test_what_is_here_is_not_fetched_again_unless_it_is_damaged(hub, tmp_path):
    fetch(tmp_path)
    hub.asked.clear()
    fetch(tmp_path)
    assert asked_for(hub, WEIGHTS) == asked_for(hub, "tokenizer.json") == []
    folder = tmp_path / "ViT-B-32-SigLIP2-256"
    damaged = bytearray((folder / WEIGHTS).read_bytes())
    damaged[-1] ^= 1
    (folder / WEIGHTS).write_bytes(damaged)
    fetch(tmp_path)
    assert asked_for(hub, WEIGHTS) == [""]
    assert on_disk(folder) == wanted(hub)


@pytest.mark.parametrize("name", [WEIGHTS, "open_clip_config.json"])
def test_a_file_that_arrives_damaged_is_removed(hub, tmp_path, name):
    hub.sent = {name: b"x" * len(hub.files[name])}
    with pytest.raises(CommandError, match=f"{name} arrived damaged"):
        fetch(tmp_path)
    assert not any(name in path.name for path in (tmp_path / "ViT-B-32-SigLIP2-256").iterdir())


def test_weights_of_another_model_are_not_taken_for_this_one(hub, tmp_path):
    header_only(tmp_path / "other", {"b": (50, 90)})
    hub.files[WEIGHTS] = (tmp_path / "other").read_bytes()
    with pytest.raises(CommandError, match="no longer holds SigLIP 2"):
        fetch(tmp_path / "models")


def test_a_repository_without_safetensors_is_refused(hub, tmp_path):
    del hub.files[WEIGHTS]
    with pytest.raises(CommandError, match=f"has no {WEIGHTS}"):
        fetch(tmp_path)


def test_a_disk_without_room_is_told_before_the_download(hub, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**9, 10**9, 100))
    with pytest.raises(CommandError, match="free some space"):
        fetch(tmp_path)
    assert asked_for(hub, WEIGHTS) == []


def test_a_folder_that_cannot_be_written_is_told(hub, tmp_path):
    (tmp_path / "ViT-B-32-SigLIP2-256").write_text("a file")
    with pytest.raises(CommandError, match="cannot be written"):
        fetch(tmp_path)


def test_without_a_network_one_sentence_says_so(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(CommandError, match=r"cannot be reached \(ConnectError\)"):
        fetch(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CommandError, match="HF_HUB_OFFLINE is set"):
        fetch(tmp_path)


def test_a_hub_that_refuses_is_told(hub, tmp_path):
    hub.status = 403
    with pytest.raises(CommandError, match="status 403"):
        fetch(tmp_path)


def test_an_answer_that_is_no_list_of_files_is_told(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(Hub, "_listing", lambda self: {"error": "gone"})
    with pytest.raises(CommandError, match="check HF_ENDPOINT"):
        fetch(tmp_path)


def test_an_unknown_name_lists_the_choices(tmp_path):
    with pytest.raises(CommandError) as told:
        fetch(tmp_path, "ViT-H-14")
    assert all(model.key in str(told.value) for model in catalog.MODELS if model.repo)
    with pytest.raises(CommandError, match="comes with Scry"):
        fetch(tmp_path, "starter")


def test_the_files_can_be_listed_without_fetching_them(hub, tmp_path):
    said = fetch(None, list=True)
    assert hashlib.sha256(hub.files[WEIGHTS]).hexdigest() in said
    assert COMMIT in said
    assert asked_for(hub, WEIGHTS) == []
    with pytest.raises(CommandError, match="--to"):
        fetch(None)


@pytest.mark.slow
def test_it_needs_no_database_and_no_service(hub, tmp_path):
    """As a command of its own, with services that do not exist, and the real table of models."""
    hub.repo = CLIP.repo
    header_only(tmp_path / "clip", dict(CLIP.signature))
    hub.files[WEIGHTS] = (tmp_path / "clip").read_bytes()
    environment = os.environ | {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "QDRANT_URL": "http://127.0.0.1:1",
        "DJANGO_SETTINGS_MODULE": "gallery.settings",
        "HF_ENDPOINT": constants.ENDPOINT,
    }
    command = [sys.executable, "manage.py", "fetch_model", "vit-b-32-256", "--to", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "CLIP B/32 DataComp is complete" in done.stdout
    assert "100%" in done.stderr
    assert catalog.holds(tmp_path, CLIP)


def test_a_folder_whose_files_changed_is_noticed(tmp_path):
    (tmp_path / "weights").write_bytes(b"one")
    manifests.write(tmp_path, {"weights": hashlib.sha256(b"one").hexdigest()})
    manifests.verify(tmp_path)
    (tmp_path / "weights").write_bytes(b"other")
    with pytest.raises(ModelUnavailable, match="weights is damaged"):
        manifests.verify(tmp_path)
    (tmp_path / "weights").unlink()
    with pytest.raises(ModelUnavailable, match="weights is missing"):
        manifests.verify(tmp_path)


@pytest.mark.parametrize("text", ["abc  weights\n", f"{'0' * 64}  ../secret\n", "\xff"])
def test_a_list_of_checksums_that_cannot_be_read_is_told(tmp_path, text):
    (tmp_path / "SHA256SUMS").write_text(text, encoding="latin-1")
    with pytest.raises(ModelUnavailable, match="SHA256SUMS is damaged"):
        manifests.verify(tmp_path)
