"""Run the whole gallery in one process: web server, worker and index."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import tempfile
from argparse import ArgumentTypeError
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection

from gallery import decoders, env, first_run, hosts, originals_marker, web_server
from gallery.sqlite import record_file

_THREADS = 12
_STOP_SECONDS = 30.0


class Command(BaseCommand):
    help = "Migrate, then serve the gallery on HOST:PORT until Ctrl-C or SIGTERM."
    requires_system_checks = "__all__"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=_port, default=settings.PORT)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        lock = _lock_data()
        if connection.vendor == "sqlite":
            record_file.look_over(Path(connection.settings_dict["NAME"]))
        call_command("migrate", interactive=False, verbosity=0)
        with suppress(originals_marker.OriginalsAway):  # Pages and `/readyz` tell it.
            originals_marker.check()
        # Large request bodies go to the file system of the photos, whose free space is checked.
        tempfile.tempdir = str(settings.UPLOAD_TMP_DIR)
        hosts.serve_on(host)
        server = _listen(host, port)
        workers = _workers()
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        self._greet(host, port)
        try:
            if workers is not None:
                workers.start()
            server.run()
        except (KeyboardInterrupt, SystemExit):
            pass
        finally:
            self.stdout.write("Stopping ...")
            server.close()
            if workers is not None:
                workers.stop(_STOP_SECONDS)
            decoders.close()
            with suppress(DatabaseError):
                _settle_record()
            lock.close()
        self.stdout.write("Stopped.")
        self.stdout.flush()
        # Everything is closed. A model that is still loading has native threads, which would abort
        # the interpreter's own shutdown.
        os._exit(0)

    def _greet(self, host: str, port: int) -> None:
        """Print the address, with the one-time token while nobody has an account."""
        address, *others = [settings.PUBLIC_URL] if settings.PUBLIC_URL else _addresses(host, port)
        self.stdout.write(f"\nScry is running at {address}/")
        for other in others:
            self.stdout.write(f"  from other devices: {other}/")
        if first_run.is_first_run():
            self.stdout.write("Open this address once to create the owner's account:")
            self.stdout.write(f"  {address}/welcome?token={first_run.token()}")
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


def _listen(host: str, port: int) -> Any:
    try:
        return web_server.listen(get_wsgi_application(), host, port, _THREADS)
    except OSError as error:
        raise CommandError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Set PORT to a free port.",
            returncode=2,
        ) from error


def _workers() -> Any:
    """Return the in-process workers, or None if REDIS_URL names a broker for others."""
    if settings.REDIS_URL:
        return None
    from workers.processes import EmbeddedWorkers

    return EmbeddedWorkers()


def _settle_record() -> None:
    """Write the changes in SQLite's log into the database, so that its file alone is whole.

    The process ends without closing the connections of its threads, which would do that too.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _stop(signum: int, frame: Any) -> None:
    raise SystemExit(0)
