"""What the C library keeps of memory that nobody uses: little, and only while there is work.

glibc gives each thread an arena of its own and returns hardly anything of it to the system. A
gallery has dozens of threads that take large blocks for moments, and kept 500 MB so. Other C
libraries do without this; there the functions do nothing.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8
ARENAS = 2
"""Threads hold the lock of an arena for moments only; PyTorch's own work takes no small blocks."""


def share_arenas() -> None:
    """Let all threads take memory from a few arenas; to be called before there are threads."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return free memory to the system. It takes some 10 ms."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
