"""The bytes of photos: who gets them, how they are cached, what happens when they are missing."""

from __future__ import annotations

import hashlib
import io
import uuid

import pytest
from django.test import Client
from PIL import Image

from gallery import decoders, files
from gallery.decoding import DecoderPool, PoolBusy
from gallery.models import ApiToken, Photo
from tests import images
from tests.web.test_api_photos import picture, upload

pytestmark = pytest.mark.django_db

KINDS = ("thumbnail", "preview", "original")


@pytest.fixture
def photo(ada_client, model) -> Photo:
    data = picture("green", (2000, 1500))
    return Photo.objects.get(pk=upload(ada_client, data, "wide ü.jpg").json()["id"])


def get(client, photo, kind, **headers):
    return client.get(f"/photos/{photo.pk}/{kind}", headers=headers)


def body(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_a_program_follows_the_links_of_the_api_with_its_token(ada, ada_client, photo):
    headers = {"Authorization": f"Bearer {ApiToken.issue(ada)}"}
    program = Client(headers=headers)
    files.write_atomically(files.thumbnail(photo.pk), b"webp")
    row = program.get(f"/api/v1/photos/{photo.pk}").json()
    assert body(program.get(row["thumbnail"])) == b"webp"
    assert body(program.get(row["preview"])).startswith(b"\xff\xd8")
    assert hashlib.sha256(body(program.get(row["original"]))).hexdigest() == row["sha256"]
    program.delete(f"/api/v1/photos/{photo.pk}")
    (row,) = program.get("/api/v1/trash").json()["photos"]
    assert body(program.get(row["thumbnail"])) == b"webp"
    assert body(program.get(row["preview"])).startswith(b"\xff\xd8")


def test_a_session_counts_beside_a_token_that_is_none(ada_client, photo):
    for value in ("Bearer wrong", "Bearer", "Basic YWRhOng=", "bearer \xe4"):
        answer = get(ada_client, photo, "original", Authorization=value)
        assert body(answer) == picture("green", (2000, 1500))


def test_a_thumbnail_that_does_not_exist_yet_may_be_asked_for_again_soon(ada_client, photo):
    answer = get(ada_client, photo, "thumbnail")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "max-age=2" in answer.headers["Cache-Control"]
    photo.embeddings.update(state="failed", reason="corrupt")
    assert get(ada_client, photo, "thumbnail").status_code == 404, "it never will be there"


def test_a_thumbnail_is_kept_by_this_browser_for_ever_and_by_no_one_else(ada_client, photo):
    files.write_atomically(files.thumbnail(photo.pk), b"webp")
    answer = get(ada_client, photo, "thumbnail")
    assert body(answer) == b"webp"
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    again = get(ada_client, photo, "thumbnail", **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_tile_gets_the_small_thumbnail_where_there_is_one(ada_client, photo):
    files.write_atomically(files.thumbnail(photo.pk), b"large")
    address = f"/photos/{photo.pk}/thumbnail"
    assert body(ada_client.get(f"{address}?side=320")) == b"large"
    files.write_atomically(files.small_thumbnail(photo.pk), b"small")
    tags = set()
    for side, wanted in (("320", b"small"), ("", b"large"), ("9", b"large"), ("\0", b"large")):
        answer = ada_client.get(address, {"side": side})
        assert (body(answer), answer.headers["Content-Type"]) == (wanted, "image/webp")
        tags.add(answer.headers["ETag"])
    assert len(tags) == 2


def test_head_tells_the_size_without_the_bytes(ada_client, photo):
    answer = ada_client.head(f"/photos/{photo.pk}/original")
    assert answer.headers["Content-Length"] == str(photo.size)
    assert body(answer) == b""


def test_the_preview_is_made_when_first_looked_at(ada_client, photo):
    assert not files.preview(photo.pk).exists()
    first = body(get(ada_client, photo, "preview"))
    assert Image.open(io.BytesIO(first)).size == (1440, 1080)
    assert files.preview(photo.pk).read_bytes() == first
    assert body(get(ada_client, photo, "preview")) == first


def test_a_preview_is_shown_but_not_stored_on_a_full_disk(ada_client, photo, settings):
    settings.MIN_FREE_BYTES = 10**18
    assert get(ada_client, photo, "preview").status_code == 200
    assert not files.preview(photo.pk).exists()


def test_a_broken_original_has_no_preview(ada_client, photo):
    files.original(photo).write_bytes(b"\xff\xd8\xff not a picture any more")
    assert get(ada_client, photo, "preview").status_code == 404


def test_a_preview_that_failed_is_not_tried_at_each_request(ada_client, photo, monkeypatch):
    files.original(photo).write_bytes(b"\xff\xd8\xff not a picture any more")
    asked, read = [], DecoderPool.read
    monkeypatch.setattr(
        DecoderPool, "read", lambda *job, **asker: asked.append(job) or read(*job, **asker)
    )
    for _ in range(3):
        assert get(ada_client, photo, "preview").status_code == 404
    assert len(asked) == 1
    files.original(photo).write_bytes(images.jpeg("red"))
    assert get(ada_client, photo, "preview").status_code == 200


def test_a_busy_pool_asks_to_come_back(ada_client, photo, monkeypatch):
    class Busy:
        def __init__(self, asker):
            pass

        def preview(self, path, *, owner):
            raise PoolBusy

    monkeypatch.setattr("gallery.views.media.web_decoders", Busy)
    answer = get(ada_client, photo, "preview")
    assert answer.status_code == 503
    assert answer.json()["code"] == "busy"
    assert int(answer.headers["Retry-After"]) > 0


def test_the_original_is_a_download_that_cannot_run(ada_client, photo):
    answer = get(ada_client, photo, "original")
    assert body(answer) == files.original(photo).read_bytes()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "wide%20%C3%BC.jpg" in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("kind", KINDS)
def test_others_get_what_they_would_get_for_no_photo_at_all(bob_client, photo, kind):
    files.write_atomically(files.thumbnail(photo.pk), b"webp")
    theirs = get(bob_client, photo, kind)
    unknown = bob_client.get(f"/photos/{uuid.uuid4()}/{kind}")
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.content == unknown.content


def test_a_missing_original_is_not_found(ada_client, photo):
    files.original(photo).unlink()
    assert get(ada_client, photo, "original").status_code == 404
    assert get(ada_client, photo, "preview").status_code == 404


def test_no_page_starts_decoder_children(ada_client, model):
    decoders.close()
    for address in ("/", "/settings", "/problems"):
        ada_client.get(address)
    assert decoders._web is None


@pytest.fixture
def motion(ada_client, model) -> tuple[Photo, bytes]:
    """A motion photo, and its video."""
    video = images.mp4(5000)
    photo = upload(ada_client, images.encode(images.gradient()) + video, "MVIMG.jpg").json()
    return Photo.objects.get(pk=photo["id"]), video


def test_the_video_in_a_motion_photo_is_played(ada_client, bob_client, motion):
    photo, video = motion
    assert photo.motion == "inside"
    assert ada_client.get(f"/api/v1/photos/{photo.pk}").json()["motion"] == "inside"
    answer = get(ada_client, photo, "video")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "video/mp4")
    assert body(answer) == video
    assert answer.headers["Content-Length"] == str(len(video))
    assert get(bob_client, photo, "video").status_code == 404


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=100-", 100, None), ("bytes=-50", -50, None)],
)
def test_players_ask_for_parts_of_a_video(ada_client, motion, asked, first, last):
    photo, video = motion
    answer = get(ada_client, photo, "video", Range=asked)
    wanted = video[first : last + 1 if last is not None else None]
    assert answer.status_code == 206
    assert body(answer) == wanted
    start = first if first >= 0 else len(video) + first
    end = start + len(wanted) - 1
    assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{len(video)}"


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "x" * 999])
def test_nonsense_asks_for_the_whole_video(ada_client, motion, asked):
    photo, video = motion
    answer = get(ada_client, photo, "video", Range=asked)
    assert (answer.status_code, body(answer)) == (200, video)


def test_parts_behind_the_end_of_a_video_are_refused(ada_client, motion):
    photo, video = motion
    answer = get(ada_client, photo, "video", Range=f"bytes={len(video)}-")
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(video)}"


def test_a_photo_without_a_video_has_none_to_play(ada_client, photo):
    assert photo.motion == ""
    assert get(ada_client, photo, "video").status_code == 404


def test_a_raw_file_is_served_as_what_it_is(ada_client, model):
    data = images.raw()
    photo = Photo.objects.get(pk=upload(ada_client, data, "DSC_0001.NEF").json()["id"])
    answer = get(ada_client, photo, "original")
    assert answer.headers["Content-Type"] == "image/x-nikon-nef"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert body(answer) == data


def test_the_page_of_a_photo_says_that_it_is_cut_short(ada_client, photo):
    assert b"Cut short" not in ada_client.get(f"/photos/{photo.pk}").content
    data = images.encode(images.gradient())[:-2]
    cut = upload(ada_client, data, "cut.jpg").json()["id"]
    assert b"Cut short" in ada_client.get(f"/photos/{cut}").content
