"""Slow uploads keep nobody waiting, with every service behind the web processes."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack

import pytest

pytestmark = pytest.mark.server

UPLOADS = 16
"""As many as the web processes have threads."""


def begin_an_upload(stack, owner) -> socket.socket:
    lines = [
        "POST /api/v1/photos HTTP/1.1",
        "Host: localhost",
        f"Authorization: {owner.http.headers['Authorization']}",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Length: 4000000",
    ]
    client = socket.create_connection(("127.0.0.1", stack.web.port), timeout=10)
    client.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return client


def best_of_three(owner, path: str) -> float:
    """Return the seconds until an answer; a build machine is slow now and then."""
    times = []
    for _ in range(3):
        began = time.monotonic()
        assert owner.http.get(path).status_code == 200
        times.append(time.monotonic() - began)
    return min(times)


def test_slow_uploads_keep_nobody_waiting(stack, owner):
    ended = threading.Event()
    with ExitStack() as opened:
        clients = [opened.enter_context(begin_an_upload(stack, owner)) for _ in range(UPLOADS)]

        def drip() -> None:
            while not ended.wait(0.1):
                for client in clients:
                    client.sendall(b"x" * 400)

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            time.sleep(1)
            for path in ("/healthz", "/api/v1/photos", "/sign-in"):
                assert best_of_three(owner, path) < 1
        finally:
            ended.set()
            thread.join()
