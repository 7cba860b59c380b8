"""Serve pages and the API beside workers and databases that run as services.

python -m gallery.web_server [--host HOST] [--port PORT] [--processes N] [--threads N]
"""

from __future__ import annotations

import argparse
import logging.config
import sys

from django.core.exceptions import ImproperlyConfigured

from gallery import env
from gallery.logs.console import console
from gallery.metrics.web_processes import count_together
from gallery.web_server.sockets import bind
from gallery.web_server.supervisor import Supervisor

_WRONG_SETTING = 2
"""As `gallery.startup` says, which knows all of Django; this process needs none of it."""


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    try:
        chosen = _arguments()
        log_format = env.one_of("LOG_FORMAT", "text", "json")
        port = env.port_of("--port", chosen.port) if chosen.port else env.port("PORT", 8000)
        listening = bind(chosen.host, port)
    except ImproperlyConfigured as error:
        return _end(str(error))
    except OSError as error:
        told = f"Cannot listen on {chosen.host}:{port}: {error.strerror}. Set PORT to a free port."
        return _end(told)
    logging.config.dictConfig(
        {**console(log_format), "root": {"handlers": ["console"], "level": "WARNING"}}
    )
    count_together()
    return Supervisor(listening, chosen.processes, chosen.threads).run()


def _arguments() -> argparse.Namespace:
    """Read the command line and WEB_CONCURRENCY; raise ImproperlyConfigured if that is wrong."""
    parser = argparse.ArgumentParser(prog="python -m gallery.web_server")
    parser.add_argument("--host", default=env.text("HOST", "127.0.0.1"))
    parser.add_argument("--port", default="")
    processes = env.whole("WEB_CONCURRENCY", 1, at_least=1)
    parser.add_argument("--processes", type=_at_least_one, default=processes)
    parser.add_argument("--threads", type=_at_least_one, default=8)
    return parser.parse_args()


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not '{text}'")
    return int(text)


def _end(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return _WRONG_SETTING


if __name__ == "__main__":
    sys.exit(main())
