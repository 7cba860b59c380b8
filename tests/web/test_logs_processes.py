"""Whole processes that log in JSON: whatever a library writes, each line is an object."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.server.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
CELERY = ("-m", "celery", "-A", "workers", "worker", "--pool", "solo", "-Q", "maintenance")
pytestmark = pytest.mark.slow


def start(folder: Path, *command: object, **settings: str) -> subprocess.Popen[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(folder / "gallery"),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "INFO",
        "EMBEDDING_MODEL": "starter",
        **settings,
    }
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[str, str]:
    process.send_signal(signal.SIGTERM)
    try:
        return process.communicate(timeout=60)
    finally:
        process.kill()


def test_celery_too_writes_json(tmp_path):
    worker = start(
        tmp_path,
        *["-m", "celery", "-A", "workers", "worker", "--pool", "solo", "-Q", "maintenance"],
    )
    assert worker.stderr is not None
    begun = []
    while not begun or not begun[-1]["message"].endswith(" ready."):
        begun.append(json.loads(worker.stderr.readline()))
    assert begun[-1]["logger"].startswith("celery")
    out, err = end(worker)
    assert all(json.loads(line) for line in err.splitlines())
    # No banner; Celery writes one line to the other stream by itself, from a signal handler.
    assert out.strip() == "worker: Warm shutdown (MainProcess)"


def test_the_server_of_one_process_does_so_on_its_error_stream(tmp_path):
    """What it says to the person who starts it is for people, and goes to the other stream."""
    port = free_port()
    server = start(tmp_path, "manage.py", "serve", "--port", port, ACCESS_LOG="yes")
    wait_for(port)
    _, err = end(server)
    lines = [json.loads(line) for line in err.splitlines()]
    (access,) = [line for line in lines if line["logger"] == "gallery.logs.access_log"]
    assert (access["path"], access["status"]) == ("/sign-in", 302)


def wait_for(port: int) -> None:
    ends_at = time.monotonic() + 60
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", "/sign-in")
            connection.getresponse().read()
        except OSError:
            assert time.monotonic() < ends_at
            time.sleep(0.2)
        else:
            return
        finally:
            connection.close()
