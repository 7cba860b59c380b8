"""What a slow or hostile client cannot do to the others: the server over real sockets."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest
from django.http import FileResponse

from gallery.logs.once_a_minute import OnceAMinute
from gallery.web_server import connections, patience, refusals, server as servers
from gallery.web_server.addresses import neighbourhood
from gallery.web_server.server import Server
from gallery.web_server.sockets import bind
from gallery.wsgi import application as scry
from tests.waiting import threads_end, wait_until

MB = 1024 * 1024
GET = b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Application:
    """A WSGI application of a few routes; `open_door` ends the requests of /blocked."""

    def __init__(self, folder):
        self.door, self.folder, self.bodies = threading.Event(), folder, []

    def __call__(self, environ, start_response):
        path, body = environ["PATH_INFO"], environ["wsgi.input"].read()
        self.bodies.append(len(body))
        if path == "/blocked":
            self.door.wait(60)
        if path == "/healthz":
            return scry(environ, start_response)
        if path == "/endless":
            start_response("200 OK", [])
            return (bytes(MB) for _ in range(1000))
        if path == "/file":
            file = (self.folder / "file").open("rb")
            size = str((self.folder / "file").stat().st_size)
            start_response("200 OK", [("Content-Length", size)])
            return environ["wsgi.file_wrapper"](file)
        if path == "/pieces":
            start_response("200 OK", [])
            return [b"one", b"two"]
        start_response("200 OK", [("Content-Length", "4")])
        return [b"page"]


@pytest.fixture
def application(tmp_path):
    return Application(tmp_path)


@pytest.fixture
def address(application, monkeypatch):
    """The address of a server with two threads, which looks after connections 20 times a second."""
    monkeypatch.setattr(servers, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(servers, "STOP_SECONDS", 0.2)
    with threads_end("waitress-"):
        server = Server(application, bind("127.0.0.1", 0), 2)
        thread = threading.Thread(target=server.run)
        thread.start()
        yield "127.0.0.1", server.port
        application.door.set()
        server.stop()
        thread.join(30)
        assert not thread.is_alive()
        server.close()


@contextmanager
def connected(address, *sent: bytes, source="127.0.0.1"):
    with socket.create_connection(address, timeout=30, source_address=(source, 0)) as client:
        for data in sent:
            client.sendall(data)
        yield client


def everything(client) -> bytes:
    received = b""
    while data := client.recv(65536):
        received += data
    return received


def page(client) -> bytes:
    """Read the answer to `GET`; what is not one ends with the connection."""
    received = b""
    while not received.endswith(b"page") and (data := client.recv(65536)):
        received += data
    return received


def answers(address, request=GET, source="127.0.0.1", seconds=10.0) -> bool:
    """Tell whether a request on a new connection gets 200 before others are given up."""
    with connected(address, request, source=source) as client:
        client.settimeout(seconds)
        try:
            return client.recv(65536).startswith(b"HTTP/1.1 200")
        except TimeoutError:
            return False


def drip(client, data: bytes, every=0.02, seconds=30.0) -> float:
    """Send `data` again and again until the connection is closed; return the seconds it took."""
    began = time.monotonic()
    client.settimeout(every)
    while time.monotonic() - began < seconds:
        try:
            client.sendall(data)
            if client.recv(65536) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("first", [b"GET /page HTTP/1.1\r\n", b"", b"\r\n\r\n", GET + b"G"])
def test_a_header_that_drips_is_cut_off(address, monkeypatch, first):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(connections, "_LATE_SECONDS", 0.1)
    with connected(address, first) as client:
        line = b"X: y\r\n" if first else b"\r\n\r\n"
        assert 0.2 < drip(client, line) < 25


def test_who_sends_nothing_is_cut_off(address, monkeypatch):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    with connected(address) as client:
        assert client.recv(1) == b""


@pytest.mark.slow
def test_a_late_header_is_told(address, monkeypatch):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 1.0)
    with connected(address, b"GET / HTTP/1.1\r\n") as client:
        head, body = everything(client).split(b"\r\n\r\n")
    assert b" 408 " in head.splitlines()[0]
    assert json.loads(body)["code"] == "too_slow"


def test_what_the_server_refuses_is_a_line_a_minute_of_each_kind(address, monkeypatch, caplog):
    """Whoever floods the server does not fill the log."""
    monkeypatch.setattr(refusals, "_told", OnceAMinute())
    for request in [b"GET /secret\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"] * 5:
        with connected(address, request) as client:
            everything(client)
    lines = [record.getMessage() for record in caplog.records if record.name == refusals.__name__]
    assert 1 <= len(lines) <= 2
    assert lines[0] == "Refused before it was read: 400 Bad Request, from 127.0.0.1."


@pytest.mark.slow
def test_an_idle_connection_is_kept_for_a_while_and_then_closed(address, monkeypatch):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.8)
    with connected(address, GET) as client:
        assert page(client).endswith(b"page")
        time.sleep(1.0)
        client.sendall(GET)
        assert page(client).endswith(b"page")
        monkeypatch.setattr(connections, "IDLE_SECONDS", 0.3)
        assert client.recv(1) == b""


def test_a_body_that_drips_is_refused(address, application, monkeypatch):
    monkeypatch.setattr(patience, "WINDOW_SECONDS", 0.3)
    monkeypatch.setattr(connections, "_LATE_SECONDS", 0.1)
    head = b"POST /page HTTP/1.1\r\nContent-Length: 36000\r\n\r\n"
    with connected(address, head) as client:
        assert drip(client, b"x") < 25
    assert application.bodies == []


def lasts(*speeds: tuple[float, float], hours: float = 1) -> bool:
    """Tell whether a client is kept that sends (bytes a second, seconds) in turn, for hours."""
    pace, now, moved = patience.Pace(), 0.0, 0.0
    while now < hours * 3600:
        for speed, seconds in speeds:
            for _ in range(int(seconds)):
                now, moved = now + 1, moved + speed
                if not pace.keeps(now, int(moved)):
                    return False
    return True


def test_a_phone_is_fast_enough_though_it_is_silent_in_tunnels():
    assert lasts((4000, 10))
    assert lasts((4000, 15), (0, 45))


def test_who_is_slow_on_purpose_is_not():
    assert not lasts((400, 60))
    assert not lasts((1, 1), (0, 50))
    assert not lasts((100_000_000, 10), (10, 3590)), "a good beginning buys nothing"


def test_rests_do_not_count():
    pace = patience.Pace()
    assert pace.keeps(0, 0)
    pace.rest()
    assert pace.keeps(1000, 0)
    assert not pace.keeps(1000 + patience.WINDOW_SECONDS, 10)


def test_bodies_that_are_sent_keep_no_thread(address):
    head = b"POST /page HTTP/1.1\r\nContent-Length: 100000\r\n\r\nx"
    with ExitStack() as opened:
        for _ in range(10):
            opened.enter_context(connected(address, head))
        assert answers(address)


def test_health_is_told_though_every_thread_is_busy(address, application):
    with ExitStack() as opened:
        for _ in range(4):
            opened.enter_context(connected(address, b"GET /blocked HTTP/1.1\r\n\r\n"))
        wait_until(lambda: len(application.bodies) == 2)
        assert not answers(address, seconds=0.5)
        assert answers(address, HEALTH)
        with connected(address, b"nonsense\r\n\r\n") as client:
            assert b" 400 " in everything(client).splitlines()[0], "refusals are told, too"


def test_who_reads_nothing_keeps_no_thread_for_ever(address, monkeypatch):
    monkeypatch.setattr(patience, "WINDOW_SECONDS", 0.3)
    with ExitStack() as opened:
        for _ in range(2):
            opened.enter_context(connected(address, b"GET /endless HTTP/1.1\r\n\r\n"))
        assert answers(address)


def test_files_are_sent_without_a_thread(address, application):
    with (application.folder / "file").open("wb") as file:
        file.truncate(50 * MB)
    with ExitStack() as opened:
        asked = b"GET /file HTTP/1.1\r\n\r\n"
        clients = [opened.enter_context(connected(address, asked)) for _ in range(4)]
        assert answers(address)
        received = 0
        while received < 50 * MB:
            received += len(clients[0].recv(MB))


def test_a_file_that_becomes_shorter_ends_the_connection(address, application):
    path = application.folder / "file"
    path.write_bytes(os.urandom(20 * MB))
    with connected(address, b"GET /file HTTP/1.1\r\n\r\n") as client:
        client.recv(1000)
        os.truncate(path, MB)
        everything(client)


@pytest.mark.parametrize("path", [b"/page", b"/file", b"/pieces", b"/healthz"])
def test_head_has_no_body(address, application, path):
    (application.folder / "file").write_bytes(b"file")
    request = b"HEAD " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with connected(address, request) as client:
        head, body = everything(client).split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert body == b""


def test_a_connection_is_of_use_after_head(address):
    with connected(address, GET.replace(b"GET", b"HEAD")) as client:
        assert b"Content-Length: 4" in client.recv(65536)
        client.sendall(GET)
        assert page(client).endswith(b"page")


def test_one_address_cannot_take_all_connections(address, monkeypatch):
    monkeypatch.setattr(servers, "CONNECTIONS_OF_ONE", 5)
    with ExitStack() as opened:
        for _ in range(5):
            opened.enter_context(connected(address))
        with connected(address) as client:
            head, body = everything(client).split(b"\r\n\r\n")
        assert b" 429 " in head.splitlines()[0]
        assert json.loads(body)["code"] == "too_many_requests"
        assert answers(address, source="127.0.0.2")


def test_behind_a_proxy_all_share_one_address(address, monkeypatch, settings):
    settings.PROXY_COUNT = 1
    monkeypatch.setattr(servers, "CONNECTIONS_OF_ONE", 5)
    with ExitStack() as opened:
        for _ in range(10):
            opened.enter_context(connected(address))
        assert answers(address)


@pytest.mark.parametrize(
    ("address", "neighbour", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_who_is_one_client(address, neighbour, same):
    assert (neighbourhood(address) == neighbourhood(neighbour)) is same


def test_urgent_data_ends_the_connection(address):
    with connected(address, b"GET /page HTTP/1.1\r\n") as client:
        client.send(b"!", socket.MSG_OOB)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""


@pytest.mark.parametrize(
    "rest", [b"1" * 9000, b"1;x=" + b"y" * 9000, b"0\r\n" + b"T: y\r\n" * 9000]
)
def test_what_is_between_chunks_cannot_grow_without_an_end(address, rest):
    head = b"POST /page HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(address, head, rest) as client:
        assert b" 400 " in client.recv(65536).splitlines()[0]


def test_the_disk_is_looked_at_while_a_body_grows(address, settings, monkeypatch):
    """In chunks, a body does not say how large it will be."""
    monkeypatch.setattr("gallery.web_server.parsing._ROOM_STEP", MB)
    settings.MIN_FREE_BYTES = 1 << 60
    head = b"POST /page HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(address, head) as client:
        for _ in range(20):
            client.sendall(b"40000\r\n" + bytes(0x40000) + b"\r\n")
        assert b" 507 " in client.recv(65536).splitlines()[0]


def test_a_request_that_runs_is_answered_though_the_server_stops(application, monkeypatch):
    server = Server(application, bind("127.0.0.1", 0), 2)
    thread = threading.Thread(target=server.run)
    thread.start()
    address = ("127.0.0.1", server.port)
    with (
        connected(address, b"GET /blocked HTTP/1.1\r\n\r\n") as running,
        connected(address, GET) as idle,
        connected(address, b"POST /page HTTP/1.1\r\nContent-Length: 3\r\n\r\nab") as sending,
    ):
        assert page(idle).endswith(b"page")
        server.stop()
        assert idle.recv(65536) == b""
        with pytest.raises(ConnectionRefusedError):
            answers(address)
        sending.sendall(b"c")
        assert everything(sending).endswith(b"page")
        application.door.set()
        assert b"Connection: close" in everything(running)
    thread.join(30)
    assert not thread.is_alive()
    server.close()


@pytest.mark.django_db  # Closing an answer looks at the connections.
def test_a_part_of_a_file_is_sent_by_the_server(tmp_path):
    from gallery.views.media import FilePart

    (tmp_path / "file").write_bytes(bytes(range(100)))
    part = FilePart(tmp_path / "file", 10, 20)
    response = FileResponse(part, content_type="video/mp4")
    assert response.file_to_stream is part
    assert b"".join(response) == bytes(range(10, 30))
    response.close()
