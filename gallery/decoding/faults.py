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
from itertools import count
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


_FAULTS: dict[str, Callable[[BinaryIO], object]] = {
    "segfault": lambda _: ctypes.string_at(0),
    "abort": lambda _: os.abort(),
    "hang": lambda _: time.sleep(3600),
    "spin": _spin,
    "memory": lambda _: [bytearray(64 << 20) for _ in count()],
    "killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "silent-exit": lambda _: os._exit(0),
    "garbage": _garbage,
    "half-answer": _half_answer,
    "lie": _lie,
    "noise": lambda _: sys.stderr.writelines(["warning: " + "x" * 9990 + "\n"] * 1000),
}
