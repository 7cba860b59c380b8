"""Real programs for the server tests: started on private ports, watched, killed, started again."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds; generous, because a build machine is slow and a hang is the failure


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on right now.

    The system gives none of these to a connection or to a server that takes any, as it could with
    a port of its own choice before whoever wants it listens, or while it is started again.
    """
    while True:
        port = 12_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def eventually(what: str, happened: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Call `happened` until it returns something true and return that; fail after `patience`."""
    deadline = time.monotonic() + patience
    while True:
        if result := happened():
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience:.0f} s: {what}")
        time.sleep(0.05)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def postgres_programs() -> Path | None:
    """Return the folder of the newest Postgres that Debian's packages installed, or None."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4])
    )
    return found[-1].parent if found else None


def missing_programs() -> list[str]:
    """Return what these tests need and this machine lacks."""
    missing = [] if shutil.which("redis-server") else ["redis-server"]
    return missing if postgres_programs() else [*missing, "postgres"]


class Program:
    """One program that can be started, stopped and killed again and again."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        folder: Path,
        environment: dict[str, str] | None = None,
        port: int | None = None,
        user: int | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self.name, self.command, self.port, self.user, self.cwd = name, command, port, user, cwd
        self.environment = environment if environment is not None else dict(os.environ)
        self.own: dict[str, str] = {}  # variables that this program alone has
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **extra: str) -> None:
        """Start the program with `extra` environment variables; do not wait for it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**self.environment, **self.own, **extra},
                cwd=self.cwd,
                user=self.user,
                start_new_session=True,
            )

    def ready(self) -> None:
        """Wait until the program listens on its port."""
        assert self.port is not None
        eventually(f"{self.name} listens: {self.tail()}", self._listens_or_died)

    def _listens_or_died(self) -> bool:
        assert self.process is not None
        assert self.port is not None
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.tail()}")
        return listening(self.port)

    def stop(self) -> int:
        """Ask the program to end, as Docker and systemd do; return its exit status."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} ignored SIGTERM: {self.tail()}") from None

    def kill(self) -> None:
        """Kill the program and its children, as a power cut would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def freeze(self) -> None:
        """Stop the program and its children without ending them, as a debugger would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGCONT)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def left_behind(self) -> list[str]:
        """Return the command lines of processes that this program started and that outlived it."""
        assert self.process is not None
        found = []
        for other in psutil.process_iter(["cmdline"]):
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getsid(other.pid) == self.process.pid and other.pid != os.getpid():
                    found.append(" ".join(other.info["cmdline"] or [str(other.pid)]))
        return found

    def tail(self) -> str:
        """Return the end of what the program printed."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""


class Postgres(Program):
    """A Postgres of its own with the gallery's account, made by the script that Docker runs."""

    def __init__(self, folder: Path) -> None:
        programs = postgres_programs()
        assert programs is not None
        self.programs, self.password = programs, secrets.token_hex(12)
        # Postgres refuses to run as root, and its own account cannot enter root's folders.
        self.data = Path(tempfile.mkdtemp(prefix="scry-postgres-"))
        owner = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
        if owner is not None:
            os.chown(self.data, owner, -1)
        port = free_port()
        super().__init__(
            "postgres",
            [
                programs / "postgres",
                "-D",
                self.data / "cluster",
                "-k",
                self.data,
                "-p",
                str(port),
                "-h",
                "127.0.0.1",
                "-c",
                "fsync=off",
            ],
            folder=folder,
            port=port,
            user=owner,
            cwd=Path("/"),
        )
        self.url = f"postgres://scry:{self.password}@127.0.0.1:{port}/scry"

    def create(self) -> None:
        """Make the cluster, start it and create the gallery's role and database."""
        self._run(
            [
                self.programs / "initdb",
                "-D",
                self.data / "cluster",
                "--username=postgres",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--no-sync",
            ]
        )
        self.start()
        self.ready()
        eventually("postgres answers", lambda: self._answers())
        self._run(
            ["sh", ROOT / "docker" / "create-database.sh"],
            PATH=f"{self.programs}:{os.environ['PATH']}",
            PGHOST=str(self.data),
            PGPORT=str(self.port),
            POSTGRES_USER="postgres",
            DATABASE_PASSWORD=self.password,
        )

    def _answers(self) -> bool:
        command = [self.programs / "pg_isready", "-q", "-h", self.data, "-p", str(self.port)]
        return subprocess.run(command).returncode == 0

    def _run(self, command: Sequence[str | Path], **environment: str) -> None:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
            cwd="/",
            user=self.user,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def dump(self, file: Path) -> None:
        """Write a dump of the gallery's database, as docs/how-to/back-up-and-restore.md says."""
        command = [self.programs / "pg_dump", *self._administrator(), "--format", "custom", "scry"]
        file.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)

    def restore(self, file: Path) -> None:
        """Read a dump into the gallery's database, as the same page says."""
        command = [self.programs / "pg_restore", *self._administrator(), "--dbname", "scry"]
        with file.open("rb") as dump:
            subprocess.run([*command, "--clean", "--if-exists"], stdin=dump, check=True)

    def _administrator(self) -> list[str]:
        return ["--host", str(self.data), "--port", str(self.port), "--username", "postgres"]

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)


class Redis(Program):
    """A Redis with the configuration that Docker gets, on a private port."""

    def __init__(self, folder: Path) -> None:
        port, password = free_port(), secrets.token_hex(12)
        data = folder / "redis"
        data.mkdir()
        config = folder / "redis.conf"
        config.write_text(
            f"include {ROOT / 'docker' / 'redis.conf'}\n"
            f"requirepass {password}\nport {port}\nbind 127.0.0.1\ndir {data}\n"
            "maxmemory 16mb\n"
        )
        super().__init__("redis", ["redis-server", config], folder=folder, port=port)
        self.url = f"redis://:{password}@127.0.0.1:{port}/0"


def manage(environment: dict[str, str], *arguments: str, typed: str = "") -> str:
    """Run a management command and return what it prints."""
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", *arguments],
        input=typed,
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
