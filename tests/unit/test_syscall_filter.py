"""The filter of system calls as a program, for machines that are not at hand too."""

from __future__ import annotations

import errno
import platform
import struct

import pytest

from gallery.decoding import syscall_filter

PID = 4321
ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE, UNKNOWN = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def judge(machine, number, *arguments, architecture=None):
    """Return what the filter answers to a call, as the kernel's machine for it would."""
    padded = [*(value & (2**64 - 1) for value in arguments), *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, architecture or AUDIT[machine], 0, *padded)
    lines, place, value = syscall_filter.program(machine, PID), 0, 0
    while True:
        code, if_true, if_false, operand = lines[place]
        place += 1
        if code == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
        elif code == 0x06:
            return operand
        else:
            held = {0x15: value == operand, 0x35: value >= operand, 0x45: value & operand}[code]
            place += if_true if held else if_false


# Name, numbers (x86_64, aarch64), arguments, answer.
CASES = [
    ("read", (0, 63), (0,), ALLOW),
    ("write", (1, 64), (3,), ALLOW),
    ("pread64", (17, 67), (4,), ALLOW),
    ("mmap", (9, 222), (0, 4096, 3, 34, -1, 0), ALLOW),
    ("recvmsg", (47, 212), (0,), ALLOW),
    ("memfd_create", (319, 279), (), ALLOW),
    ("exit_group", (231, 94), (0,), ALLOW),
    ("openat", (257, 56), (-100,), REFUSE),
    ("socket", (41, 198), (1, 1, 0), REFUSE),
    ("execve", (59, 221), (), REFUSE),
    ("ptrace", (101, 117), (16, 1), REFUSE),
    ("clone of a thread", (56, 220), (0x3D0F00,), ALLOW),
    ("clone of a process", (56, 220), (17,), REFUSE),
    ("clone3", (435, 435), (), UNKNOWN),
    ("pidfd_open", (434, 434), (1,), UNKNOWN),
    ("a call of the future", (999, 999), (), UNKNOWN),
    ("kill of itself", (62, 129), (PID, 6), ALLOW),
    ("kill of another", (62, 129), (1, 9), REFUSE),
    ("kill of all", (62, 129), (-1, 9), REFUSE),
    ("tgkill of its own thread", (234, 131), (PID, PID + 1, 6), ALLOW),
    ("tgkill of another", (234, 131), (1, 1, 9), REFUSE),
    ("limits read", (302, 261), (0, 0, 0, 1 << 40), ALLOW),
    ("own limits set", (302, 261), (0, 0, 1 << 40, 0), REFUSE),
    ("own limits set, low half of the address zero", (302, 261), (0, 0, 1 << 32, 0), REFUSE),
    ("limits of another", (302, 261), (1, 0, 0, 1 << 40), REFUSE),
    ("fstat", (262, 79), (4, 1 << 40, 1 << 41, 0x1000), ALLOW),
    ("stat", (262, 79), (-100, 1 << 40, 1 << 41, 0), REFUSE),
    ("fcntl to copy", (72, 25), (4, 1030, 0), ALLOW),
    ("fcntl to own signals", (72, 25), (4, 8, 1), REFUSE),
    ("prctl to name a thread", (157, 167), (15,), ALLOW),
    ("prctl to outlive the parent", (157, 167), (1, 0), REFUSE),
    ("ioctl to type into a terminal", (16, 29), (2, 0x5412), REFUSE),
]


@pytest.mark.parametrize("machine", AUDIT)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_each_call_gets_its_answer(machine, case):
    _, numbers, arguments, answer = case
    assert judge(machine, numbers[list(AUDIT).index(machine)], *arguments) == answer


def test_calls_that_are_numbered_differently_kill():
    assert judge("x86_64", 0, architecture=0x40000003) == KILL
    assert judge("x86_64", 0x40000000 | 39) == KILL
    assert judge("aarch64", 63, architecture=0x40000028) == KILL


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_filter_is_one_that_a_kernel_takes(machine):
    lines = syscall_filter.program(machine, 1234)
    assert len(lines) < 4096
    for place, (code, if_true, if_false, _) in enumerate(lines):
        if code & 7 == 5:  # A jump leads forwards, to an instruction that is there.
            assert place + 1 + max(if_true, if_false) < len(lines)
            assert max(if_true, if_false) < 256
    assert lines[-1][0] == 6


def test_machines_without_a_filter_are_told_apart(monkeypatch):
    assert not syscall_filter.is_known("riscv64")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(OSError, match="riscv64"):
        syscall_filter.load()
