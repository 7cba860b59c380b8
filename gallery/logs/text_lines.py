"""The log as text: one line for each record, whatever strangers wrote into it."""

from __future__ import annotations

import logging
import re
from datetime import datetime

from gallery.logs.secrets_of_links import without_secrets

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""What ends a line, commands a terminal or turns the direction of what follows it."""


class TextLines(logging.Formatter):
    """Formats a record as time, level, logger and message; a traceback follows, indented.

    So no path, header or file name can look like a line of the log.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and a traceback if there is one, without the secrets of links."""
        return without_secrets(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line without its end."""
        return _visible(super().formatMessage(record))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Return the local time with its distance from UTC, which changes twice a year."""
        at = datetime.fromtimestamp(record.created).astimezone()
        return at.isoformat(sep=" ", timespec="milliseconds")

    def formatException(self, *exception: object) -> str:  # noqa: N802
        """Return a traceback whose lines all begin with spaces."""
        traceback = super().formatException(*exception)  # type: ignore[arg-type]
        return "\n".join(f"    {_visible(line)}" for line in traceback.splitlines())


def _visible(text: str) -> str:
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
