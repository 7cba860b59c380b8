"""The galleries that are killed: all services on one machine, or everything in one process."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.server.processes import Program, eventually, free_port
from tests.server.stack import Stack

SETTINGS = "tests.settings_crash"
PATIENCE = 120.0


class Gallery:
    """A running gallery whose `victims` can be killed one by one, and come back."""

    mode: str
    url: str
    environment: dict[str, str]
    victims: dict[str, Program]

    def kill(self, name: str) -> None:
        """Kill a part of the gallery with all of its processes."""
        self.victims[name].kill()

    def revive(self, name: str) -> None:
        """Start what was killed, as a supervisor would: again, if it does not come up at once."""
        program = self.victims[name]
        program.start()
        if program.port is not None:
            self._wait_for(program)

    def _wait_for(self, program: Program) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(AssertionError):
                program.ready()
                return
            if not program.is_running():
                program.start()
        raise AssertionError(f"{program.name} does not come up: {program.tail()}")

    def start(self) -> None:
        raise NotImplementedError

    def rest(self, *, gently: bool) -> None:
        """Bring the gallery into a state in which `fsck` can look at all of it."""

    def wake(self) -> None:
        """Go on after `rest`."""

    def remove(self) -> None:
        raise NotImplementedError

    def count(self, query: str) -> int:
        """Return the number that a query of the database gives."""
        raise NotImplementedError


class Services(Gallery):
    """Web server, both workers, Postgres, Redis and the fake Qdrant."""

    mode = "services"

    def __init__(self, folder: Path, extra: dict[str, str]) -> None:
        self.folder = folder
        self.stack = Stack(folder)
        self.environment = self.stack.environment
        self.environment |= {"DJANGO_SETTINGS_MODULE": SETTINGS, "PART_SEARCH": "0", **extra}
        self.url = self.stack.url
        stack = self.stack
        self.victims = {
            "web": stack.web,
            "worker": stack.worker,
            "maintenance": stack.maintenance,
            "broker": stack.redis,
            "database": stack.postgres,
            "index": stack.qdrant,
        }

    def start(self) -> None:
        self.stack.start()

    def remove(self) -> None:
        self.stack.remove()

    def count(self, query: str) -> int:
        with psycopg.connect(self.stack.postgres.url) as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])


class Embedded(Gallery):
    """`serve`: everything in one process, and its decoder children."""

    mode = "embedded"

    def __init__(self, folder: Path, extra: dict[str, str]) -> None:
        self.folder = folder
        port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "DATA_DIR": str(folder / "data"),
            "PORT": str(port),
            "EMBEDDING_MODEL": "colours",
            "EMBEDDING_BATCH": "4",
            "DECODER_CHILDREN": "1",
            "MIN_FREE_MB": "1",
            "PART_SEARCH": "0",
            **extra,
        }
        self.url = f"http://127.0.0.1:{port}"
        self.program = Program(
            "gallery",
            [sys.executable, "manage.py", "serve"],
            folder=folder,
            environment=self.environment,
            port=port,
        )
        self.victims = {"gallery": self.program, "decoder": self.program}

    def start(self) -> None:
        self.program.start()
        self._wait_for(self.program)

    def kill(self, name: str) -> None:
        if name == "gallery":
            return super().kill(name)
        # A picture that ends its decoder, as a damaged one can.
        assert self.program.process is not None
        children = psutil.Process(self.program.process.pid).children()
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(children).pid, signal.SIGKILL)

    def revive(self, name: str) -> None:
        if name == "gallery":
            super().revive(name)

    def rest(self, *, gently: bool) -> None:
        """One process may open the index, so the gallery has to end first."""
        if gently:
            assert self.program.stop() == 0, self.program.tail()
        else:
            self.program.kill()
        eventually("its children have ended", lambda: not self.program.left_behind())

    def wake(self) -> None:
        self.start()

    def remove(self) -> None:
        self.program.kill()

    def count(self, query: str) -> int:
        path = Path(self.environment["DATA_DIR"]) / "scry.sqlite3"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as connection:
            return int(connection.execute(query).fetchone()[0])


KINDS: dict[str, Any] = {"services": Services, "embedded": Embedded}
