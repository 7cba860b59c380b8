"""Makes answers that are no fault of the program one line of the log each, without a traceback."""

from __future__ import annotations

import logging

_FORBIDDEN = 403
_FOR_A_WHILE = (503, 507)
"""A service that is away or busy, and a full disk."""


class ExpectedAnswers(logging.Filter):
    """Calms what Django logs of requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the traceback off; say what is away in the line itself."""
        status = getattr(record, "status_code", 0)
        if status in _FOR_A_WHILE:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            if record.exc_info and record.exc_info[1]:
                why = " ".join(str(record.exc_info[1]).split())
                record.msg, record.args = f"{record.getMessage()} ({why})", None
        if status == _FORBIDDEN or status in _FOR_A_WHILE:
            record.exc_info = record.exc_text = None
        return True
