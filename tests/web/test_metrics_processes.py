"""Several web processes: any of them tells the figures of all."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gallery.metrics import web_processes
from tests.server.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "of-the-monitor-and-of-nobody-else"
PATIENCE = 60


@dataclass
class Server:
    """A web server of two processes."""

    port: int
    process: subprocess.Popen[bytes]

    def ask(self, path: str) -> str:
        """Ask over a connection of its own, which any of the processes may take."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            assert answer.status == 200
            return answer.read().decode()

    def health_checks(self) -> float:
        """How many health checks were answered, as one of the processes tells."""
        families = text_string_to_metric_families(self.ask("/metrics"))
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == "scry_http_request_duration_seconds_count"
            and sample.labels["route"] == "healthz"
        )

    def pids(self) -> list[int]:
        children = psutil.Process(self.process.pid).children()
        return [child.pid for child in children if "gallery.web_server.child" in child.cmdline()]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path / "gallery"),
        "TMPDIR": str(tmp_path),
        "METRICS_TOKEN": TOKEN,
        "DJANGO_SETTINGS_MODULE": "tests.settings_e2e",
    }
    command = [sys.executable, "-m", "gallery.web_server", "--port", str(port), "--processes", "2"]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            yield Server(port, process)
        finally:
            process.terminate()


def counting(folder: Path) -> set[int]:
    """Return the processes that have counted requests."""
    return {int(path.stem.partition("_")[2]) for path in folder.glob("histogram_*.db")}


def ask_until(server: Server, happened) -> int:
    """Ask for health until something is so; return how often that was answered."""
    ends_at, answered = time.monotonic() + PATIENCE, 0
    while not happened():
        assert time.monotonic() < ends_at
        try:
            server.ask("/healthz")
        except OSError:
            time.sleep(0.1)  # Nobody listens yet, or whoever took the request was killed.
        else:
            answered += 1
    return answered


@pytest.mark.slow
def test_two_processes_count_together(server, tmp_path):
    answered = ask_until(server, lambda: len(list(tmp_path.glob("scry-metrics-*"))) == 1)
    (folder,) = tmp_path.glob("scry-metrics-*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    answered += ask_until(server, lambda: len(counting(folder)) == 2)
    assert server.health_checks() == answered
    # What a process counted stays when it ends, for the sum must never fall.
    os.kill(server.pids()[0], signal.SIGKILL)
    answered += ask_until(server, lambda: len(counting(folder)) == 3)
    assert server.health_checks() == answered
    server.process.terminate()
    assert server.process.wait(PATIENCE) == 0
    assert not folder.exists()


def test_without_a_token_nothing_is_shared(monkeypatch):
    monkeypatch.delenv("METRICS_TOKEN", raising=False)
    monkeypatch.delenv(web_processes.FOLDER, raising=False)
    web_processes.count_together()
    assert web_processes.FOLDER not in os.environ
