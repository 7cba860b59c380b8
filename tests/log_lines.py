"""What a test makes the gallery log, without what threads of earlier tests log meanwhile."""

from __future__ import annotations

import logging
import threading

import pytest


def of_this_thread(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return the lines of the thread that runs the tests."""
    return [record for record in caplog.records if record.thread == threading.get_ident()]
