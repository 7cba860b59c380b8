"""What every answer carries, whoever makes it, and who may keep it."""

from __future__ import annotations

import re
import socket
import uuid

import pytest
from django.conf import settings as django_settings
from django.test import Client

from gallery.response_headers import PROTECTION, of_server
from gallery.web_server.refusals import turn_away
from tests.web.route_matrix import MATRIX
from tests.web.test_api_photos import picture, upload
from tests.web.test_routes import ask
from tests.web.test_web_server_hostile import address, application, connected, everything

__all__ = ["address", "application"]

FOR_LONG = re.compile("thumbnail|preview|original|video|companions|pictures|javascript-catalog")
ACCOUNT = ("sign-in", "welcome", "join", "forgot", "reset", "account", "account/activity", "people")


@pytest.mark.django_db
@pytest.mark.parametrize("path", MATRIX)
def test_every_route_is_protected_and_says_who_may_keep_it(ada_client, model, path):
    for client in (ada_client, Client()):
        answer = ask(client, path, uuid.uuid4())
        assert answer.status_code < 500 or answer.status_code == 503
        for name, value in PROTECTION.items():
            assert answer.headers[name] == value
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src" in policy
        assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", "")
        kept, kind = answer.headers["Cache-Control"], answer.headers.get("Content-Type", "")
        assert "public" not in kept
        if kind.startswith("application/json") or path in ACCOUNT:
            assert "no-store" in kept
        elif kind.startswith("text/html"):
            assert "no-store" in kept or kept == "private, no-cache"
        elif not FOR_LONG.search(path):
            assert "no-store" in kept or "no-cache" in kept


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/search?q=red", "/albums", "/trash", "/photos/{}"])
def test_back_can_show_pages_of_photos_as_they_were(ada_client, model, path):
    photo = upload(ada_client, picture()).json()["id"]
    answer = ada_client.get(path.format(photo))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/nowhere", "/api/v1/nowhere", "/photos/1", "/static/nothing.css"]
)
def test_what_is_not_there_is_protected_too(ada_client, path):
    answer = ada_client.get(path)
    assert answer.status_code == 404
    assert set(PROTECTION) <= set(answer.headers)
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("path", ["/", "/api/v1/photos"])
def test_a_name_that_is_not_ours_gets_a_protected_answer(path):
    answer = Client(headers={"host": "evil.example"}).get(path)
    assert answer.status_code == 400
    assert set(PROTECTION) <= set(answer.headers)
    assert "default-src" in answer.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_static_files_are_protected_and_for_no_other_site():
    answer = Client().get("/static/css/base.css")
    assert answer.status_code == 200
    answer.close()
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers


MADE_BY_THE_SERVER = {
    400: b"GET / HTTP/1.1\r\nHost: localhost\r\nHost : x\r\n\r\n",
    413: b"POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999\r\n\r\n",
    431: b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    501: b"POST /page HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
}


@pytest.mark.parametrize("status", MADE_BY_THE_SERVER)
def test_what_the_server_refuses_by_itself_is_protected(address, status):
    with connected(address, MADE_BY_THE_SERVER[status]) as client:
        client.shutdown(socket.SHUT_WR)
        head = everything(client).partition(b"\r\n\r\n")[0].decode().lower()
    assert head.split()[1] == str(status)
    for name, value in of_server():
        assert f"\r\n{name}: {value}\r\n".lower() in f"{head}\r\n"


def test_who_is_turned_away_gets_a_protected_answer(settings):
    settings.SECURE_HSTS_SECONDS = 60
    head, _, body = turn_away().partition(b"\r\n\r\n")
    for name, value in of_server():
        assert f"\r\n{name}: {value}\r\n" in head.decode() + "\r\n"
    assert b"Strict-Transport-Security: max-age=60" in head
    assert f"Content-Length: {len(body)}" in head.decode()


@pytest.mark.django_db
def test_signing_out_has_the_browser_forget(ada_client):
    answer = ada_client.post("/sign-out")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "no-store" in answer.headers["Cache-Control"]


def test_no_other_middleware_comes_before_the_headers():
    """Whatever answers before them answers without them."""
    before = django_settings.MIDDLEWARE.index("gallery.response_headers.protect")
    assert before == 2
