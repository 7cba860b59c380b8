"""One request holds one file: what is none, several, half or too large is told in one shape."""

from __future__ import annotations

import pytest
from django.test import Client

from gallery.models import Photo
from tests.web.test_api_photos import media_files, picture, upload

pytestmark = pytest.mark.django_db

BOUNDARY = "a-line-between-parts"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, data: bytes, file_name: str | None = "photo.png", more: str = "") -> bytes:
    named = f'; filename="{file_name}"' if file_name is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n{more}\r\n'
    return head.encode() + data + b"\r\n"


def form(*parts: bytes, end: str = f"--{BOUNDARY}--\r\n") -> bytes:
    return b"".join(parts) + end.encode()


def send(client, body: bytes, content_type: str = FORM, path: str = "/api/v1/photos"):
    answer = client.post(path, body, content_type=content_type)
    assert set(answer.json()) >= {"code", "message"}, "every error has the one shape"
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("names", [
    ("file", "file"), ("file", "files"), ("files", "file"), ("file[]", "file[]"),
    ("other", "another"), ("file", "file", "file"), ("file",) * 5, ("file",) * 40,
])  # fmt: skip
@pytest.mark.parametrize("path", ["/api/v1/photos", "/api/v1/search/by-image"])
def test_of_several_files_none_is_taken(ada_client, model, names, path):
    shades = [picture((n, 0, 9), (40, 30), "PNG") for n in range(len(names))]
    body = form(*map(part, names, shades))
    assert send(ada_client, body, path=path) == (400, "several_files")
    assert not Photo.objects.exists()
    assert media_files() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        form(),
        form(part("other", b"text", None)),
        form(part("file", b"text", None)),
        form(part("file", b"", "")),
        form(part("files", picture())),
        form(part("file[]", picture())),
    ],
)
def test_without_a_file_in_its_field_the_field_is_named(ada_client, model, body):
    answer = ada_client.post("/api/v1/photos", body, content_type=FORM)
    assert (answer.status_code, answer.json()["code"]) == (400, "no_file")
    assert "no file in the field `file`" in answer.json()["message"]
    assert not Photo.objects.exists()


@pytest.mark.parametrize(
    "content_type",
    ["", "image/jpeg", "application/json", "application/x-www-form-urlencoded", "multipart/mixed"],
)
def test_a_body_that_is_no_form_holds_no_file(ada_client, model, content_type):
    assert send(ada_client, picture(), content_type) == (400, "no_file")


def test_an_empty_file_is_empty(ada_client, model):
    assert send(ada_client, form(part("file", b""))) == (400, "empty")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=ü"])
def test_a_form_without_a_boundary_cannot_be_read(ada_client, model, content_type):
    assert send(ada_client, form(part("file", picture())), content_type) == (400, "bad_request")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (form(part("file", picture()), end=""), "broken_off"),
        (form(part("file", picture()), end=f"--{BOUNDARY}"), "broken_off"),
        (form(part("file", picture()))[:300], "broken_off"),
        (form(part("file", picture()))[:60], "broken_off"),
        (form(part("file", picture())).replace(BOUNDARY.encode(), b"another"), "broken_off"),
        (form(part("file", picture()), part("file", picture()), end=""), "broken_off"),
        (b"noise", "broken_off"),
        (form(part("file", b"!", more="Content-Transfer-Encoding: base64\r\n")), "bad_request"),
    ],
)
def test_nothing_is_taken_of_a_body_that_breaks_off(ada_client, model, body, code):
    assert send(ada_client, body) == (400, code)
    assert not Photo.objects.exists()
    assert media_files() == []


def test_what_follows_the_last_part_does_not_matter(ada_client, model):
    body = form(part("file", picture())) + b"an epilogue\r\n"
    assert ada_client.post("/api/v1/photos", body, content_type=FORM).status_code == 201


@pytest.mark.parametrize(
    ("body", "content_type", "told"),
    [
        (form(part("caption", b"x" * 3_000_000, None)), FORM, (413, "too_large")),
        (form(*[part(f"f{n}", b"", None) for n in range(1100)]), FORM, (400, "bad_request")),
        (b'{"name": "' + b"x" * 3_000_000, "application/json", (413, "too_large")),
        (b"a=" + b"x" * 3_000_000, "application/x-www-form-urlencoded", (413, "too_large")),
    ],
)
def test_other_limits_have_the_same_shape(ada_client, model, body, content_type, told):
    is_upload = content_type == FORM
    path = "/api/v1/photos" if is_upload else "/api/v1/albums"
    if "urlencoded" in content_type:
        path = "/api/v1/photos"
    assert send(ada_client, body, content_type, path) == told


def test_too_many_parameters_have_the_same_shape(ada_client, model):
    query = "&".join(f"p{n}=1" for n in range(1100))
    answer = ada_client.get(f"/api/v1/photos?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert "1000 fields" in answer.json()["message"]


def test_a_body_whose_length_nobody_said_is_told(ada_client, model):
    answer = ada_client.post(
        "/api/v1/photos", b"", content_type=FORM, headers={"transfer-encoding": "chunked"},
        CONTENT_LENGTH="",
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (411, "no_length")


@pytest.mark.parametrize("name", [
    "👨‍👩‍👧 at sea.png", "می‌خواهم.png", "❤️.png", "🏴󠁧󠁢󠁳󠁣󠁴󠁿.png",
    "\U0001fae9 \U0001f6d8.png", "a&amp;b &#39;.png",
    "葛\U000e0100.png", "\U000323b0.png", "ß" * 190 + ".png", "x." + "猫" * 150,
])  # fmt: skip
def test_a_name_comes_through_the_form_as_it_was_sent(ada_client, model, name):
    body = form(part("file", picture(kind="PNG"), name))
    answer = ada_client.post("/api/v1/photos", body, content_type=FORM)
    assert answer.status_code == 201
    assert Photo.objects.get().name == name


@pytest.mark.parametrize("name", ["..", "/", "\u202e", "\u200d"])
def test_a_name_of_nothing_gets_a_name(ada_client, model, name):
    body = form(part("file", picture(kind="PNG"), name))
    assert ada_client.post("/api/v1/photos", body, content_type=FORM).status_code == 201
    assert Photo.objects.get().name == "photo"


def test_the_plain_form_still_takes_a_few_files(ada_client, model):
    body = form(part("file", picture("red")), part("file", picture("blue")))
    page = ada_client.post("/upload", body, content_type=FORM)
    assert page.status_code == 200
    assert Photo.objects.count() == 2


def test_the_plain_form_takes_nothing_of_a_body_that_breaks_off(ada_client, model):
    body = form(part("file", picture("red")), part("file", picture("blue")), end="")
    page = ada_client.post("/upload", body, content_type=FORM)
    assert page.status_code == 400
    assert "cut off before its end" in page.content.decode()
    assert not Photo.objects.exists()


def test_each_file_of_the_plain_form_has_its_own_limit(ada_client, model, settings):
    settings.MAX_FILE_BYTES = 1000
    files = [picture((n, 0, 0), kind="PNG") + b"\0" * 700 for n in range(3)]
    body = form(*[part("file", data) for data in files])
    assert ada_client.post("/upload", body, content_type=FORM).status_code == 200
    assert Photo.objects.count() == 3
    assert upload(ada_client, picture() + b"\0" * 1000).status_code == 413


def test_the_session_says_who_is_signed_in(ada, ada_client):
    answer = ada_client.get("/api/v1/session").json()
    assert (answer["user"], answer["name"]) == (ada.pk, "ada")
    client = Client(enforce_csrf_checks=True)
    client.cookies = ada_client.cookies
    albums = {"path": "/api/v1/albums", "content_type": "application/json"}
    token = {"x-csrftoken": answer["csrf_token"]}
    assert client.post(data={"name": "Sea"}, **albums).status_code == 403
    assert client.post(data={"name": "Sea"}, headers=token, **albums).status_code == 201


def test_a_file_of_one_account_is_not_taken_for_another(ada, bob, ada_client, model):
    body = form(part("file", picture()))
    answer = ada_client.post(f"/api/v1/photos?owner={bob.pk}", body, content_type=FORM)
    assert (answer.status_code, answer.json()["code"]) == (409, "other_account")
    assert not Photo.objects.exists()
    answer = ada_client.post(f"/api/v1/photos?owner={ada.pk}", body, content_type=FORM)
    assert answer.status_code == 201
