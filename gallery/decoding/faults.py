"""Faults that tests provoke in a child, only if its pool was made with `faults=True`.

A file that ends with `SCRY-FAULT:<job>:<fault>` then makes that job (or `any`) go wrong. The mark
follows the end of a valid picture, so every other job reads the file as usual. A file that ends
with `SCRY-ESCAPE:<JSON>` makes the child do what an exploit would (`gallery.decoding.escapes`).
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from itertools import count
from typing import BinaryIO

from gallery.decoding.frames import Header, write_frame
from gallery.decoding.handed_file import HandedFile

ENABLED = "SCRY_DECODER_FAULTS"
ESCAPE = b"SCRY-ESCAPE:"
_MARK = re.compile(rb"SCRY-FAULT:([a-z]+):([a-z-]+)$")
_MAX_MARK = 4096


def prepare() -> None:
    """Load what the attempts to escape need; do nothing in a pool that serves people."""
    if os.environ.get(ENABLED) == "1":
        from gallery.decoding import escapes  # noqa: F401 - it can not be loaded later


def provoke(job: Header, file: HandedFile, answers: BinaryIO) -> tuple[Header, list[bytes]] | None:
    """Go wrong as the job's file demands; do nothing in a pool that serves people.

    Returns the answer if it takes the place of the job's own.
    """
    if os.environ.get(ENABLED) != "1":
        return None
    with file.open() as stream:
        stream.seek(max(0, file.size() - _MAX_MARK))
        end = stream.read()
    mark = _MARK.search(end)
    if mark and mark[1].decode() in {job["kind"], "any"}:
        _FAULTS[mark[2].decode()](answers)
    _, found, attempt = end.rpartition(ESCAPE)
    if not found:
        return None
    from gallery.decoding import escapes

    return {"reason": "escape", "detail": escapes.attempt(**json.loads(attempt))}, []


def _spin(_answers: BinaryIO) -> None:
    while True:
        pass


def _garbage(answers: BinaryIO) -> None:
    answers.write(b"\xff" * 4096)
    answers.flush()


def _half_answer(answers: BinaryIO) -> None:
    answers.write(b"\x00\x00\x00\x40{")
    answers.flush()
    os._exit(0)


def _lie(answers: BinaryIO) -> None:
    write_frame(answers, {"format": "JPEG", "width": -1, "height": "<script>", "exif": {}})


def _spin_later(answers: BinaryIO) -> None:
    """Answer, and then burn CPU time while nobody asks for anything."""
    write_frame(answers, {"reason": "corrupt", "detail": "not yet"})
    _spin(answers)


def _spin_on(answers: BinaryIO) -> None:
    """Spin, and let no signal but SIGKILL end it."""
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    _spin(answers)


_FAULTS: dict[str, Callable[[BinaryIO], object]] = {
    "segfault": lambda _: ctypes.string_at(0),
    "abort": lambda _: os.abort(),
    "hang": lambda _: time.sleep(3600),
    "spin": _spin,
    "spin-on": _spin_on,
    "spin-later": _spin_later,
    "memory": lambda _: [bytearray(64 << 20) for _ in count()],
    "killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "silent-exit": lambda _: os._exit(0),
    "garbage": _garbage,
    "half-answer": _half_answer,
    "lie": _lie,
    "noise": lambda _: sys.stderr.writelines(["warning: " + "x" * 9990 + "\n"] * 1000),
}
