"""What strangers send to confuse the server, or to keep it busy: over real sockets."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from contextlib import ExitStack

import pytest

from gallery.web_server import server as servers, supervisor
from gallery.web_server.sockets import bind
from gallery.web_server.supervisor import Supervisor
from tests.waiting import wait_until
from tests.web.test_web_server_hostile import (
    GET,
    address,
    answers,
    application,
    connected,
    everything,
    page,
)

__all__ = ["address", "application"]

POST = b"POST /page HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


# --- where a request ends -------------------------------------------------------------------------


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


@pytest.mark.parametrize("version", [b"1.0", b"1.1", b"9.9"])
@pytest.mark.parametrize("length", [b"", b"Content-Length: 5\r\n", b"content-length:5\r\n"])
@pytest.mark.parametrize("coding", [b"chunked", b"Chunked \t", b"chunked, chunked", b"", b"\r\n x"])
def test_only_a_request_with_one_certain_end_is_taken(address, version, length, coding):
    head = b"POST /page HTTP/" + version + b"\r\nConnection: keep-alive\r\n"
    sent = head + length + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n" + GET
    with connected(address, sent) as client:
        received = page(client)
        is_certain = version == b"1.1" and not length and coding.strip().lower() == b"chunked"
        if is_certain:
            assert statuses(received)[0] == 200
        else:
            assert len(statuses(received)) == 1
            assert statuses(received)[0] in (400, 501)


@pytest.mark.parametrize("blank", [b" ", b"\t", b" \t "])
def test_a_header_line_does_not_continue_another(address, blank):
    with connected(address, GET[:-2] + b"X: y\r\n" + blank + b"z: 1\r\n\r\n" + GET) as client:
        assert statuses(everything(client)) == [400]


@pytest.mark.parametrize(
    "sent",
    [
        GET.replace(b"/page", b"http://["),
        GET.replace(b"/page", b"http://a]/"),
        POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    ],
)
def test_what_python_cannot_read_is_told_like_any_nonsense(address, sent, caplog):
    with connected(address, sent) as client:
        assert statuses(everything(client))[0] == 400
    # A line a minute says that something was refused; whoever asks causes no more than that.
    assert [record.getMessage() for record in said(caplog) if record.exc_info] == []
    assert len(said(caplog)) <= 1


def said(caplog) -> list[logging.LogRecord]:
    """Return what the server has logged; a thread of an earlier test may log something, too."""
    names = ("gallery.web_server.", "waitress")
    return [record for record in caplog.records if record.name.startswith(names)]


@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n"])
def test_who_waits_to_send_nothing_is_answered(address, length):
    asked = POST + length + b"Expect: 100-continue\r\n\r\n"
    with connected(address, asked) as client:
        assert page(client).startswith(b"HTTP/1.1 200")
        client.sendall(GET)
        assert page(client).startswith(b"HTTP/1.1 200"), "it is not a part of the first request"


# --- chunks ---------------------------------------------------------------------------------------


def test_a_flood_of_tiny_chunks_is_refused_early(address):
    with connected(address, CHUNKED, b"1\r\nx\r\n" * 20_000) as client:
        assert statuses(client.recv(65536)) == [400]


@pytest.mark.parametrize(("size", "chunks"), [(1, 3000), (48, 30_000)])
def test_small_chunks_are_taken(address, application, size, chunks):
    chunk = b"%x\r\n%b\r\n" % (size, b"x" * size)
    with connected(address, CHUNKED, chunk * chunks, b"0\r\n\r\n") as client:
        assert page(client).endswith(b"page")
    assert application.bodies == [size * chunks]


def test_blank_lines_between_chunks_have_an_end(address):
    with connected(address, CHUNKED, b"\r\n" * 20_000) as client:
        assert statuses(client.recv(65536)) == [400]


# --- floods ---------------------------------------------------------------------------------------


@pytest.fixture
def _small(monkeypatch):
    """A server that is full with a few connections."""
    monkeypatch.setattr(servers, "_most_connections", lambda: 8)


@pytest.mark.slow
@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("sent", [b"", b"GET /page HT", GET])
def test_who_asks_nothing_gives_way_in_a_full_server(address_of_small, sent):
    with ExitStack() as opened:
        clients = [opened.enter_context(connected(address_of_small, sent)) for _ in range(20)]
        assert answers(address_of_small)
        # The server has room for six, besides what it listens with.
        wait_until(lambda: sum(map(is_open, clients)) <= 6)


def is_open(client) -> bool:
    client.settimeout(0.05)
    try:
        everything(client)
    except TimeoutError:
        return True
    except ConnectionResetError:
        pass
    return False


@pytest.mark.usefixtures("_small")
def test_who_sends_or_waits_does_not_give_way(address_of_small):
    head = POST + b"Content-Length: 10\r\n\r\n12345"
    with ExitStack() as opened:
        sending = [opened.enter_context(connected(address_of_small, head)) for _ in range(5)]
        assert answers(address_of_small), "what they sent is read"
        for _ in range(20):
            opened.enter_context(connected(address_of_small))
        for client in sending:
            client.sendall(b"67890")
            assert page(client).endswith(b"page")


@pytest.fixture
def address_of_small(_small, address):
    return address


def test_a_closed_connection_takes_no_more_and_says_nothing(address, application, caplog):
    """Reading may find the end in the turn in which writing was possible."""
    caplog.set_level(logging.WARNING)
    for _ in range(50):
        with connected(address, GET):
            pass
    assert answers(address)
    assert not said(caplog)


# --- who watches ----------------------------------------------------------------------------------

_WATCHED = """
import time
from gallery.web_server import watchdog
watchdog.SILENT_SECONDS, watchdog._ROUND_SECONDS = 10, 0.02
dog = watchdog.Watchdog()
dog.start()
for _ in range(10):
    time.sleep(0.1)
    {each}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("each", "status"), [("dog.beat()", 0), ("dog.stop()", 0), ("pass", 1)])
def test_a_process_whose_first_thread_is_silent_ends(each, status):
    code = _WATCHED.format(each=each)
    ended = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, check=False)
    assert ended.returncode == status
    assert (b"UPLOAD_TMP_DIR" in ended.stderr) is bool(status)


def test_a_process_that_cannot_start_is_tried_again_later(monkeypatch, caplog):
    """The machine may be out of memory or of processes for a moment."""
    monkeypatch.setattr(supervisor.sys, "executable", "/nothing/here")
    one = Supervisor(bind("127.0.0.1", 0), 2, 1)
    one._start_the_missing()
    one._start_the_missing()
    assert [record.levelname for record in said(caplog)] == ["ERROR"]
    assert one._children == {}
    for listener in one._listening:
        listener.close()
