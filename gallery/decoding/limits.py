"""What the system lets a decoder child use. Runs inside the child.

Linux enforces all of it. Where a limit does not exist (macOS refuses RLIMIT_AS, Windows has no
limits at all) the child runs without it, and the parent's wall clock remains.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

try:
    import resource
except ImportError:  # pragma: no cover - Windows
    resource = None  # type: ignore[assignment]

_MAX_FILES = 32
# Nothing is ever written, but Python may cache the byte code of a plug-in loaded late.
_MAX_FILE_BYTES = 1 << 20
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def confine(memory_bytes: int, nice: int) -> None:
    """Give this process its limits, for the rest of its life."""
    _limit("RLIMIT_AS", memory_bytes)
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_NOFILE", _MAX_FILES)
    _limit("RLIMIT_FSIZE", _MAX_FILE_BYTES)
    if nice:
        os.nice(nice)


def allow_cpu(seconds: int) -> None:
    """Let this process use so many more seconds of CPU; beyond them SIGXCPU ends it."""
    if resource is not None:
        soft = int(time.process_time()) + 1 + seconds
        _set(resource.RLIMIT_CPU, soft, resource.RLIM_INFINITY)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` (a process id) ends, however it ends."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        except (OSError, AttributeError):  # pragma: no cover - an unusual C library
            return
    # The parent may have ended before the kernel was asked to watch it.
    if os.getppid() != parent:
        os._exit(0)


def _limit(name: str, value: int) -> None:
    if resource is not None and hasattr(resource, name):
        _set(getattr(resource, name), value, value)


def _set(which: int, soft: int, hard: int) -> None:
    try:
        resource.setrlimit(which, (soft, hard))
    except (ValueError, OSError):
        # The platform refuses, or a lower hard limit holds already: nothing to gain.
        return
