"""The proxy that fails on command does to a plain HTTP server what its faults say."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.fault_proxy import Delay, Drip, FaultProxy, Hang, Refuse, Reset, Status

pytestmark = pytest.mark.slow

BODY = b"0123456789" * 40


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        sent = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as running:
        running.daemon_threads, running.asked = True, 0
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def proxy(server):
    with FaultProxy(server.server_address) as running:
        yield running


@pytest.fixture
def client(proxy):
    url = f"http://{proxy.address}"
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
        assert client.post("/", content=BODY).content == BODY
        yield client


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Refuse(), httpx.ConnectError),
        (Hang(), httpx.ReadTimeout),
        (Reset(), httpx.ReadError | httpx.RemoteProtocolError),
        (Delay(2), httpx.ReadTimeout),
    ],
    ids=["refuse", "hang", "reset", "delay"],
)
@pytest.mark.parametrize("fresh", [False, True], ids=["open connection", "new connection"])
def test_a_fault_is_what_it_is_called_and_heals(proxy, client, fault, kind, fresh):
    if fresh:
        proxy.cut()
    proxy.suffer(fault)
    limits = httpx.Timeout(20, read=0.3 if kind is httpx.ReadTimeout else 20)
    # A connection that ended while it was idle is noticed at the first request on it.
    with pytest.raises(httpx.TransportError) as caught:
        client.post("/", content=BODY, timeout=limits)
    if fresh or not isinstance(fault, Refuse):
        assert isinstance(caught.value, kind)
    proxy.suffer(None)
    assert client.post("/", content=BODY).content == BODY


def test_answers_drip(proxy, client):
    proxy.suffer(Drip(0.0005))
    began = time.monotonic()
    assert client.post("/", content=BODY).content == BODY
    assert time.monotonic() - began > 0.0005 * len(BODY)


@pytest.mark.parametrize("status", [500, 429])
def test_made_up_answers_do_not_reach_the_server(proxy, client, server, status):
    proxy.suffer(Status(status, retry_after=3))
    asked = server.asked
    for _ in range(3):
        answer = client.post("/", content=BODY)
        assert (answer.status_code, answer.headers["retry-after"]) == (status, "3")
    assert server.asked == asked
    proxy.suffer(None)
    assert client.post("/", content=BODY).status_code == 200


def test_what_hung_arrives_later(proxy, client):
    proxy.suffer(Hang())
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(client.post("/", content=BODY, timeout=60))
    )
    waiting.start()
    time.sleep(0.1)
    assert not answers
    proxy.suffer(None)
    waiting.join()
    assert answers[0].content == BODY
