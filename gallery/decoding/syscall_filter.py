"""Which system calls a decoder child may still make: a seccomp filter, built here and loaded once.

It is a list of what is refused, since nobody can list all that three libraries and two C libraries
call. Refused calls fail with EPERM, and calls newer than the list with ENOSYS, so that libraries
fall back on older ones. A call for another architecture kills the process: its numbers mean
something else.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable

# From linux/filter.h, linux/seccomp.h and linux/audit.h.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL, _ALLOW, _FAIL = 0x80000000, 0x7FFF0000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_AUDIT_NAMES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_X32 = 0x40000000

_FIRST_NEW = 424
"""From here on both architectures count alike. Among the calls are pidfd_*, io_uring_*, clone3,
openat2 and the new mount interface, and no library needs one that has no older substitute."""

# Name -> number for x86_64 and for aarch64.
_Numbers = dict[str, tuple[int | None, int | None]]

_FILES: _Numbers = {
    "open": (2, None), "creat": (85, None), "openat": (257, 56),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "stat": (4, None), "lstat": (6, None), "access": (21, None), "faccessat": (269, 48),
    "readlink": (89, None), "readlinkat": (267, 78), "getcwd": (79, 17), "chdir": (80, 49),
    "fchdir": (81, 50), "getdents": (78, None), "getdents64": (217, 61), "truncate": (76, 45),
    "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "rename": (82, None),
    "renameat": (264, 38), "renameat2": (316, 276), "link": (86, None), "linkat": (265, 37),
    "symlink": (88, None), "symlinkat": (266, 36), "unlink": (87, None), "unlinkat": (263, 35),
    "mknod": (133, None), "mknodat": (259, 33), "chmod": (90, None), "fchmod": (91, 52),
    "fchmodat": (268, 53), "chown": (92, None), "fchown": (93, 55), "lchown": (94, None),
    "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10), "listxattr": (194, 11),
    "llistxattr": (195, 12), "flistxattr": (196, 13), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "statfs": (137, 43), "flock": (73, 32),
    "inotify_init": (253, None), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "sync": (162, 81),
    "syncfs": (306, 267), "sendfile": (40, 71), "splice": (275, 76), "vmsplice": (278, 75),
    "tee": (276, 77), "copy_file_range": (326, 285),
}  # fmt: skip
# Jobs come by `recvmsg`, and answers go by `write`.
_NETWORK: _Numbers = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206),
    "sendmsg": (46, 211), "sendmmsg": (307, 269), "recvfrom": (45, 207), "recvmmsg": (299, 243),
    "shutdown": (48, 210), "setsockopt": (54, 208), "getsockopt": (55, 209),
}  # fmt: skip
_PROCESSES: _Numbers = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "setpgid": (109, 154), "setsid": (112, 157), "setpriority": (141, 140),
    "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122), "ioprio_set": (251, 30), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "setrlimit": (160, 164), "personality": (135, 92),
    "unshare": (272, 97), "setns": (308, 268),
    # Memory and messages that processes of one user share by a number.
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190),
    "semctl": (66, 191), "semop": (65, 193), "semtimedop": (220, 192), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setfsuid": (122, 151),
    "setfsgid": (123, 152), "setgroups": (116, 159), "capset": (126, 91),
}  # fmt: skip
_KERNEL: _Numbers = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60),
    "reboot": (169, 142), "sethostname": (170, 161), "setdomainname": (171, 162),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "iopl": (172, None),
    "ioperm": (173, None), "modify_ldt": (154, None), "uselib": (134, None),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "clock_adjtime": (305, 266), "syslog": (103, 116), "vhangup": (153, 58),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280),
    "userfaultfd": (323, 282), "perf_event_open": (298, 241), "io_setup": (206, 0),
    "io_submit": (209, 2), "io_pgetevents": (333, 292), "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42), "seccomp": (317, 277),
}  # fmt: skip

# Calls of which some are needed: the argument that decides, and what it may be.
_CLONE = (56, 220)
_CLONE_THREAD = 0x00010000
_PRLIMIT = (302, 261)
_SIGNALS: _Numbers = {
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}  # fmt: skip
_FCNTL, _IOCTL, _PRCTL = (72, 25), (16, 29), (157, 167)
# Duplicate a descriptor, and read and set its flags. Locks, leases and owners of signals are out.
_FCNTL_ALLOWED = (0, 1, 2, 3, 4, 1030)
# Whether it is a terminal, close-on-exec, how much can be read.
_IOCTL_ALLOWED = (0x5401, 0x5450, 0x5451, 0x541B)
# To outlive the parent, to be traced, to change its own memory map, to adopt and to let in.
_PRCTL_REFUSED = (1, 4, 35, 36, 0x59616D61)
# `fstat` is one of these calls with the flag AT_EMPTY_PATH, which is argument 3 or 2.
_STATUS: dict[tuple[int, int], int] = {(262, 79): 3, (332, 291): 2}
_EMPTY_PATH = 0x1000

Instruction = tuple[int, int, int, int]


def is_known(machine: str = "") -> bool:
    """Tell whether there is a filter for this platform and kind of processor."""
    return sys.platform == "linux" and (machine or platform.machine()) in _AUDIT_NAMES


def load() -> None:
    """Filter the system calls of all threads from now on, for ever. Raises OSError."""
    machine = platform.machine()
    if not is_known(machine):
        raise OSError(errno.ENOSYS, f"no filter for {machine}")
    code = b"".join(struct.pack("=HBBI", *line) for line in program(machine, os.getpid()))
    buffer = ctypes.create_string_buffer(code, len(code))
    lines = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    number, mode, flags = (
        ctypes.c_long(value) for value in (_SECCOMP[machine], _SET_MODE_FILTER, _ALL_THREADS)
    )
    if libc.syscall(number, mode, flags, ctypes.c_char_p(lines)) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def program(machine: str, pid: int) -> list[Instruction]:
    """Return the filter of a process as classic BPF: code, jump if true, jump if false, value."""
    column = list(_AUDIT_NAMES).index(machine)
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, _AUDIT_NAMES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if machine == "x86_64":
        lines += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    lines += [(_AT_LEAST, 0, 1, _FIRST_NEW), (_RETURN, 0, 0, _FAIL | errno.ENOSYS)]
    for numbers in (_FILES, _NETWORK, _PROCESSES, _KERNEL):
        for pair in numbers.values():
            if (number := pair[column]) is not None:
                lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _FAIL | errno.EPERM)]
    for pair, rule in _rules(pid):
        if (number := pair[column]) is not None:
            # Each rule ends in an answer, so that what follows it is for other calls.
            lines += [(_EQUAL, 0, len(rule), number), *rule]
    return [*lines, (_RETURN, 0, 0, _ALLOW)]


def _rules(pid: int) -> Iterable[tuple[tuple[int | None, int | None], list[Instruction]]]:
    """Yield the calls that are judged by an argument, and their rules."""
    yield _CLONE, _with_bit(0, _CLONE_THREAD)
    for pair in _SIGNALS.values():
        yield pair, _only(0, [pid])
    yield _FCNTL, _only(1, _FCNTL_ALLOWED)
    yield _IOCTL, _only(1, _IOCTL_ALLOWED)
    yield _PRCTL, _none_of(0, _PRCTL_REFUSED)
    for pair, argument in _STATUS.items():
        yield pair, _with_bit(argument, _EMPTY_PATH)
    # Limits may be read, and those of other processes not even that.
    yield _PRLIMIT, [*_null(2), *_only(0, [0, pid])]


def _only(argument: int, values: Iterable[int]) -> list[Instruction]:
    return _listed(argument, values, _ALLOW, _FAIL | errno.EPERM)


def _none_of(argument: int, values: Iterable[int]) -> list[Instruction]:
    return _listed(argument, values, _FAIL | errno.EPERM, _ALLOW)


def _listed(argument: int, values: Iterable[int], found: int, other: int) -> list[Instruction]:
    """Return a rule that compares the lower half of an argument, which is all of an int."""
    lines: list[Instruction] = [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument)]
    for value in values:
        lines += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, found)]
    return [*lines, (_RETURN, 0, 0, other)]


def _with_bit(argument: int, bit: int) -> list[Instruction]:
    return [
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument),
        (_ANY_BIT, 0, 1, bit),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _FAIL | errno.EPERM),
    ]


def _null(argument: int) -> list[Instruction]:
    """Return the start of a rule that refuses any pointer but a null pointer."""
    lines: list[Instruction] = []
    for half in (0, 4):
        lines += [
            (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument + half),
            (_EQUAL, 1, 0, 0),
            (_RETURN, 0, 0, _FAIL | errno.EPERM),
        ]
    return lines
