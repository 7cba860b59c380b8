"""Uploading, listing, looking at and deleting photos over the API."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from gallery import files, originals_marker, stacks
from gallery.models import Album, ApiToken, Embedding, Photo, Tag, Tombstone
from gallery.names import clean_file_name
from gallery.turns import HEADERS_AT_ONCE
from tests import images

pytestmark = pytest.mark.django_db


def picture(colour="red", size=(64, 48), kind="JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


def upload(client, data: bytes, name="photo.jpg", **headers):
    return client.post("/api/v1/photos", {"file": SimpleUploadedFile(name, data)}, **headers)


def media_files() -> list[Path]:
    from django.conf import settings

    roots = (settings.MEDIA_DIR, settings.UPLOAD_TMP_DIR)
    found = (path for root in roots for path in Path(root).rglob("*"))
    return [path for path in found if path.is_file() and path.name != originals_marker.NAME]


def test_upload_answers_with_the_new_photo(ada_client, model):
    data = picture()
    answer = upload(ada_client, data, "beach.jpg")
    assert answer.status_code == 201
    body = answer.json()
    photo = Photo.objects.get(pk=body["id"])
    assert body == {
        "id": str(photo.pk),
        "state": "pending",
        "reason": "",
        "message": "",
        "flaw": "",
        "duplicate": False,
        "restored": False,
        "replaced": None,
        "companion_of": None,
        "name": "beach.jpg",
        "url": f"/photos/{photo.pk}",
    }
    assert (photo.width, photo.height, photo.format, photo.name) == (64, 48, "JPEG", "beach.jpg")
    assert files.original(photo).read_bytes() == data
    assert photo.embeddings.get().state == Embedding.State.PENDING


def send_and_wait(client, data: bytes):
    file = SimpleUploadedFile("photo.jpg", data)
    return client.post("/api/v1/photos?wait=decoded", {"file": file})


def test_a_script_can_wait_until_the_pixels_were_read(ada_client, model, monkeypatch):
    decoded = timezone.now()

    def work(seconds):
        Photo.objects.update(decoded_at=decoded, flaw="cut_short")

    monkeypatch.setattr("gallery.api.photos.time.sleep", work)
    answer = send_and_wait(ada_client, picture())
    assert answer.status_code == 201
    assert (answer.json()["state"], answer.json()["flaw"]) == ("pending", "cut_short")
    assert send_and_wait(ada_client, picture()).status_code == 200


def test_waiting_tells_what_decoding_could_not_keep(ada_client, model, monkeypatch):
    def work(seconds):
        Embedding.objects.update(state="failed", reason="corrupt")

    monkeypatch.setattr("gallery.api.photos.time.sleep", work)
    answer = send_and_wait(ada_client, picture())
    assert answer.status_code == 201
    assert (answer.json()["state"], answer.json()["reason"]) == ("failed", "corrupt")
    assert "damaged" in answer.json()["message"]


def test_waiting_ends(ada_client, model, monkeypatch):
    monkeypatch.setattr("gallery.api.photos.WAIT_SECONDS", 0.2)
    answer = send_and_wait(ada_client, picture())
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")


def test_only_one_thing_can_be_waited_for(ada_client, model):
    file = SimpleUploadedFile("photo.jpg", picture())
    answer = ada_client.post("/api/v1/photos?wait=lunch", {"file": file})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
    assert not Photo.objects.exists()


@pytest.fixture
def whole():
    return images.encode(images.gradient((300, 200)).effect_spread(9))


@pytest.mark.parametrize("part", [0.5, 0.99])
def test_a_whole_file_replaces_the_beginning_of_it(ada, ada_client, model, whole, part):
    other = upload(ada_client, picture()).json()["id"]
    old = Photo.objects.get(pk=upload(ada_client, images.cut(whole, part)).json()["id"])
    old.favourite, old.rating, old.caption = True, 4, "at the sea"
    old.save()
    old.tags.add(Tag.objects.create(owner=ada, name="sea"))
    old.albums.add(Album.objects.create(owner=ada, name="Summer"))
    stacks.create(Photo.objects.filter(pk__in=[old.pk, other]), old)

    answer = upload(ada_client, whole)
    assert (answer.status_code, answer.json()["replaced"]) == (201, str(old.pk))
    old.refresh_from_db()
    assert old.trashed_at is not None
    new = Photo.objects.get(pk=answer.json()["id"])
    assert (new.favourite, new.rating, new.caption) == (True, 4, "at the sea")
    assert [tag.name for tag in new.tags.all()] == ["sea"]
    assert [album.name for album in new.albums.all()] == ["Summer"]
    assert new.stack.cover_id == new.pk
    assert Photo.objects.get(pk=other).folded


def test_only_broken_copies_of_the_same_file_and_person_are_replaced(
    ada_client, bob_client, model, whole
):
    theirs = upload(bob_client, images.cut(whole, 0.5)).json()["id"]
    another = images.encode(images.gradient((300, 200)).effect_spread(9))
    broken = upload(ada_client, images.cut(another, 0.5)).json()["id"]
    with_note = upload(ada_client, whole + b"a note").json()
    answer = upload(ada_client, whole).json()
    # The file with a note begins like the other one, but nothing is missing of either.
    assert with_note["replaced"] is answer["replaced"] is None
    more = upload(ada_client, whole + b"a note and more").json()
    assert more["replaced"] is None
    ids = [theirs, broken, with_note["id"], answer["id"], more["id"]]
    assert Photo.objects.live().filter(pk__in=ids).count() == 5


def test_the_same_file_again_is_the_same_photo(ada_client, model):
    first = upload(ada_client, picture()).json()
    again = upload(ada_client, picture(), "other-name.jpg")
    assert again.status_code == 200
    assert again.json()["id"] == first["id"]
    assert again.json()["duplicate"] is True
    assert len(media_files()) == 1


def test_two_people_may_have_the_same_file(ada_client, bob_client, model):
    one, two = upload(ada_client, picture()).json(), upload(bob_client, picture()).json()
    assert two["duplicate"] is False
    assert one["id"] != two["id"]


@pytest.mark.django_db(transaction=True)
def test_the_same_file_many_times_at_once_is_one_photo(ada, model):
    data, answers = picture(size=(300, 200)), []

    def send() -> None:
        from django.db import connection

        client = Client()
        client.force_login(ada)
        answers.append(upload(client, data))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(HEADERS_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * (HEADERS_AT_ONCE - 1) + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Photo.objects.count() == 1
    assert len(media_files()) == 1


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "empty"),
        (b"x", 415, "unsupported_type"),
        (b"<html><script>alert(1)</script></html>", 415, "unsupported_type"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', 415, "unsupported_type"),
        (b"%PDF-1.4 not a picture", 415, "unsupported_type"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 20, 400, "corrupt"),
    ],
)
def test_what_is_no_picture_is_refused_and_leaves_nothing(ada_client, model, data, status, code):
    answer = upload(ada_client, data, "photo.png")
    assert answer.status_code == status
    assert answer.json()["code"] == code
    assert answer.json()["message"]
    assert Photo.objects.count() == 0
    assert media_files() == []


def test_a_file_over_the_size_limit_is_refused_while_it_streams(ada_client, model, settings):
    settings.MAX_FILE_BYTES = 100_000
    answer = upload(ada_client, os.urandom(400_000))
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"
    assert media_files() == []


def test_too_many_pixels_are_refused_from_the_header(ada_client, model):
    answer = upload(ada_client, images.png_header(16_000, 16_000))
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_many_pixels"


def test_a_full_disk_is_told_before_the_body_is_read(ada_client, model, settings):
    settings.MIN_FREE_BYTES = 1 << 60
    answer = upload(ada_client, picture())
    assert answer.status_code == 507
    assert answer.json()["code"] == "storage_full"
    assert ada_client.get("/api/v1/photos").status_code == 200


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd.jpg", "passwd.jpg"),
        ("..\\..\\x.jpg", "x.jpg"),
        ("holiday\u202egpj.exe", "holidaygpj.exe"),
        ("e\u0301te\u0301.jpg", "\u00e9t\u00e9.jpg"),
        ("<img onerror=x>.jpg", "<img onerror=x>.jpg"),
        ("...", "photo.jpg"),
    ],
)
def test_names_are_cleaned_for_people(sent, kept):
    assert (clean_file_name(sent) or "photo.jpg") == kept


def test_long_names_keep_their_extension():
    assert len(clean_file_name("n" * 5000 + ".jpeg")) == 200
    assert clean_file_name("n" * 5000 + ".jpeg").endswith(".jpeg")


def test_photos_are_listed_newest_first_in_pages(ada_client, model):
    for shade in range(7):
        upload(ada_client, picture((shade * 30, 0, 0)), f"{shade}.jpg")
    names, cursor = [], ""
    while True:
        page = ada_client.get("/api/v1/photos", {"limit": 3, "cursor": cursor}).json()
        names += [photo["name"] for photo in page["photos"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == [f"{shade}.jpg" for shade in range(6, -1, -1)]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=nonsense", "cursor=1_2"]
)
def test_made_up_parameters_are_told(ada_client, model, query):
    answer = ada_client.get(f"/api/v1/photos?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message"}


def test_one_photo_has_everything_the_page_needs(ada_client, model):
    photo_id = upload(ada_client, picture(), "beach.jpg").json()["id"]
    body = ada_client.get(f"/api/v1/photos/{photo_id}").json()
    assert body["state"] == "pending"
    assert body["name"] == "beach.jpg"
    assert (body["width"], body["height"]) == (64, 48)
    assert len(body["sha256"]) == 64
    for kind in ("thumbnail", "preview", "original"):
        assert body[kind] == f"/photos/{photo_id}/{kind}"


def test_a_failed_photo_says_why(ada_client, model):
    photo_id = upload(ada_client, picture()).json()["id"]
    Embedding.objects.update(state="failed", reason="decode_timeout")
    body = ada_client.get(f"/api/v1/photos/{photo_id}").json()
    assert (body["state"], body["reason"]) == ("failed", "decode_timeout")
    assert "too long" in body["message"]


def test_a_deleted_photo_is_gone_at_once_and_lies_in_the_trash(ada_client, model):
    photo_id = upload(ada_client, picture()).json()["id"]
    assert ada_client.delete(f"/api/v1/photos/{photo_id}").status_code == 204
    assert ada_client.get(f"/api/v1/photos/{photo_id}").status_code == 404
    assert ada_client.get("/api/v1/photos").json()["photos"] == []
    assert ada_client.delete(f"/api/v1/photos/{photo_id}").status_code == 404
    assert Photo.objects.trashed().filter(pk=photo_id).exists()
    assert not Tombstone.objects.exists()


def test_a_file_that_was_deleted_for_ever_may_be_uploaded_again(ada_client, model):
    first = upload(ada_client, picture()).json()
    ada_client.delete(f"/api/v1/photos/{first['id']}")
    ada_client.delete(f"/api/v1/trash/{first['id']}")
    assert Tombstone.objects.filter(photo_id=first["id"]).exists()
    again = upload(ada_client, picture())
    assert (again.status_code, again.json()["restored"]) == (201, False)
    assert again.json()["id"] != first["id"]


def test_a_bearer_token_acts_for_its_owner(ada, model):
    secret = ApiToken.issue(ada)
    headers = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}
    client = Client(enforce_csrf_checks=True)
    assert upload(client, picture(), **headers).status_code == 201
    assert len(client.get("/api/v1/photos", **headers).json()["photos"]) == 1
    assert secret not in ApiToken.objects.get().digest


def test_without_credentials_the_api_says_401(client, db):
    answer = client.get("/api/v1/photos", HTTP_AUTHORIZATION="Bearer wrong")
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_signed_in"


def test_a_session_needs_a_csrf_token_to_change_anything(ada, model):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    answer = upload(client, picture())
    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden"
    assert Photo.objects.count() == 0


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/photos/not-a-uuid"])
def test_unknown_addresses_have_the_one_error_shape(ada_client, path):
    answer = ada_client.get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "message"}
    assert int(answer["Content-Length"]) == len(answer.content)


def test_wrong_methods_have_the_one_error_shape(ada_client):
    answer = ada_client.put("/api/v1/photos")
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert int(answer["Content-Length"]) == len(answer.content)


def test_the_schema_and_its_page_are_served(ada_client):
    schema = ada_client.get("/api/v1/openapi.json").json()
    assert "/api/v1/photos" in schema["paths"]
    assert "/api/v1/search" in schema["paths"]
    assert ada_client.get("/api/v1/docs").status_code == 200
