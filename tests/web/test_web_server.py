"""The real server over real sockets: every limit is told in JSON, and no client sees a reset."""

from __future__ import annotations

import json
import os
import socket
import threading
import time

import pytest
from django.core.wsgi import get_wsgi_application

from gallery.models import ApiToken, Photo
from gallery.web_server import connections, refusals
from gallery.web_server.server import Server
from gallery.web_server.sockets import bind
from tests.waiting import threads_end
from tests.web.test_api_photos import media_files, picture
from tests.web.test_api_uploads import FORM, form, part

pytestmark = pytest.mark.django_db(transaction=True)

MB = 1024 * 1024


@pytest.fixture
def address(settings, monkeypatch):
    """The address of a server as `serve` starts it, with a limit of 1 MB a request."""
    settings.MAX_FILE_BYTES = MB // 4
    monkeypatch.setattr(refusals, "_BODY_BYTES", MB)
    monkeypatch.setattr("gallery.web_server.server.STOP_SECONDS", 0.2)
    with threads_end("waitress-"):
        server = Server(get_wsgi_application(), bind("127.0.0.1", 0), 2)
        thread = threading.Thread(target=server.run)
        thread.start()
        yield "127.0.0.1", server.port
        server.stop()
        thread.join(30)
        assert not thread.is_alive()
        server.close()


@pytest.fixture
def token(ada):
    return ApiToken.issue(ada)


class Client:
    """A client that sends everything before it reads, as simple ones do."""

    def __init__(self, address, token):
        self.token = token
        self.socket = socket.create_connection(address, timeout=20)

    def head(self, path="/api/v1/photos", method="POST", **headers) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"Authorization: Bearer {self.token}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, dict]:
        """Read one answer; a reset raises."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, body = received.split(b"\r\n\r\n", 1)
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += self._more()
        assert b"application/json" in head
        return int(head.split()[1]), json.loads(body)

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        assert data, "the connection was closed without an answer"
        return data

    def is_closed(self) -> bool:
        return self.socket.recv(1) == b""


@pytest.fixture
def client(address, token):
    one = Client(address, token)
    yield one
    one.socket.close()


@pytest.fixture
def upload_of():
    return lambda size: form(part("file", picture() + os.urandom(size)))


def told(client) -> tuple[int, str]:
    status, body = client.answer()
    assert set(body) == {"code", "message"}
    assert body["message"]
    return status, body["code"]


@pytest.mark.parametrize("size", [2 * MB, 40 * MB])
def test_a_body_over_the_limit_is_answered_though_it_is_still_sent(client, upload_of, model, size):
    body = upload_of(size)
    client.send(client.head(Content_Type=FORM, Content_Length=len(body)))
    client.send(body)
    assert told(client) == (413, "too_large")
    assert client.is_closed()
    assert media_files() == []


def test_a_file_over_its_own_limit_is_told_by_the_gallery(client, upload_of, model):
    body = upload_of(MB // 2)
    client.send(client.head(Content_Type=FORM, Content_Length=len(body)) + body)
    assert told(client) == (413, "too_large")


def test_a_body_in_pieces_over_the_limit_is_told(client, model):
    client.send(client.head(Content_Type=FORM, Transfer_Encoding="chunked"))
    piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    for _ in range(100):
        client.send(piece)
    assert told(client) == (413, "too_large")


def test_a_body_in_pieces_is_taken(client, model):
    body = form(part("file", picture()))
    client.send(client.head(Content_Type=FORM, Transfer_Encoding="chunked"))
    client.send(f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
    assert client.answer()[0] == 201


def test_who_asks_first_is_told_before_sending(client, model):
    head = client.head(Content_Type=FORM, Content_Length=10**12, Expect="100-continue")
    client.send(head)
    assert told(client) == (413, "too_large"), "it is not told to go on"


def test_who_asks_first_may_go_on(client, model):
    body = form(part("file", picture()))
    client.send(client.head(Content_Type=FORM, Content_Length=len(body), Expect="100-continue"))
    assert client.socket.recv(100).startswith(b"HTTP/1.1 100 ")
    client.send(body)
    assert client.answer()[0] == 201


def test_a_full_disk_is_told_before_the_body_is_stored(client, upload_of, model, settings):
    settings.MIN_FREE_BYTES = 1 << 60
    body = upload_of(MB * 3 // 4)
    client.send(client.head(Content_Type=FORM, Content_Length=len(body)) + body)
    assert told(client) == (507, "storage_full")


def test_a_disk_that_fills_up_meanwhile_is_told(client, upload_of, model, monkeypatch):
    def fail(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("waitress.receiver.FixedStreamReceiver.received", fail)
    body = upload_of(MB // 2)
    client.send(client.head(Content_Type=FORM, Content_Length=len(body)) + body)
    assert told(client) == (507, "storage_full")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET /?" + b"q" * 600_000 + b" HTTP/1.1\r\n\r\n", (431, "headers_too_large")),
        (b"GET / HTTP/1.1\r\nCookie: " + b"c" * 600_000 + b"\r\n\r\n", (431, "headers_too_large")),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 90_000 + b"\r\n", (431, "headers_too_large")),
        (b"POST /api/v1/photos HTTP/1.1\r\nContent-Length: -4\r\n\r\n", (400, "bad_request")),
        (b"POST /api/v1/photos HTTP/1.1\r\nContent-Length: x\r\n\r\n", (400, "bad_request")),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", (501, "bad_request")),
        (b"nonsense\r\n\r\n", (400, "bad_request")),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", (400, "bad_request")),
    ],
)  # fmt: skip
def test_broken_requests_and_headers_have_the_one_shape(client, db, head, expected):
    client.send(head)
    assert told(client) == expected
    assert client.is_closed()


def test_what_comes_after_a_refusal_is_no_request(client, model):
    client.send(client.head(Content_Type=FORM, Content_Length=10**9))
    client.send(client.head("/api/v1/photos", "GET") * 50)
    assert told(client)[0] == 413
    assert client.is_closed()


def test_who_keeps_sending_is_cut_off_in_the_end(client, model, monkeypatch):
    monkeypatch.setattr(connections, "_DROPPED_BYTES", 4 * MB)
    client.send(client.head(Content_Type=FORM, Content_Length=10**9))
    with pytest.raises(OSError, match=r"reset|pipe"):
        client.send(bytes(100 * MB))


def test_a_connection_that_breaks_off_leaves_nothing(address, token, model):
    client = Client(address, token)
    body = form(part("file", picture()))
    client.send(client.head(Content_Type=FORM, Content_Length=len(body)) + body[:-60])
    client.socket.close()
    time.sleep(0.2)
    assert not Photo.objects.exists()
    assert media_files() == []


def test_the_connection_serves_on_after_a_refusal_by_the_gallery(client, model):
    body = form(part("files", picture()))
    for _ in range(3):
        client.send(client.head(Content_Type=FORM, Content_Length=len(body)) + body)
        assert told(client) == (400, "no_file")
