"""Run the whole gallery in one process: web server, worker and index."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import tempfile
import time
from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection

from gallery import allocator, decoders, env, first_run, hosts, originals_marker
from gallery.late_workers import LateWorkers, Workers
from gallery.sqlite import record_file
from gallery.system_checks import BEFORE_COMMANDS
from gallery.web_server.server import Server
from gallery.web_server.sockets import bind
from gallery.web_server.watchdog import Watchdog

_THREADS = 12
_LEAST_STOP_SECONDS = 5.0
"""What workers get when requests have used up all the time."""


class Command(BaseCommand):
    help = "Migrate, then serve the gallery on HOST:PORT until Ctrl-C or SIGTERM."
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=_port, default=settings.PORT)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        allocator.share_arenas()
        lock = _lock_data()
        if connection.vendor == "sqlite":
            record_file.look_over(Path(connection.settings_dict["NAME"]))
        call_command("migrate", interactive=False, verbosity=0)
        with suppress(originals_marker.OriginalsAway):  # Pages and `/readyz` tell it.
            originals_marker.check()
        # Large request bodies go to the file system of the photos, whose free space is checked.
        tempfile.tempdir = str(settings.UPLOAD_TMP_DIR)
        hosts.serve_on(host)
        watchdog = Watchdog()
        server = _listen(host, port, watchdog.beat)
        workers = _workers(server)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: _stop(server, workers))
        self._greet(host, port)
        try:
            if workers is not None:
                workers.start()
            watchdog.start()
            server.run()
        except (KeyboardInterrupt, SystemExit):
            pass
        finally:
            watchdog.stop()
            self.stdout.write("Stopping ...")
            server.close()
            code = self._end(server, workers)
            lock.close()
        self.stdout.write("Stopped.")
        self.stdout.flush()
        # Everything is closed. A model that is still loading has native threads, which would abort
        # the interpreter's own shutdown.
        os._exit(code)

    def _end(self, server: Server, workers: LateWorkers | None) -> int:
        """Close everything; return the exit code, 1 if the workers could not start or end."""
        code = 0
        try:
            if workers is not None:
                left = server.stops_at - time.monotonic()
                workers.stop(max(left, _LEAST_STOP_SECONDS))
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest is closed as well
            self.stderr.write(f"The workers did not start or end: {type(error).__name__}: {error}")
            code = 1
        decoders.close()
        with suppress(DatabaseError):
            _settle_record()
        return code

    def _greet(self, host: str, port: int) -> None:
        """Print the address, with the one-time token while nobody has an account."""
        address, *others = [settings.PUBLIC_URL] if settings.PUBLIC_URL else _addresses(host, port)
        self.stdout.write(f"\nScry is running at {address}/")
        for other in others:
            self.stdout.write(f"  from other devices: {other}/")
        if first_run.is_first_run():
            self.stdout.write("Open this address once to create the owner's account:")
            self.stdout.write(f"  {address}/welcome#{first_run.token()}")
        self.stdout.write(f"Photos and database: {settings.DATA_DIR}   Stop with Ctrl-C.\n")
        self.stdout.flush()


def _port(text: str) -> int:
    """Return the number of a port; raise ArgumentTypeError, which ends with exit code 2."""
    try:
        return env.port_of("--port", text)
    except ImproperlyConfigured as error:
        raise ArgumentTypeError(str(error)) from None


def _addresses(host: str, port: int) -> list[str]:
    """Return where the gallery can be opened: here, and from other devices if it is reachable."""
    names = [host]
    if settings.LISTENS_EVERYWHERE:
        names = ["localhost", *hosts.own_addresses(), socket.gethostname()]
    return [f"http://{f'[{name}]' if ':' in name else name}:{port}" for name in names]


def _lock_data() -> Any:
    """Lock DATA_DIR for this process; raise CommandError if another process serves it."""
    lock = (Path(settings.DATA_DIR) / "serve.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CommandError(
            f"Another Scry is serving {settings.DATA_DIR} already. Stop it, or set DATA_DIR to "
            "another folder.",
            returncode=2,
        ) from None
    return lock


def _listen(host: str, port: int, beat: Callable[[], None]) -> Server:
    try:
        return Server(get_wsgi_application(), bind(host, port), _THREADS, beat)
    except OSError as error:
        raise CommandError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Set PORT to a free port.",
            returncode=2,
        ) from error


def _workers(server: Server) -> LateWorkers | None:
    """Return the in-process workers, or None if REDIS_URL names a broker for others."""
    return None if settings.REDIS_URL else LateWorkers(_embedded_workers, server.stop)


def _embedded_workers() -> Workers:
    from workers.processes import EmbeddedWorkers

    return EmbeddedWorkers()


def _settle_record() -> None:
    """Write the changes in SQLite's log into the database, so that its file alone is whole.

    The process ends without closing the connections of its threads, which would do that too.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _stop(server: Server, workers: LateWorkers | None) -> None:
    """Let requests finish, and jobs meanwhile; who asks twice wants no waiting."""
    if server.is_stopping:
        raise SystemExit(0)
    if workers is not None:
        workers.request_stop()
    server.stop()
