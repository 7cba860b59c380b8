"""Files that come in pieces: what is kept of them, whose they are, and how they end."""

from __future__ import annotations

import fcntl
import os
import time
from base64 import b64encode
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client

from gallery import files, partial_uploads
from gallery.decoding import PoolBusy
from gallery.models import ApiToken, Photo, Scope
from gallery.partial_uploads import IDLE_SECONDS
from tests.companion_files import xmp
from tests.web.test_api_photos import media_files, picture

pytestmark = pytest.mark.django_db

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"


def encoded(**told: str) -> str:
    return ",".join(f"{name} {b64encode(text.encode()).decode()}" for name, text in told.items())


def begin(client, length: int, asked: str = "", **told: str):
    sent = {"Upload-Length": str(length), "Upload-Metadata": encoded(**told), **TUS}
    return client.post(f"/api/v1/uploads{asked}", headers=sent)


def begun(client, length: int, name: str = "photo.jpg", **told: str) -> str:
    answer = begin(client, length, filename=name, **told)
    assert answer.status_code == 201, answer.content
    return str(answer.headers["Location"])


def send(client, address: str, offset: int, data: bytes = b"", kind: str = PIECE, **more: str):
    sent = {"Upload-Offset": str(offset), **TUS, **more}
    return client.patch(address, data, content_type=kind, headers=sent)


def look(client, address: str):
    return client.head(address, headers=TUS)


def told(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def spool() -> list[str]:
    return sorted(path.name for path in Path(django_settings.UPLOAD_TMP_DIR).iterdir())


@pytest.fixture
def data() -> bytes:
    return picture(size=(400, 300))


@pytest.fixture
def half(ada_client, data) -> str:
    """The address of an upload of which a half has arrived."""
    address = begun(ada_client, len(data))
    assert send(ada_client, address, 0, data[: len(data) // 2]).status_code == 204
    return address


def test_a_file_in_pieces_becomes_a_photo(ada_client, model, data):
    address = begun(ada_client, len(data), "beach.jpg")
    for start in range(0, len(data), 1000):
        answer = send(ada_client, address, start, data[start : start + 1000])
        assert answer.headers["Upload-Offset"] == str(min(start + 1000, len(data)))
    assert answer.status_code == 201
    photo = Photo.objects.get(pk=answer.json()["id"])
    assert (photo.name, photo.size) == ("beach.jpg", len(data))
    assert files.original(photo).read_bytes() == data
    assert [name for name in spool() if name.endswith(".part")] == []


def test_it_goes_on_where_it_broke_off(ada_client, model, data, half):
    answer = look(ada_client, half)
    offset = int(answer.headers["Upload-Offset"])
    assert (offset, answer.headers["Upload-Length"]) == (len(data) // 2, str(len(data)))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Upload-Expires"].endswith("GMT")
    assert send(ada_client, half, offset, data[offset:]).status_code == 201


def test_what_a_killed_server_left_on_the_disk_counts(ada_client, model, data, half):
    with partial_of(half).open("ab") as file:
        file.write(data[len(data) // 2 :][:7])
    offset = int(look(ada_client, half).headers["Upload-Offset"])
    assert offset == len(data) // 2 + 7
    assert send(ada_client, half, offset, data[offset:]).status_code == 201
    assert files.original(Photo.objects.get()).read_bytes() == data


def partial_of(address: str) -> Path:
    return Path(django_settings.UPLOAD_TMP_DIR) / f"{address.rpartition('/')[2]}.part"


@pytest.mark.parametrize("away", [-1, 1, -1000, 100_000])
def test_a_piece_that_begins_elsewhere_changes_nothing(ada_client, data, half, away):
    offset = len(data) // 2
    assert told(send(ada_client, half, offset + away, data)) == (409, "wrong_offset")
    assert partial_of(half).read_bytes() == data[:offset]


def test_a_piece_beyond_the_end_changes_nothing(ada_client, model, data, half):
    offset = len(data) // 2
    assert told(send(ada_client, half, offset, data[offset:] + b"x")) == (413, "too_long")
    assert partial_of(half).read_bytes() == data[:offset]
    assert send(ada_client, half, offset, data[offset:]).status_code == 201


def test_of_two_pieces_at_once_one_is_told_to_wait(ada_client, model, data, half):
    offset = len(data) // 2
    with partial_of(half).open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert told(send(ada_client, half, offset, data[offset:])) == (423, "upload_in_use")
        assert told(ada_client.delete(half, headers=TUS)) == (423, "upload_in_use")
    assert send(ada_client, half, offset, data[offset:]).status_code == 201


def test_nothing_is_written_to_what_was_just_stored(ada_client, model, data, half, monkeypatch):
    """A request may open the bytes just before another one moves them to the originals."""
    offset, flock = len(data) // 2, fcntl.flock
    stored = files.temporary_path()

    def taken_in_meanwhile(file, how):
        partial_of(half).rename(stored)
        flock(file, how)

    monkeypatch.setattr("gallery.partial_uploads.fcntl.flock", taken_in_meanwhile)
    assert told(send(ada_client, half, offset, data[offset:])) == (404, "unknown_upload")
    assert stored.read_bytes() == data[:offset]


def test_a_full_disk_keeps_what_was_there(ada_client, data, half, monkeypatch):
    def fail(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gallery.partial_uploads.os.fsync", fail)
    offset = len(data) // 2
    assert told(send(ada_client, half, offset, data[offset:])) == (507, "storage_full")
    assert partial_of(half).read_bytes() == data[:offset]


def test_an_answer_that_was_lost_is_given_again(ada_client, model, data, half):
    offset = len(data) // 2
    first = send(ada_client, half, offset, data[offset:])
    assert look(ada_client, half).headers["Upload-Offset"] == str(len(data))
    again = send(ada_client, half, len(data))
    assert (again.status_code, again.json()) == (201, first.json())
    assert told(send(ada_client, half, offset, data[offset:])) == (409, "wrong_offset")
    assert Photo.objects.count() == 1


def test_a_file_that_could_not_be_read_just_then_is_asked_for_again(
    ada_client, model, data, half, monkeypatch
):
    def busy(*_args, **_more):
        raise PoolBusy

    offset = len(data) // 2
    with monkeypatch.context() as patch:
        patch.setattr("gallery.companions.ingest", busy)
        assert told(send(ada_client, half, offset, data[offset:])) == (503, "busy")
    assert look(ada_client, half).headers["Upload-Offset"] == str(len(data))
    assert send(ada_client, half, len(data)).status_code == 201


def test_a_copy_and_a_file_of_another_kind_are_answered_as_ever(ada_client, model, data):
    one, other = begun(ada_client, len(data)), begun(ada_client, len(data))
    photo = send(ada_client, one, 0, data).json()["id"]
    copy = send(ada_client, other, 0, data)
    assert (copy.status_code, copy.json()["id"], copy.json()["duplicate"]) == (200, photo, True)
    text = begun(ada_client, 9, "notes.txt")
    assert told(send(ada_client, text, 0, b"some text")) == (415, "unsupported_type")
    assert told(send(ada_client, text, 0, b"some text")) == (404, "unknown_upload")
    assert [name for name in spool() if name.endswith(".part")] == []


def test_a_sidecar_is_kept_with_the_photo_that_lay_beside_it(ada_client, model, data):
    photo = send(ada_client, begun(ada_client, len(data), "a.jpg"), 0, data).json()["id"]
    sidecar = xmp(xmp__Rating="4")
    beside = f'{{"a.jpg": "{photo}"}}'
    answer = send(ada_client, begun(ada_client, len(sidecar), "a.xmp", beside=beside), 0, sidecar)
    assert (answer.status_code, answer.json()["companion_of"]) == (201, photo)


def test_an_upload_is_taken_back(ada_client, half):
    assert ada_client.delete(half, headers=TUS).status_code == 204
    assert look(ada_client, half).status_code == 404
    assert media_files() == []


def test_it_belongs_to_who_began_it(bob_client, ada_client, data, half):
    offset = len(data) // 2
    for answer in (
        look(bob_client, half),
        send(bob_client, half, offset, data[offset:]),
        bob_client.delete(half, headers=TUS),
        bob_client.delete(half),
    ):
        assert answer.status_code == 404
    assert look(Client(), half).status_code == 401
    assert look(ada_client, half).status_code == 200


def test_the_owner_is_told_apart_before_anything_is_sent(ada, ada_client, bob):
    assert told(begin(ada_client, 9, f"?owner={bob.pk}")) == (409, "other_account")
    assert begin(ada_client, 9, f"?owner={ada.pk}").status_code == 201


def test_a_token_that_uploads_sends_pieces_and_sees_nothing(ada, model, data):
    program = Client(headers={"Authorization": f"Bearer {ApiToken.issue(ada, scope=Scope.UPLOAD)}"})
    address = begun(program, len(data))
    assert look(program, address).status_code == 200
    answer = send(program, address, 0, data)
    assert answer.status_code == 201
    assert program.get(f"/api/v1/photos/{answer.json()['id']}").status_code == 403
    assert program.delete(address, headers=TUS).status_code == 204
    reader = Client(headers={"Authorization": f"Bearer {ApiToken.issue(ada, scope=Scope.READ)}"})
    assert begin(reader, 9).status_code == 403


@pytest.mark.parametrize(
    ("length", "status", "code"),
    [("0", 400, "empty"), (str(10**12), 413, "too_large"), ("", 400, "bad_parameter"),
     ("-1", 400, "bad_parameter"), ("1.5", 400, "bad_parameter"), ("²", 400, "bad_parameter")],
)  # fmt: skip
def test_lengths_that_no_file_has_are_refused(ada_client, length, status, code):
    answer = ada_client.post("/api/v1/uploads", headers={"Upload-Length": length, **TUS})
    assert told(answer) == (status, code)
    assert spool() == []


@pytest.mark.parametrize("metadata", ["filename !!", "filename /w==", "filename YQ= =", "a b c d"])
def test_nonsense_about_the_file_is_refused(ada_client, metadata):
    sent = {"Upload-Length": "9", "Upload-Metadata": metadata, **TUS}
    assert told(ada_client.post("/api/v1/uploads", headers=sent)) == (400, "bad_parameter")
    assert told(begin(ada_client, 9, beside="[1]")) == (400, "bad_parameter")
    assert spool() == []


def test_the_protocol_is_kept_to(ada_client, data, half):
    sent = {"Upload-Length": "9", "Tus-Resumable": "0.2.2"}
    assert told(ada_client.post("/api/v1/uploads", headers=sent)) == (412, "bad_version")
    assert ada_client.head(half).status_code == 412
    assert told(send(ada_client, half, 0, data, kind="image/jpeg")) == (415, "bad_request")
    assert told(send(ada_client, half, 0, data, **{"Upload-Offset": "x"})) == (400, "bad_parameter")
    spoken = ada_client.options("/api/v1/uploads").headers
    assert spoken["Tus-Version"] == "1.0.0"
    assert spoken["Tus-Extension"] == "creation,termination,expiration"


def test_a_session_needs_its_csrf_token(ada, half):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert begin(client, 9).status_code == 403
    assert send(client, half, 0).status_code == 403


# --- budgets --------------------------------------------------------------------------------------


def let_idle(address: str) -> None:
    long_ago = time.time() - IDLE_SECONDS - 60
    os.utime(partial_of(address).with_suffix(".part.json"), (long_ago, long_ago))


def test_the_largest_files_at_once_are_few_and_idle_ones_give_way(ada_client, bob_client, settings):
    settings.MAX_FILE_BYTES = 1000
    mine = [begun(ada_client, 1000) for _ in range(5)]
    assert told(begin(ada_client, 1000)) == (503, "busy")
    theirs = begun(bob_client, 1000)
    let_idle(mine[2])
    let_idle(theirs)
    assert begin(ada_client, 1000).status_code == 201
    assert [look(ada_client, one).status_code for one in mine] == [200, 200, 404, 200, 200]
    assert look(bob_client, theirs).status_code == 200, "they are not in the way"


def test_what_is_still_to_come_counts_for_the_disk(ada_client, settings, monkeypatch):
    monkeypatch.setattr("gallery.files.free_bytes", lambda: settings.MIN_FREE_BYTES + 1500)
    address = begun(ada_client, 1000)
    assert told(begin(ada_client, 1000)) == (507, "storage_full")
    assert ada_client.delete(address, headers=TUS).status_code == 204
    assert begin(ada_client, 1000).status_code == 201


def test_what_is_still_to_come_counts_for_the_quota(ada_client, bob_client, settings):
    settings.QUOTA_BYTES = 1500
    begun(ada_client, 1000)
    assert told(begin(ada_client, 1000)) == (413, "quota_full")
    assert begin(bob_client, 1000).status_code == 201


def test_notes_that_cannot_be_read_are_no_uploads(ada_client, half):
    partial_of(half).with_suffix(".part.json").write_text("{")
    assert look(ada_client, half).status_code == 404
    assert begin(ada_client, 9).status_code == 201


def test_everything_of_an_upload_is_kept_equally_long(ada_client, data, half):
    path = partial_of(half)
    note = path.with_suffix(".part.json")
    assert abs(path.stat().st_mtime - note.stat().st_mtime) < 5
    let_idle(half)
    send(ada_client, half, len(data) // 2, data[len(data) // 2 :][:9])
    assert time.time() - note.stat().st_mtime < IDLE_SECONDS
    assert partial_uploads.KEPT.total_seconds() > IDLE_SECONDS
