"""Named places where tests may stop the program; nothing happens unless the environment asks."""

from __future__ import annotations

import os
import signal
import time


class Failpoint(Exception):
    """Raised where `SCRY_FAILPOINTS` says `name=raise`."""


def failpoint(name: str) -> None:
    """Do what SCRY_FAILPOINTS ("name=kill,other=raise,third=sleep") says for `name`."""
    wanted = os.environ.get("SCRY_FAILPOINTS", "")
    if not wanted:
        return
    match dict(part.partition("=")[::2] for part in wanted.split(",")).get(name):
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise Failpoint(name)
        case "sleep":
            time.sleep(3600)
