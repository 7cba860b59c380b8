"""Uploads of a model's files by an administrator, in pieces."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import resource
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.test import Client

from gallery.files import StorageFull
from search.vectors.embedders import catalog, folders, received
from tests.lived import let_live
from tests.web.test_choose_model import UPLOADS, post
from tests.weight_files import CLIP, header_only, model_folder

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("automatic")]


def begin(client: Client, sizes: dict[str, int]):
    files = [{"name": name, "size": size} for name, size in sizes.items()]
    return post(client, UPLOADS, {"files": files})


def send(client: Client, upload_id: str, name: str, offset: int, piece: bytes):
    path = f"{UPLOADS}/{upload_id}?name={name}&offset={offset}"
    return client.put(path, piece, content_type="application/octet-stream")


def begun(client: Client, folder: Path) -> str:
    answer = begin(client, {path.name: path.stat().st_size for path in folder.iterdir()})
    assert answer.status_code == 201, answer.content
    return answer.json()["id"]


def send_file(client: Client, upload_id: str, path: Path):
    content, offset = path.read_bytes(), 0
    answer = None
    while offset < len(content):
        piece = content[offset : offset + received.PIECE_BYTES]
        answer = send(client, upload_id, path.name, offset, piece)
        if answer.status_code != 200:
            return answer
        offset = answer.json()["received"]
    return answer


def weights_first(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda path: path.suffix != ".safetensors")


def left_over() -> list[str]:
    own = folders.own()
    return sorted(path.name for path in own.iterdir()) if own.exists() else []


@pytest.fixture
def small(monkeypatch):
    """A recommended model whose weights have a few thousand bytes, sent in pieces of a thousand."""
    tiny = catalog.RecommendedModel(
        **{**CLIP.__dict__, "key": "tiny/one", "title": "Tiny", "signature": (("a", (50, 90)),)}
    )
    monkeypatch.setattr(catalog, "MODELS", (tiny,))
    monkeypatch.setattr(received, "PIECE_BYTES", 1000)
    return tiny


def test_an_upload_becomes_the_models_folder_and_is_chosen(admin, small, tmp_path):
    folder = model_folder(tmp_path / "files", small)
    upload_id = begun(admin, folder)
    for path in weights_first(folder):
        assert send_file(admin, upload_id, path).status_code == 200
    assert folders.chosen() == ""
    assert post(admin, f"{UPLOADS}/{upload_id}/finish").json() == {
        "key": small.key,
        "title": "Tiny",
    }
    home = folders.own() / "tiny"
    assert {path.name: path.read_bytes() for path in home.iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }
    assert folders.chosen() == small.key
    assert folders.weights_of(small.key) == home
    assert left_over() == ["choice.json", "tiny"]


def test_an_upload_replaces_an_earlier_one_as_a_whole(admin, small, tmp_path):
    home = folders.own() / "tiny"
    home.mkdir(parents=True)
    (home / "merges.txt").write_text("of another tokenizer")
    folder = model_folder(tmp_path / "files", small)
    upload_id = begun(admin, folder)
    for path in weights_first(folder):
        send_file(admin, upload_id, path)
    post(admin, f"{UPLOADS}/{upload_id}/finish")
    assert not (home / "merges.txt").exists()
    assert left_over() == ["choice.json", "tiny"]


def test_weights_that_an_upload_replaces_are_kept_for_their_model(admin, small, tmp_path):
    former = model_folder(folders.own() / "tiny", small)
    key = folders.present_key(small.key)
    folder = model_folder(tmp_path / "files", small)
    with (folder / "open_clip_model.safetensors").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"new!")
    upload_id = begun(admin, folder)
    for path in weights_first(folder):
        send_file(admin, upload_id, path)
    post(admin, f"{UPLOADS}/{upload_id}/finish")
    new = folders.present_key(small.key)
    assert new != key
    assert (folders.weights_of(new), folders.weights_of(key)) == (former, folders.kept_folder(key))
    assert folders.has_weights(key)
    folders.remove_kept_except({key, new})
    assert folders.has_weights(key)
    folders.remove_kept_except({new})
    assert not folders.has_weights(key)
    assert folders.has_weights(new)


def test_a_piece_that_is_sent_again_counts_once(admin, small, tmp_path):
    folder = model_folder(tmp_path / "files", small)
    upload_id = begun(admin, folder)
    first = (folder / "open_clip_model.safetensors").read_bytes()[:1000]
    for _ in range(2):
        answer = send(admin, upload_id, "open_clip_model.safetensors", 0, first)
        assert answer.json() == {"received": 1000}
    gap = send(admin, upload_id, "open_clip_model.safetensors", 2000, b"x")
    assert (gap.status_code, gap.json()["code"]) == (400, "bad_weights")


@pytest.mark.parametrize(
    "name", ["model.bin", "model.pt", "code.py", "../x.json", ".plan", "a/b.json", ".json", "x.pkl"]
)
def test_other_kinds_of_files_are_refused(admin, name):
    answer = begin(admin, {"open_clip_model.safetensors": 10, name: 10})
    assert answer.status_code == 400
    assert "cannot be taken" in answer.json()["message"]
    assert left_over() == []


@pytest.mark.parametrize("names", [["tokenizer.json"], ["a.safetensors", "b.safetensors"]])
def test_one_weight_file_belongs_to_an_upload(admin, names):
    answer = begin(admin, dict.fromkeys(names, 10))
    assert answer.json()["message"].startswith("Choose one .safetensors file")


@pytest.mark.parametrize(
    "sizes",
    [{"m.safetensors": received.MAX_WEIGHT_BYTES + 1}, {"m.safetensors": 9, "t.json": 200_000_000}],
)
def test_files_beyond_the_limits_are_refused(admin, sizes, settings):
    settings.MIN_FREE_BYTES = -(10**15)
    assert begin(admin, sizes).status_code == 413
    assert begin(admin, {"m.safetensors": 0}).status_code == 413


def test_a_disk_without_room_is_told_before_anything_is_sent(admin):
    # As large as a weight file may be, on a disk that is made out to be small.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gallery.files.free_bytes", lambda: 2 * 1024**3)
        answer = begin(admin, {"m.safetensors": 4 * 1024**3})
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    assert left_over() == []


def test_a_disk_that_fills_up_keeps_whole_pieces_only(admin, small, tmp_path, monkeypatch):
    folder = model_folder(tmp_path / "files", small)
    upload_id = begun(admin, folder)
    weights = folder / "open_clip_model.safetensors"
    send(admin, upload_id, weights.name, 0, weights.read_bytes()[:1000])
    monkeypatch.setattr("gallery.files.free_bytes", lambda: 0)
    assert send(admin, upload_id, weights.name, 1000, b"x" * 1000).status_code == 507
    assert (folders.own() / f".upload-{upload_id}" / weights.name).stat().st_size == 1000


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let files of this process grow to `size` bytes only, so that writing more fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_bytes_that_the_disk_refuses_are_told_and_cut_off(small, tmp_path):
    path = model_folder(tmp_path / "files", small) / "open_clip_model.safetensors"
    upload_id = received.begin({path.name: path.stat().st_size, "tokenizer.json": 2})
    piece = path.read_bytes()[:1000]
    with file_size_limit(700), pytest.raises(StorageFull):
        received.append(upload_id, path.name, 0, [piece[:400], piece[400:]])
    assert (folders.own() / f".upload-{upload_id}" / path.name).stat().st_size == 0


def test_a_piece_that_is_sent_twice_at_once_counts_once(small):
    upload_id = received.begin({"open_clip_model.safetensors": 5000, "tokenizer.json": 200})
    path = folders.own() / f".upload-{upload_id}" / "tokenizer.json"
    sizes: list[int] = []

    def send_again() -> None:
        sizes.append(received.append(upload_id, path.name, 0, [bytes(100)]))

    with path.open("ab") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = threading.Thread(target=send_again)
        second.start()
        second.join(0.3)
        first.write(bytes(100))
    second.join()
    assert sizes == [100]
    assert path.stat().st_size == 100


def test_a_piece_of_an_upload_that_is_cancelled_meanwhile_is_told(small):
    upload_id = received.begin({"open_clip_model.safetensors": 5000, "tokenizer.json": 200})

    def pieces() -> Iterator[bytes]:
        yield bytes(50)
        received.discard(upload_id)

    with pytest.raises(received.UnknownUpload):
        received.append(upload_id, "tokenizer.json", 0, pieces())


def test_one_of_two_requests_finishes_an_upload(small, tmp_path, monkeypatch):
    folder = model_folder(tmp_path / "files", small)
    upload_id = received.begin({path.name: path.stat().st_size for path in folder.iterdir()})
    for path in weights_first(folder):
        content = path.read_bytes()
        for start in range(0, len(content), 1000):
            received.append(upload_id, path.name, start, [content[start : start + 1000]])
    checked = received._checked

    def check_and_be_overtaken(*args):
        model = checked(*args)
        monkeypatch.setattr(received, "_checked", checked)
        received.finish(upload_id)
        return model

    monkeypatch.setattr(received, "_checked", check_and_be_overtaken)
    with pytest.raises(received.UnknownUpload):
        received.finish(upload_id)
    assert left_over() == ["choice.json", "tiny"]
    assert folders.chosen() == small.key


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 100_000,
        json.dumps({"a": {"data_offsets": [], "shape": [1]}}).encode(),
        b"[1]",
        b'{"a": 1}',
    ],
)
def test_an_odd_header_is_refused(admin, small, monkeypatch, header):
    monkeypatch.setattr(received, "PIECE_BYTES", 200_000)
    content = struct.pack("<Q", len(header)) + header
    upload_id = begin(admin, {"model.safetensors": len(content)}).json()["id"]
    answer = send(admin, upload_id, "model.safetensors", 0, content)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_weights")
    assert left_over() == []


def test_a_list_with_an_impossible_name_is_refused(admin, small, tmp_path):
    folder = model_folder(tmp_path / "files", small)
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  {'x' * 300}.json\n")
    upload_id = begun(admin, folder)
    for path in weights_first(folder):
        send_file(admin, upload_id, path)
    answer = post(admin, f"{UPLOADS}/{upload_id}/finish")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_weights")
    assert left_over() == []


def test_unknown_weights_are_refused_by_their_first_piece(admin, small, tmp_path):
    header_only(tmp_path / "files" / "model.safetensors", {"other.tensor": (9000,)})
    upload_id = begun(admin, tmp_path / "files")
    answer = send_file(admin, upload_id, tmp_path / "files" / "model.safetensors")
    assert "no recommended model" in answer.json()["message"]
    assert left_over() == []


def test_a_first_piece_may_be_shorter_than_the_header(admin, small, tmp_path):
    folder = model_folder(tmp_path / "files", small)
    upload_id = begun(admin, folder)
    weights = folder / "open_clip_model.safetensors"
    assert send(admin, upload_id, weights.name, 0, weights.read_bytes()[:9]).status_code == 200


def test_a_piece_has_a_limit(admin, small, tmp_path):
    folder = model_folder(tmp_path / "files", small)
    upload_id = begun(admin, folder)
    weights = folder / "open_clip_model.safetensors"
    assert send(admin, upload_id, weights.name, 0, weights.read_bytes()[:1001]).status_code == 400
    assert (folders.own() / f".upload-{upload_id}" / weights.name).stat().st_size == 0


def test_a_pickle_named_safetensors_is_refused(admin, small):
    upload_id = begin(admin, {"model.safetensors": 4000}).json()["id"]
    answer = send(admin, upload_id, "model.safetensors", 0, b"\x80\x04\x95" + bytes(997))
    assert answer.status_code == 400
    assert left_over() == []


def test_more_bytes_than_announced_are_refused(admin, small, tmp_path):
    folder = model_folder(tmp_path / "files", small)
    upload_id = begun(admin, folder)
    answer = send(admin, upload_id, "tokenizer.json", 0, b"{}{}")
    assert "larger than" in answer.json()["message"]
    assert (folders.own() / f".upload-{upload_id}" / "tokenizer.json").stat().st_size == 0


def test_an_incomplete_upload_cannot_be_finished(admin, small, tmp_path):
    folder = model_folder(tmp_path / "files", small)
    upload_id = begun(admin, folder)
    send_file(admin, upload_id, folder / "open_clip_model.safetensors")
    answer = post(admin, f"{UPLOADS}/{upload_id}/finish")
    assert "did not arrive completely" in answer.json()["message"]
    assert left_over() == []
    assert folders.chosen() == ""


def test_a_damaged_file_is_found_by_the_list_of_checksums(admin, small, tmp_path):
    folder = model_folder(tmp_path / "files", small)
    wrong = hashlib.sha256(b"something else").hexdigest()
    (folder / "SHA256SUMS").write_text(f"{wrong}  open_clip_model.safetensors\n")
    upload_id = begun(admin, folder)
    for path in weights_first(folder):
        send_file(admin, upload_id, path)
    answer = post(admin, f"{UPLOADS}/{upload_id}/finish")
    assert "is damaged" in answer.json()["message"]
    assert left_over() == []


def test_an_upload_that_is_cancelled_or_abandoned_leaves_nothing(admin, small, tmp_path):
    folder = model_folder(tmp_path / "files", small)
    cancelled, abandoned, running = (begun(admin, folder) for _ in range(3))
    assert admin.delete(f"{UPLOADS}/{cancelled}").status_code == 204
    let_live(1)
    long_ago = time.time() - received.ABANDONED_S - 2 * 60 * 60
    os.utime(folders.own() / f".upload-{abandoned}", (long_ago, long_ago))
    received.remove_abandoned()
    assert left_over() == [f".upload-{running}"]
    for upload_id in (cancelled, abandoned):
        answer = send(admin, upload_id, "tokenizer.json", 0, b"{}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_upload")


def test_others_cannot_upload(admin, ada_client, small, tmp_path):
    upload_id = begun(admin, model_folder(tmp_path / "files", small))
    assert begin(ada_client, {"m.safetensors": 9}).status_code == 403
    assert send(ada_client, upload_id, "tokenizer.json", 0, b"{}").status_code == 403
    assert post(ada_client, f"{UPLOADS}/{upload_id}/finish").status_code == 403
    assert ada_client.delete(f"{UPLOADS}/{upload_id}").status_code == 403
    assert ada_client.delete("/api/v1/model").status_code == 403
    assert left_over() == [f".upload-{upload_id}"]
