"""The bytes of photos: who gets them, how they are cached, what happens when they are missing."""

from __future__ import annotations

import io
import uuid

import pytest
from PIL import Image

from gallery import decoders, files
from gallery.decoding import PoolBusy
from gallery.models import Photo
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


def test_a_thumbnail_that_does_not_exist_yet_may_be_asked_for_again_soon(ada_client, photo):
    answer = get(ada_client, photo, "thumbnail")
    assert answer.status_code == 404
    assert "max-age=2" in answer.headers["Cache-Control"]


def test_a_thumbnail_is_kept_by_this_browser_for_ever_and_by_no_one_else(ada_client, photo):
    files.write_atomically(files.thumbnail(photo.pk), b"webp")
    answer = get(ada_client, photo, "thumbnail")
    assert body(answer) == b"webp"
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    again = get(ada_client, photo, "thumbnail", **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


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


def test_a_busy_pool_asks_to_come_back(ada_client, photo, monkeypatch):
    class Busy:
        def preview(self, path):
            raise PoolBusy

    monkeypatch.setattr("gallery.views.media.web_pool", Busy)
    answer = get(ada_client, photo, "preview")
    assert answer.status_code == 503
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
    assert decoders._pool is None
