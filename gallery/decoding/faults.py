"""Faults that tests provoke in a child, only if its pool was made with `faults=True`.

A file that ends with `SCRY-FAULT:<job>:<fault>` then makes that job (or `any`) go wrong. The mark
follows the end of a valid picture, so every other job reads the file as usual.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from gallery.decoding.frames import Header, write_frame

ENABLED = "SCRY_DECODER_FAULTS"
_MARK = re.compile(rb"SCRY-FAULT:([a-z]+):([a-z-]+)$")


def provoke(job: Header, answers: BinaryIO) -> None:
    """Go wrong as the job's file demands; do nothing in a pool that serves people."""
    if os.environ.get(ENABLED) != "1":
        return
    mark = _MARK.search(Path(job["path"]).read_bytes()[-64:])
    if mark and mark[1].decode() in {job["kind"], "any"}:
        _FAULTS[mark[2].decode()](answers)


def _segfault(_answers: BinaryIO) -> None:
    ctypes.string_at(0)


def _abort(_answers: BinaryIO) -> None:
    os.abort()


def _hang(_answers: BinaryIO) -> None:
    time.sleep(3600)


def _spin(_answers: BinaryIO) -> None:
    while True:
        pass


def _memory(_answers: BinaryIO) -> None:
    hoard = []
    while True:
        hoard.append(bytearray(64 << 20))


def _killed(_answers: BinaryIO) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _silent_exit(_answers: BinaryIO) -> None:
    os._exit(0)


def _garbage(answers: BinaryIO) -> None:
    answers.write(b"\xff" * 4096)
    answers.flush()


def _half_answer(answers: BinaryIO) -> None:
    answers.write(b"\x00\x00\x00\x40{")
    answers.flush()
    os._exit(0)


def _lie(answers: BinaryIO) -> None:
    write_frame(answers, {"format": "JPEG", "width": -1, "height": "<script>", "exif": {}})


def _noise(_answers: BinaryIO) -> None:
    for _ in range(1000):
        sys.stderr.write("warning: " + "x" * 9990 + "\n")


_FAULTS: dict[str, Callable[[BinaryIO], None]] = {
    "segfault": _segfault,
    "abort": _abort,
    "hang": _hang,
    "spin": _spin,
    "memory": _memory,
    "killed": _killed,
    "silent-exit": _silent_exit,
    "garbage": _garbage,
    "half-answer": _half_answer,
    "lie": _lie,
    "noise": _noise,
}
