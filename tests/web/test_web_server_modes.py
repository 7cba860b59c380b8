"""The web server as it runs in both modes: in one process by `serve`, and in several."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests import migrated
from tests.server.processes import ROOT, eventually, free_port, manage
from tests.web.test_api_uploads import FORM, form, part

MB = 1024 * 1024
HEALTH = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
DRIPS = 40  # more than any mode has threads
pytestmark = pytest.mark.slow


class Running:
    """A web server of one mode, with its data in a folder."""

    def __init__(self, mode: str, folder: Path) -> None:
        self.mode, self.folder, self.port = mode, folder, free_port()
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.settings_server", "DATA_DIR": str(folder), "HOST": "",
            "PYTHONPATH": str(ROOT), "MIN_FREE_MB": "1",
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, before: str = "") -> None:
        """Start the server and wait until it answers; `before` is run first in its process."""
        service = (
            f"{before}\nfrom gallery.web_server.__main__ import main\nraise SystemExit(main())"
        )
        serve = f"{before}\nimport manage\nmanage.main()"
        command = {
            "serve": ["-c", serve, "serve", "--port", str(self.port)],
            "service": ["-c", service, "--port", str(self.port), "--processes", "2"],
        }[self.mode]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        eventually("it answers", lambda: self.status("/healthz") == 200, 90)
        if self.mode == "service":
            eventually("both processes are there", lambda: len(self.children()) == 2, 90)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def status(self, path: str, patience: float = 5.0) -> int | None:
        """Return the status of an answer, None if there is none in `patience` seconds."""
        asked = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        try:
            with self.connected(asked) as client:
                client.settimeout(patience)
                return int(client.recv(65536).split()[1])
        except OSError:
            return None

    def seconds(self, path: str) -> float:
        """Return how long an answer takes: the best of three, since a build machine is slow."""
        return min(self._seconds(path) for _ in range(3))

    def _seconds(self, path: str) -> float:
        began = time.monotonic()
        assert self.status(path, 30) in (200, 302)
        return time.monotonic() - began

    @contextmanager
    def connected(self, *sent: bytes, source="127.0.0.1"):
        address = ("127.0.0.1", self.port)
        with socket.create_connection(address, timeout=30, source_address=(source, 0)) as client:
            for data in sent:
                client.sendall(data)
            yield client

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(45)

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture(scope="module", params=["serve", "service"])
def running(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    migrated.data_folder(folder)
    one = Running(request.param, folder)
    try:
        one.start()
        yield one
        assert one.stop() == 0
        assert "Traceback" not in one.log()
    finally:
        one.end()


def head(size: int, path: str = "/api/v1/photos", **more: str) -> bytes:
    headers = {"Host": "localhost", "Content-Type": FORM, "Content-Length": size, **more}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def received(client: socket.socket) -> bytes:
    answer = b""
    while data := client.recv(65536):
        answer += data
    return answer


def test_many_slow_uploads_slow_nobody_down(running):
    with ExitStack() as opened:
        for _ in range(DRIPS):
            opened.enter_context(running.connected(head(MB), b"x" * 400))
        for path in ("/healthz", "/welcome", "/readyz"):
            assert running.seconds(path) < 1


def test_health_is_told_though_every_thread_is_busy(running):
    with ExitStack() as opened:
        for _ in range(DRIPS):
            opened.enter_context(
                running.connected(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            )
        time.sleep(0.5)
        assert running.status("/healthz", 1) == 200
        assert running.status("/readyz", 2) == 200
        assert running.status("/welcome", 0.5) is None, "the threads were not busy"


def test_a_header_that_drips_is_cut_off(running):
    began = time.monotonic()
    with running.connected(b"GET / HTTP/1.1\r\n") as client:
        client.settimeout(1)
        told = b""
        while not told and time.monotonic() - began < 25:
            client.sendall(b"X: y\r\n")
            try:
                told = client.recv(100)
            except TimeoutError:
                continue
        assert b" 408 " in told
    assert 14 < time.monotonic() - began < 18


def test_one_address_cannot_take_all_connections(running):
    with ExitStack() as opened:
        clients = [opened.enter_context(running.connected()) for _ in range(230)]
        time.sleep(0.5)
        turned_away = 0
        for client in clients:
            client.settimeout(0.01)
            with suppress(TimeoutError):
                turned_away += client.recv(20).startswith(b"HTTP/1.1 429")
        assert turned_away >= 30
        with running.connected(HEALTH, source="127.0.0.2") as other:
            assert b" 200 " in received(other)[:20]


def test_head_has_no_body(running):
    for path in ("/welcome", "/healthz", "/static/css/base.css", "/nothing"):
        asked = f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        with running.connected(asked.encode()) as client:
            assert received(client).split(b"\r\n\r\n", 1)[1] == b""


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize("path", ["/api/v1/photos", "/api/v1/nothing"])
def test_who_is_refused_while_sending_gets_the_answer(running, connection, path):
    wrong = {"Connection": connection, "Authorization": "Bearer wrong"}
    with running.connected(head(60 * MB, path, **wrong)) as client:
        for _ in range(60):
            client.sendall(bytes(MB))
        told = b""
        while b'"}' not in told:
            told += client.recv(65536)
    assert told.startswith(b"HTTP/1.1 4")
    assert set(json.loads(told.split(b"\r\n\r\n", 1)[1])) == {"code", "message"}


def test_a_large_body_waits_on_the_disk_of_the_photos(running):
    def open_files() -> list[str]:
        family = [psutil.Process(running.process.pid), *running.children()]
        links = [Path(f"/proc/{one.pid}/fd").iterdir() for one in family]
        return [str(link.readlink()) for one in links for link in one if link.is_symlink()]

    # Of strangers, none that large is received.
    manage(running.environment, "create_owner", "ada", typed="correct horse battery\n")
    token = manage(running.environment, "create_token", "ada").splitlines()[-1]
    told = head(40 * MB, Authorization=f"Bearer {token}")
    with running.connected(told, bytes(20 * MB)):
        folder = str(running.folder / "tmp")
        eventually("the body is in a file", lambda: any(f.startswith(folder) for f in open_files()))


def test_a_process_that_dies_is_replaced(running):
    if running.mode == "serve":
        pytest.skip("it has one process")
    first, second = running.children()
    first.kill()
    assert running.seconds("/healthz") < 2
    eventually("it is gone", lambda: first not in running.children(), 90)
    eventually("there are two again", lambda: len(running.children()) == 2, 90)
    assert second in running.children()
    assert "ended with status -9" in running.log()


@pytest.fixture
def stopping(running, tmp_path):
    """A server of the same mode that a test may stop."""
    migrated.data_folder(tmp_path)
    one = Running(running.mode, tmp_path)
    yield one
    one.end()


def test_what_runs_and_what_is_sent_is_finished_at_the_end(stopping):
    stopping.start()
    body = form(part("file", b"no picture"))
    with (
        stopping.connected(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n") as asking,
        stopping.connected(head(len(body)), body[:-5]) as sending,
        stopping.connected(b"GET / HTTP/1.1\r\n"),
    ):
        time.sleep(0.3)
        stopping.process.terminate()
        time.sleep(0.3)
        assert stopping.process.poll() is None
        sending.sendall(body[-5:])
        assert received(sending).startswith(b"HTTP/1.1 4")
        assert b"done" in received(asking)
    began = time.monotonic()
    assert stopping.process.wait(30) == 0
    assert time.monotonic() - began < 10
    assert stopping.status("/healthz") is None


def test_processes_end_with_their_supervisor(stopping):
    if stopping.mode == "serve":
        pytest.skip("it has none")
    stopping.start()
    children = stopping.children()
    stopping.process.kill()
    _, alive = psutil.wait_procs(children, timeout=90)  # One that loads notices later.
    assert alive == []


def test_a_process_that_hangs_is_replaced(stopping):
    if stopping.mode == "serve":
        pytest.skip("it ends instead")
    stopping.start("from gallery.web_server import supervisor\nsupervisor._SILENT_SECONDS = 8.0")
    hanging, _ = stopping.children()
    hanging.send_signal(signal.SIGSTOP)
    eventually("it is gone", lambda: hanging not in stopping.children(), 90)
    eventually("there are two again", lambda: len(stopping.children()) == 2, 90)
    assert stopping.stop() == 0


def test_a_server_without_a_supervisor_ends_when_it_hangs(stopping):
    if stopping.mode == "service":
        pytest.skip("the process is replaced")
    stopping.start(
        "import time\n"
        "from gallery.web_server import watchdog\n"
        "watchdog.SILENT_SECONDS = 4\n"
        "from waitress.receiver import FixedStreamReceiver\n"
        "FixedStreamReceiver.received = lambda *body: time.sleep(1000)\n"
    )
    with stopping.connected(head(3), b"x"):
        assert stopping.process.wait(30) == 1
    assert "UPLOAD_TMP_DIR" in stopping.log()


def test_who_was_frozen_did_not_hang(stopping):
    """As by `docker pause`, or when a laptop sleeps."""
    silent = "from gallery.web_server import supervisor, watchdog\n"
    silent += "supervisor._SILENT_SECONDS = watchdog.SILENT_SECONDS = 5\n"
    stopping.start(silent)
    before = stopping.children() if stopping.mode == "service" else []
    family = [psutil.Process(stopping.process.pid), *before]
    for process in family:
        process.suspend()
    time.sleep(10)
    family[0].resume()
    time.sleep(0.5)  # The others may be slower to wake.
    for process in family[1:]:
        process.resume()
    time.sleep(3)
    assert stopping.status("/healthz") == 200
    if before:
        assert stopping.children() == before
    assert stopping.stop() == 0


def test_a_stop_takes_no_longer_than_is_said(stopping):
    """A client that never ends its upload uses up the time of requests."""
    stopping.start()
    with stopping.connected(head(MB), b"x" * 1000):
        began = time.monotonic()
        assert stopping.stop() == 0
        assert time.monotonic() - began < 38


@pytest.mark.parametrize("option", ["--processes", "--threads"])
@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_that_serves_nobody_is_refused(option, number):
    command = [sys.executable, "-m", "gallery.web_server", option, number]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"{option}: must be 1 or more, not '{number}'" in done.stderr
