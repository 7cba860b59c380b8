"""How a decoder child gives up what it does not need, before it sees the first byte of a picture.

Each layer is a right that the kernel takes away for good. A kernel or platform that lacks one
leaves the others, and the child says which of them hold. Runs inside the children.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from gallery.decoding import syscall_filter
from gallery.decoding.answers import LAYERS

try:
    import resource
except ImportError:  # pragma: no cover - a platform without limits
    resource = None  # type: ignore[assignment]

_MAX_FILES = 32
# Children write nothing, but Python may cache the byte code of a module while it starts.
_MAX_FILE_BYTES = 1 << 20

# linux/prctl.h, linux/capability.h
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CAPABILITIES_VERSION = 0x20080522

# linux/landlock.h. The system calls have the same numbers everywhere.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1
# The rights on files that each version of the interface knows, as a number of bits.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_BIND_AND_CONNECT = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
_NETWORK_SINCE, _SCOPE_SINCE = 4, 6


def limit(memory_bytes: int, cpu_seconds: int, nice: int) -> None:
    """Set the limits of this process, which it cannot raise again.

    `cpu_seconds` are for its whole life; a job gets less, see `process.Child`.
    """
    _limit("RLIMIT_AS", memory_bytes)
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_NOFILE", _MAX_FILES)
    _limit("RLIMIT_FSIZE", _MAX_FILE_BYTES)
    _limit("RLIMIT_CPU", cpu_seconds)
    if nice:
        os.nice(nice)


def allow_cpu(seconds: int) -> None:
    """Let this process use that many more seconds of CPU; SIGXCPU ends it after them.

    Only where the parent cannot say so (`process`): the child might take it back.
    """
    if resource is not None:
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        _limit("RLIMIT_CPU", int(time.process_time()) + 1 + seconds, hard=hard)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` (a process id) ends, however it ends."""
    if sys.platform == "linux":
        with suppress(OSError):
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have ended before the kernel was asked to watch it.
    if os.getppid() != parent:
        os._exit(0)


def confine(wanted: Collection[str] = LAYERS) -> list[str]:
    """Give up everything but memory and the descriptors that are open; return the layers that hold.

    Only `wanted` layers are tried. The process must have one thread, since some layers bind
    only the thread that asks for them.
    """
    if sys.platform != "linux":
        return []
    return [layer for layer in LAYERS if layer in wanted and _holds(_STEPS[layer])]


def _holds(step: Callable[[], None]) -> bool:
    # A C library without the function counts as a kernel without the layer.
    with suppress(OSError, AttributeError):
        step()
        return True
    return False


def _limit(name: str, soft: int, *, hard: int | None = None) -> None:
    """Set a limit, the hard one as the soft one if not given, where the platform has it."""
    if resource is not None and hasattr(resource, name):
        # The platform may refuse, or a lower hard limit may apply already.
        with suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (soft, soft if hard is None else hard))


def _prctl(option: int, value: int) -> None:
    arguments = (ctypes.c_ulong(number) for number in (value, 0, 0, 0))
    _check(_libc().prctl(option, *arguments), "prctl")


def _drop_capabilities() -> None:
    """Make root a user like any other: without this it may raise its limits again."""
    header = struct.pack("=II", _CAPABILITIES_VERSION, 0)
    none = bytes(24)
    _check(_libc().capset(ctypes.c_char_p(header), ctypes.c_char_p(none)), "capset")


# --- Landlock -------------------------------------------------------------------------------------


def landlock_version() -> int:
    """Return the version of Landlock's interface that this kernel has. Raises OSError for none."""
    return _check(_syscall(_CREATE_RULESET, None, 0, _ASK_VERSION), "Landlock")


def _close_files() -> None:
    version = landlock_version()
    rights = _FILE_RIGHTS.get(version, max(_FILE_RIGHTS.values()))
    _landlock(files=(1 << rights) - 1)


def _close_network() -> None:
    _require(_NETWORK_SINCE)
    _landlock(network=_BIND_AND_CONNECT)


def _close_scope() -> None:
    _require(_SCOPE_SINCE)
    _landlock(scope=_ABSTRACT_SOCKETS_AND_SIGNALS)


def _require(version: int) -> None:
    if landlock_version() < version:
        raise OSError(errno.EOPNOTSUPP, "Landlock is older")


def _landlock(*, files: int = 0, network: int = 0, scope: int = 0) -> None:
    """Give up rights for good. A rule would say where they stay, and there is none."""
    # Older kernels refuse a structure with more fields than they know, unless these are zero.
    attributes = struct.pack("=QQQ", files, network, scope)
    rules = _check(_syscall(_CREATE_RULESET, attributes, len(attributes), 0), "Landlock")
    try:
        _check(_syscall(_RESTRICT_SELF, rules, 0), "Landlock")
    finally:
        os.close(rules)


def _syscall(number: int, *arguments: int | bytes | None) -> int:
    made = [
        ctypes.c_long(value) if isinstance(value, int) else ctypes.c_char_p(value)
        for value in arguments
    ]
    result: int = _libc().syscall(ctypes.c_long(number), *made)
    return result


def _check(result: int, name: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


_STEPS: dict[str, Callable[[], None]] = {
    "no_new_privileges": lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1),
    "not_traceable": lambda: _prctl(_PR_SET_DUMPABLE, 0),
    "no_capabilities": _drop_capabilities,
    "landlock_files": _close_files,
    "landlock_network": _close_network,
    "landlock_scope": _close_scope,
    # The last one, because it refuses what the others need.
    "seccomp": syscall_filter.load,
}
