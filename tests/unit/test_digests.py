"""The hashes of weight files: read once, and again after every change of a file."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from gallery import files
from search.vectors.embedders import digests, folders, keys
from search.vectors.embedders.base import ModelUnavailable
from tests.weight_files import CLIP, header_only, model_folder


@pytest.fixture
def weights(tmp_path, monkeypatch) -> Path:
    """A file whose state counts as settled at once."""
    monkeypatch.setattr(digests, "_SETTLED_NS", -1)
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights" * 1000)
    return path


@pytest.fixture
def reads(monkeypatch) -> list[Path]:
    """The files that were read."""
    read: list[Path] = []
    whole = files.sha256
    monkeypatch.setattr(files, "sha256", lambda path: read.append(path) or whole(path))
    return read


def test_a_file_is_read_once(weights, reads):
    expected = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert [digests.sha256_of(weights) for _ in range(3)] == [expected] * 3
    assert reads == [weights]


def in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"!")


def in_place_with_its_time_set_back(path: Path) -> None:
    stat = path.stat()
    in_place(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def copied_over_with_its_time(path: Path) -> None:
    other = path.with_name("other")
    shutil.copy2(path, other)
    stat = other.stat()
    in_place(other)
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize(
    "change", [in_place, in_place_with_its_time_set_back, copied_over_with_its_time, appended]
)
def test_a_file_that_changed_is_another_one(weights, change):
    before = digests.sha256_of(weights)
    change(weights)
    after = digests.sha256_of(weights)
    assert after != before
    assert after == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_a_file_that_changed_just_now_may_change_again_unseen(tmp_path, reads):
    path = tmp_path / "fresh"
    path.write_bytes(b"new")
    digests.sha256_of(path)
    digests.sha256_of(path)
    assert len(reads) == 2


@pytest.mark.parametrize("kept", ["", "[]", "{", '{"x": 1}', '{"x": [1, 2]}'])
def test_what_was_kept_may_be_damaged(weights, kept, data_dir):
    (data_dir / "models").mkdir()
    (data_dir / "models" / "digests.json").write_text(kept)
    assert digests.sha256_of(weights) == files.sha256(weights)


def test_a_file_that_is_gone_or_changes_meanwhile_is_told(weights, monkeypatch):
    whole = files.sha256
    monkeypatch.setattr(files, "sha256", lambda path: appended(path) or whole(path))
    with pytest.raises(ModelUnavailable, match="was changed while it was read"):
        digests.sha256_of(weights)
    weights.unlink()
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        digests.sha256_of(weights)


def test_a_model_read_from_a_file_that_changes_is_not_used(weights):
    with pytest.raises(ModelUnavailable, match="was changed"), digests.unchanged(weights):
        in_place(weights)


def test_a_file_of_the_hubs_cache_must_be_what_its_name_says(weights):
    blobs = weights.parent / "blobs"
    blobs.mkdir()
    name = hashlib.sha256(weights.read_bytes()).hexdigest()
    shutil.copy(weights, blobs / name)
    link = weights.parent / "snapshot.safetensors"
    link.symlink_to(blobs / name)
    digests.require_published(link)
    in_place(blobs / name)
    with pytest.raises(ModelUnavailable, match="not what the Hugging Face hub published") as told:
        digests.require_published(link)
    assert told.value.code == "damaged_weights"


# --- keys -----------------------------------------------------------------------------------------


def test_a_key_tells_weights_of_one_name_apart(tmp_path):
    key = keys.key_of(CLIP.key, "ab" * 32)
    assert keys.name_of(key) == keys.name_of(CLIP.key) == CLIP.key
    assert (keys.digest_of(key), keys.digest_of(CLIP.key)) == ("ab" * 8, "")


def test_the_key_of_present_weights_changes_with_them(settings, tmp_path):
    settings.EMBEDDING_WEIGHTS = str(model_folder(tmp_path / "w", CLIP))
    first = folders.present_key(CLIP.key)
    assert folders.has_weights(first)
    with (tmp_path / "w" / "open_clip_model.safetensors").open("r+b") as file:
        file.seek(-10, os.SEEK_END)
        file.write(b"fine-tuned")
    second = folders.present_key(CLIP.key)
    assert keys.name_of(first) == keys.name_of(second) == CLIP.key
    assert first != second
    assert (folders.has_weights(first), folders.has_weights(second)) == (False, True)


def test_of_several_places_the_one_that_the_key_names_is_used(settings, tmp_path):
    settings.EMBEDDING_MODEL = "auto"
    chosen = model_folder(tmp_path / "chosen", CLIP)
    folders.choose(CLIP, chosen)
    key = folders.present_key(CLIP.key)
    former = model_folder(folders.own() / CLIP.architecture, CLIP)
    with (former / "open_clip_model.safetensors").open("r+b") as file:
        file.seek(-10, os.SEEK_END)
        file.write(b"fine-tuned")
    settings.EMBEDDING_WEIGHTS = str(former)
    other = keys.key_of(CLIP.key, digests.sha256_of(former / "open_clip_model.safetensors"))
    assert folders.weights_of(key) == chosen
    assert folders.weights_of(other) == former


def test_a_key_whose_weights_are_gone_is_refused(settings, tmp_path):
    file = tmp_path / "model.safetensors"
    header_only(file, dict(CLIP.signature))
    with pytest.raises(ModelUnavailable, match="another one than that of the model") as told:
        digests.require(file, keys.key_of(CLIP.key, "0" * 64))
    assert told.value.code == "wrong_weights"
