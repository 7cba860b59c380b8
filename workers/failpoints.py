"""Named places where a test may make this process fail; they do nothing otherwise.

SCRY_FAILPOINTS="after_upsert=kill,claimed=sleep" arms places by name with `kill` (SIGKILL),
`raise` or `sleep` (a minute).
"""

from __future__ import annotations

import os
import signal
import time

VARIABLE = "SCRY_FAILPOINTS"
SLEEP_SECONDS = 60.0


class FailpointReached(Exception):
    """An armed failpoint was told to raise."""


def failpoint(name: str) -> None:
    """Do what SCRY_FAILPOINTS asks for at this place, if anything."""
    armed = os.environ.get(VARIABLE)
    if armed:
        _act(name, _parse(armed).get(name, ""))


def _parse(armed: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in armed.split(","))
    return {name.strip(): action.strip() for name, _, action in pairs}


def _act(name: str, action: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "raise":
        raise FailpointReached(name)
    elif action == "sleep":
        time.sleep(SLEEP_SECONDS)
