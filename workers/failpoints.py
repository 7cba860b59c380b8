"""Named places where a test can make this process fail; otherwise they do nothing.

SCRY_FAILPOINTS="photos_upserted=kill,claimed=sleep" arms places by name with `kill` (SIGKILL),
`raise` or `sleep` (a minute).
"""

from __future__ import annotations

import os
import signal
import time

VARIABLE = "SCRY_FAILPOINTS"
SLEEP_SECONDS = 60.0


class FailpointReached(Exception):
    """Raised by a failpoint that is set to `raise`."""


def failpoint(name: str) -> None:
    """Fail here if SCRY_FAILPOINTS asks for it."""
    armed = os.environ.get(VARIABLE)
    if not armed:
        return
    points = (entry.partition("=") for entry in armed.split(","))
    match {point.strip(): action.strip() for point, _, action in points}.get(name):
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise FailpointReached(name)
        case "sleep":
            time.sleep(SLEEP_SECONDS)
