"""Whose bodies are received, and how much of them: the server over real sockets."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.backends.db import SessionStore as Stored
from django.test import Client

from gallery.models import ApiToken
from gallery.web_server import admission, server as servers
from gallery.web_server.server import Server
from gallery.web_server.sockets import bind
from tests.web.test_web_server_hostile import (
    GET,
    Application,
    address,
    answers,
    application,
    connected,
    everything,
    page,
)

__all__ = ["address", "application"]

pytestmark = pytest.mark.django_db(transaction=True)

KB, MB = 1024, 1024 * 1024
ROOT = Path(__file__).parents[2]


def head(path="/api/v1/photos", length=3 * MB, *more: str) -> bytes:
    size = f"Content-Length: {length}" if length else "Transfer-Encoding: chunked"
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", size, *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@contextmanager
def sending(address, *arguments) -> Iterator[None]:
    """A client that was told to send a body, and sends nothing."""
    with connected(address, head(*arguments, "Expect: 100-continue")) as client:
        assert status(client) == 100
        yield


def chunk(size: int) -> bytes:
    return b"%x\r\n%b\r\n" % (size, bytes(size))


@pytest.fixture
def bearer(ada):
    return f"Authorization: Bearer {ApiToken.issue(ada)}"


@pytest.fixture
def cookie(ada_client):
    name = django_settings.SESSION_COOKIE_NAME
    return f"Cookie: a=b; {name}={ada_client.cookies[name].value}"


@pytest.fixture
def bare_session(db):
    """The cookie of a session in which nobody is signed in."""
    store = Stored()
    store["x"] = 1
    store.save()
    return f"Cookie: {django_settings.SESSION_COOKIE_NAME}={store.session_key}"


def status(client) -> int:
    match = re.search(rb"HTTP/1.1 (\d{3})", client.recv(65536))
    return int(match[1]) if match else 0


STRANGERS = [
    (),
    ("Authorization: Bearer made-up",),
    ("Authorization: Basic YTpi",),
    ("Cookie: scry_session=abcdefghijklmnopqrstuvwxyz012345",),
    ('Cookie: scry_session=\\000"\';"',),
]


@pytest.mark.parametrize("more", STRANGERS)
@pytest.mark.parametrize("length", [3 * MB, 0])
def test_a_stranger_sends_no_large_body(address, application, settings, more, length):
    with connected(address, head("/api/v1/photos", length, *more)) as client:
        if not length:
            for _ in range(20):
                client.sendall(chunk(MB // 4))
        assert status(client) == 401
    assert application.bodies == []
    assert list(Path(settings.UPLOAD_TMP_DIR).iterdir()) == []


def test_a_session_without_a_person_is_a_strangers(address, bare_session):
    with connected(address, head("/upload", 3 * MB, bare_session)) as client:
        told = client.recv(65536)
    assert told.startswith(b"HTTP/1.1 302")
    assert b"Location: /sign-in?next=%2Fupload\r\n" in told


@pytest.mark.parametrize("credential", ["bearer", "cookie"])
@pytest.mark.parametrize("length", [3 * MB, 20 * KB, 0])
def test_who_is_known_sends_large_bodies(address, application, request, credential, length):
    more = request.getfixturevalue(credential)
    with connected(address, head("/api/v1/photos", length, more)) as client:
        client.sendall(bytes(length) if length else chunk(3 * MB) + b"0\r\n\r\n")
        assert page(client).endswith(b"page")
        client.sendall(GET)
        assert page(client).endswith(b"page"), "the connection goes on"
    assert application.bodies[0] == length or 3 * MB


def test_who_waits_is_told_to_send_once_it_is_known_who_it_is(address, bearer):
    expecting = head("/api/v1/photos", 3 * MB, bearer, "Expect: 100-continue")
    with connected(address, expecting) as client:
        assert client.recv(65536).startswith(b"HTTP/1.1 100")
        client.sendall(bytes(3 * MB))
        assert page(client).endswith(b"page")
    with connected(address, head("/api/v1/photos", 3 * MB, "Expect: 100-continue")) as client:
        assert status(client) == 401


@pytest.mark.parametrize("path", ["/sign-in", "/", "/api/v1/albums", "/api/v1/photos/trash", "//"])
@pytest.mark.parametrize("length", [3 * MB, 0])
def test_other_addresses_take_small_bodies_only(address, bearer, path, length):
    with connected(address, head(path, length, bearer)) as client:
        if not length:
            client.sendall(chunk(3 * MB))
        assert status(client) == 413


def test_a_stranger_may_sign_in(address, application):
    with connected(address, head("/sign-in", 300), bytes(300)) as client:
        assert page(client).endswith(b"page")


def test_strangers_share_little_room(address, application, monkeypatch, bearer):
    monkeypatch.setattr(admission, "_STRANGERS_BYTES", 3 * MB)
    with ExitStack() as opened:
        for _ in range(3):
            opened.enter_context(sending(address, "/sign-in", MB))
        with connected(address, head("/sign-in", MB)) as client:
            told = client.recv(65536)
        assert told.startswith(b"HTTP/1.1 503")
        assert b"Retry-After: 10\r\n" in told
        for sent in (head("/sign-in", 300) + bytes(300), head(length=MB) + bytes(MB)):
            known = (
                sent.replace(b"Host:", bearer.encode() + b"\r\nHost:") if len(sent) > MB else sent
            )
            with connected(address, known) as client:
                assert page(client).endswith(b"page")


def test_chunks_of_strangers_count_as_they_come(address, monkeypatch):
    monkeypatch.setattr(admission, "_STRANGERS_BYTES", MB)
    with connected(address, head("/sign-in", 0)) as client:
        for _ in range(6):
            client.sendall(chunk(MB // 4))
        assert status(client) == 503


@pytest.fixture
def _little_room(settings):
    """A process that keeps ten files of 1 MB, or bodies of that size."""
    settings.MAX_FILE_BYTES = MB
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * KB


@pytest.mark.usefixtures("_little_room")
def test_one_person_has_a_share_of_the_room(address, bearer, bob):
    theirs = f"Authorization: Bearer {ApiToken.issue(bob)}"
    with ExitStack() as opened:
        for _ in range(5):
            opened.enter_context(sending(address, "/api/v1/photos", MB, bearer))
        with connected(address, head("/api/v1/photos", MB, bearer)) as client:
            assert status(client) == 503
        with connected(address, head("/api/v1/photos", MB, theirs)) as client:
            client.sendall(bytes(MB))
            assert page(client).endswith(b"page")


def test_what_others_still_have_to_send_counts(address, bearer, monkeypatch, settings):
    """Each would fit alone."""
    settings.MIN_FREE_BYTES = 0
    monkeypatch.setattr("gallery.web_server.parsing.free_bytes", lambda: 7 * MB)
    with ExitStack() as opened:
        for _ in range(2):
            opened.enter_context(sending(address, "/api/v1/photos", 3 * MB, bearer))
        with connected(address, head("/api/v1/photos", 3 * MB, bearer)) as client:
            assert status(client) == 507
        assert answers(address)


def test_a_database_that_is_away_keeps_nobody_from_being_told(address, bearer, monkeypatch):
    from django.db import OperationalError

    def fail(headers):
        raise OperationalError("gone")

    monkeypatch.setattr(admission, "sender_of", fail)
    with connected(address, head("/api/v1/photos", 3 * MB, bearer)) as client:
        client.sendall(bytes(3 * MB))
        assert page(client).endswith(b"page"), "the gallery answers, which knows what is wrong"


def test_a_slow_database_stops_nobody_else(address, bearer, monkeypatch):
    door = Event()
    monkeypatch.setattr(admission, "sender_of", lambda headers: door.wait(60))
    with ExitStack() as opened:
        opened.callback(door.set)
        for _ in range(6):
            opened.enter_context(connected(address, head("/api/v1/photos", 3 * MB, bearer)))
        assert answers(address)


def test_a_credential_that_is_known_too_late_harms_no_other_file(tmp_path, monkeypatch):
    """The server wakes itself by a pipe, whose number is another file's once it is closed."""
    asked, door, before = Event(), Event(), set(threading.enumerate())
    monkeypatch.setattr(servers, "STOP_SECONDS", 0.1)
    monkeypatch.setattr(admission, "sender_of", lambda headers: asked.set() or door.wait(60))
    server = Server(Application(tmp_path), bind("127.0.0.1", 0), 2)
    serving = threading.Thread(target=server.run)
    serving.start()
    with connected(("127.0.0.1", server.port), head("/upload", 3 * MB, "Authorization: Bearer x")):
        assert asked.wait(60)
        server.stop()
        serving.join(60)
    server.close()
    with ExitStack() as opened:
        files = [opened.enter_context((tmp_path / f"{n}").open("wb")) for n in range(100)]
        door.set()
        for thread in set(threading.enumerate()) - before:
            thread.join(60)
            assert not thread.is_alive()
        assert [os.fstat(file.fileno()).st_size for file in files] == [0] * 100


_TAKES = re.compile(r"received_file\(|\.FILES\b|request\.read\(")
_KNOWN = {
    "gallery/uploads.py": None,
    "gallery/views/pages.py": "/upload",
    "gallery/views/share_pages.py": "/shared/5f0c3a52-0000-4000-8000-000000000000/add",
    "gallery/api/photos.py": "/api/v1/photos",
    "gallery/api/partial_uploads.py": "/api/v1/uploads/5f0c3a52-0000-4000-8000-000000000000",
    "search/engine/sent_pictures.py": "/search/by-image",
    "search/understanding/views/evaluations.py": "/evaluations",
    "search/api/models.py": "/api/v1/model/uploads/5f0c3a52-0000-4000-8000-000000000000",
}


def test_every_module_that_takes_files_has_its_address_among_those_of_large_bodies():
    found = {
        str(path.relative_to(ROOT))
        for package in ("gallery", "search", "workers")
        for path in (ROOT / package).rglob("*.py")
        if _TAKES.search(path.read_text(encoding="utf-8"))
    }
    assert found == set(_KNOWN)
    assert all(admission.takes_files(path) for path in _KNOWN.values() if path)
    assert admission.takes_files("/api/v1/search/by-image")


def test_a_credential_is_only_what_the_gallery_would_take(ada, bob):
    client = Client()
    client.force_login(ada)
    name = django_settings.SESSION_COOKIE_NAME
    signed_in = f"{name}={client.cookies[name].value}"
    assert admission.sender_of({"COOKIE": signed_in}) == str(ada.pk)
    assert admission.sender_of({"AUTHORIZATION": f"bearer {ApiToken.issue(bob)}"}) == str(bob.pk)
    client.logout()
    for headers in ({}, {"COOKIE": signed_in}, {"COOKIE": f"{name}="}, {"AUTHORIZATION": "Bearer"}):
        assert admission.sender_of(headers) is None


def test_headers_that_never_end_keep_a_server_from_nothing(address, monkeypatch):
    """As many as stopped a server once, from four addresses."""
    with ExitStack() as opened:
        for number in range(404):
            source = f"127.0.1.{number % 5}"
            opened.enter_context(connected(address, b"GET /page HTTP/1.1\r\nX:", source=source))
        for _ in range(3):
            assert answers(address)


def test_bodies_of_refused_requests_are_not_kept(address, settings):
    with connected(address, head("/sign-in", 100 * MB)) as client:
        client.sendall(os.urandom(4 * MB))
        assert b"413" in everything_of(client)
    assert list(Path(settings.UPLOAD_TMP_DIR).iterdir()) == []


def everything_of(client) -> bytes:
    client.shutdown(1)
    return everything(client)
