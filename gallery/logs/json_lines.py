"""The log as JSON: one object in each line, whatever is in it."""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from gallery.logs.log_context import ids
from gallery.logs.secrets_of_links import without_secrets

logger = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """Formats a record as time, level, logger and message, with ids, fields and exception.

    `fields` of a record, a dict, become more keys of the object.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of ASCII without its end."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **ids(getattr(record, "request", None)),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return without_secrets(json.dumps(line, default=str))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a line that does not fit its values is told as it is
        return f"{record.msg} {record.args!r}"


def catch_the_rest() -> None:
    """Log what would be printed: warnings, and exceptions that end a thread or the process."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_end
    threading.excepthook = lambda ended: _log_end(
        ended.exc_type, ended.exc_value or ended.exc_type(), ended.exc_traceback
    )


def _log_end(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    if issubclass(kind, SystemExit):
        return
    logger.critical("%s", kind.__name__, exc_info=(kind, error, traceback))
