"""One of the processes that a supervisor starts.

    python -m gallery.web_server.child THREADS PIPE SOCKET ...

PIPE and SOCKET are the numbers of open file descriptors.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
from contextlib import suppress


def main() -> None:
    """Serve until SIGTERM or SIGINT, or until the supervisor is gone."""
    threads, pipe, *sockets = (int(argument) for argument in sys.argv[1:])
    # It ends the process if a setting is wrong, and makes Django ready for what follows.
    from gallery.wsgi import application  # isort: skip
    from django.conf import settings

    from gallery import decoders
    from gallery.web_server.server import Server

    # Large request bodies go to the file system of the photos, whose free space is checked.
    tempfile.tempdir = str(settings.UPLOAD_TMP_DIR)
    os.set_blocking(pipe, False)

    def beat() -> None:
        with suppress(BlockingIOError):
            try:
                os.write(pipe, b".")
            except BrokenPipeError:
                server.stop()

    listening = [socket.socket(fileno=number) for number in sockets]
    server = Server(application, listening, threads, beat)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: server.stop())
    server.run()
    decoders.close()
    sys.stdout.flush()
    sys.stderr.flush()
    # A model that is still loading has native threads, which would abort the interpreter's own end.
    os._exit(0)


if __name__ == "__main__":
    main()
