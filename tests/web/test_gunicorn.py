"""Behind gunicorn, too, a refused upload is answered though it is still being sent."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MB = 1024 * 1024
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("gunicorn")
    variables = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings_e2e", "DATA_DIR": str(folder), "HOST": "",
    }  # fmt: skip
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
    subprocess.run(migrate, cwd=ROOT, env=variables, check=True)
    command = ["gunicorn", "gallery.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "2"]
    command = [sys.executable, "-m", *command, "--no-control-socket"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield "127.0.0.1", port
    process.terminate()
    process.wait(30)


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize("path", ["/api/v1/photos", "/api/v1/nothing"])
def test_who_is_refused_while_sending_gets_the_answer(address, connection, path):
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n"
        f"Authorization: Bearer wrong\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {60 * MB}\r\n\r\n"
    )
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(head.encode())
        for _ in range(60):
            client.sendall(bytes(MB))
        received = b""
        while b'"}' not in received:
            received += client.recv(65536)
    assert received.startswith(b"HTTP/1.1 4")
    assert set(json.loads(received.split(b"\r\n\r\n", 1)[1])) == {"code", "message"}
