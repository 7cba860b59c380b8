"""What an exploit would try from inside a decoder child, so that tests can see it refused.

Loaded only in a pool made with `faults=True`. Each attempt returns what it got, and raises OSError
if the kernel refused it.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import resource
import select
import signal
import socket
import struct
from collections.abc import Callable
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)

# Numbers of system calls (x86_64, aarch64) that Python has no function for.
_NUMBERS = {
    "clone": (56, 220), "clone3": (435, 435), "vfork": (58, None), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "rt_sigqueueinfo": (129, 138), "tgkill": (234, 131),
    "tkill": (200, 130), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "mount": (165, 40),
    "bpf": (321, 280), "keyctl": (250, 219), "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282), "perf_event_open": (298, 241), "unshare": (272, 97),
    "setns": (308, 268), "open_by_handle_at": (304, 265), "openat2": (437, 437),
    "execveat": (322, 281), "shmget": (29, 194), "mq_open": (240, 180), "prctl": (157, 167),
    "fsopen": (430, 430), "setuid": (105, 146), "chroot": (161, 51), "capset": (126, 91),
    "seccomp": (317, 277), "stat": (4, None), "newfstatat": (262, 79),
}  # fmt: skip
_AT_FDCWD, _SIGCHLD = -100, int(signal.SIGCHLD)


def attempt(name: str, args: list[Any]) -> str:
    """Try to escape in one way and return how it ended: "got ..." or "refused ..."."""
    try:
        return f"got {_ATTEMPTS[name](*args)}"
    except OSError as error:
        return f"refused {type(error).__name__} {error.errno}"
    except ValueError as error:
        # What `resource` makes of EPERM.
        return f"refused {error}"


def _call(name: str, *arguments: int | bytes) -> int:
    column = 0 if os.uname().machine == "x86_64" else 1
    number = _NUMBERS[name][column]
    if number is None:
        raise PermissionError(38, "no such call here")
    made = [
        ctypes.c_char_p(value) if isinstance(value, bytes) else ctypes.c_long(value)
        for value in arguments
    ]
    result: int = _libc.syscall(ctypes.c_long(number), *made)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def _read(path: str) -> int:
    with open(path, "rb") as file:  # noqa: PTH123 - what an exploit would call
        return len(file.read(1))


def _write(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def _connect(family: str, address: Any) -> str:
    with socket.socket(getattr(socket, family)) as one:
        one.connect(tuple(address) if isinstance(address, list) else address)
        return "a connection"


def _send_datagram(port: int) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        return one.sendto(b"secret", ("127.0.0.1", port))


def _fork(name: str, *arguments: int | bytes) -> int:
    """Start a process that stays, whatever becomes of this one."""
    pid = os.fork() if name == "fork" else _call(name, *arguments)
    if pid == 0:
        while True:
            select.select([], [], [], 60)
    return pid


def _exec(how: str) -> int:
    if how == "execv":
        os.execv("/bin/sh", ["sh", "-c", "sleep 60"])  # noqa: S606 - that is the point
    if how == "spawn":
        return os.posix_spawn("/bin/sh", ["sh", "-c", "sleep 60"], {})
    # A program that is nowhere on the disk.
    descriptor = os.memfd_create("program")
    os.write(descriptor, b"#!/bin/sh\nsleep 60\n")
    return _call("execveat", descriptor, b"", 0, 0, 0x1000)


def _set_limit(name: str, which: str, pid: int) -> str:
    limits = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    if name == "setrlimit":
        resource.setrlimit(getattr(resource, which), limits)
    else:
        resource.prlimit(pid, getattr(resource, which), limits)
    return "no limit"


def _read_memory(pid: int) -> int:
    one, other = (struct.pack("@PN", ctypes.addressof(_libc.getpid), 8) for _ in range(2))
    return _call("process_vm_readv", pid, one, 1, other, 1, 0)


def _own_signals(pid: int) -> int:
    """Have the kernel send signals to another process when a pipe of this one can be read."""
    return fcntl.fcntl(0, 8, pid)


def _rename(path: str) -> str:
    os.rename(path, f"{path}.taken")  # noqa: PTH104 - what an exploit would call
    return "renamed"


_ATTEMPTS: dict[str, Callable[..., object]] = {
    "nothing": lambda: "nothing",
    "environment": lambda: sorted(os.environ),
    "descriptors": lambda: [number for number in range(64) if _is_open(number)],
    "read": _read,
    "write": _write,
    "read and write": lambda path: os.open(path, os.O_RDWR),
    "list": os.listdir,
    "look": lambda path: os.stat(path).st_size,  # noqa: PTH116 - what an exploit would call
    "look at a link": os.readlink,
    "truncate": lambda path: os.truncate(path, 0),
    "chmod": lambda path: os.chmod(path, 0o777),  # noqa: PTH101, S103
    "unlink": os.unlink,
    "rename": _rename,
    "link": lambda path: os.link(path, f"{path}.link"),
    "mkdir": os.mkdir,
    "open again": lambda: os.open("/proc/self/fd/4", os.O_RDONLY),
    "openat2": lambda path: _call("openat2", _AT_FDCWD, path.encode(), bytes(24), 24),
    "open by handle": lambda: _call("open_by_handle_at", 0, bytes(32), 0),
    "connect": _connect,
    "send": _send_datagram,
    "listen": lambda: socket.create_server(("127.0.0.1", 0)).fileno(),
    "socket pair": lambda: socket.socketpair()[0].fileno(),
    "fork": lambda: _fork("fork"),
    "vfork": lambda: _fork("vfork"),
    "clone": lambda: _fork("clone", _SIGCHLD, 0, 0, 0, 0),
    "clone3": lambda: _fork("clone3", struct.pack("=4Q4Q", 0, 0, 0, 0, _SIGCHLD, 0, 0, 0), 64),
    "exec": _exec,
    "signal": lambda pid: os.kill(pid, 0),
    "signal a thread": lambda pid: _call("tgkill", pid, pid, 0),
    "signal a task": lambda pid: _call("tkill", pid, 0),
    "signal with a value": lambda pid: _call("rt_sigqueueinfo", pid, 0, bytes(128)),
    "own signals": _own_signals,
    "pidfd": lambda pid: _call("pidfd_open", pid, 0),
    "ptrace": lambda pid: _call("ptrace", 16, pid, 0, 0),
    "memory": _read_memory,
    "limit": _set_limit,
    "priority": lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19),
    "outlive": lambda: _call("prctl", 1, 0, 0, 0, 0),
    "be traced": lambda: _call("prctl", 4, 1, 0, 0, 0),
    "mount": lambda: _call("mount", b"none", b"/mnt", b"tmpfs", 0, 0),
    "mount anew": lambda: _call("fsopen", b"tmpfs", 0),
    "chroot": lambda: _call("chroot", b"/"),
    "unshare": lambda: _call("unshare", 0x10000000),
    "bpf": lambda: _call("bpf", 0, bytes(64), 64),
    "keys": lambda: _call("keyctl", 0, -3, 1),
    "io_uring": lambda: _call("io_uring_setup", 1, bytes(120)),
    "userfaultfd": lambda: _call("userfaultfd", 1),
    "perf": lambda: _call("perf_event_open", bytes(128), 0, -1, -1, 0),
    "shared memory": lambda: _call("shmget", 0, 4096, 0o1600),
    "messages": lambda: _call("mq_open", b"scry", 0o102, 0o600, 0),
    "another user": lambda: _call("setuid", 0),
    "memory file": lambda: os.memfd_create("allowed"),
    # These end the process.
    "x32": lambda: _libc.syscall(ctypes.c_long(0x40000000 | 39)),
    "other architecture": lambda: _call_as_i386(),
}


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _call_as_i386() -> int:
    """Call getpid by its number for i386, on x86_64."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20; int 0x80; ret
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    return int(function())
