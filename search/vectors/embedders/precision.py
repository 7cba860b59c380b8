"""Which number format a model runs in: measured once on this machine, then remembered.

Weights in bfloat16 run an image tower 3 to 5 times faster on a CPU with AMX and up to 7 times
slower on one without (docs/reference/models.md has the figures), so nothing is assumed.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np

from search.vectors.embedders.base import Vectors

logger = logging.getLogger(__name__)

Format = Literal["fp32", "bf16", "fp16"]

BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
"""CPU features, as /proc/cpuinfo names them, without which bfloat16 is not worth a measurement."""

WORTHWHILE = 1.1
"""bfloat16 must be this many times faster: it costs a little accuracy, so a tie is no win."""

LEAST_AGREEMENT = 0.99
"""Lowest cosine between the embeddings of both formats that still counts as the same model."""


ROUNDS = 3
"""Measured runs of each format."""


@dataclass(frozen=True)
class Cpu:
    """The CPU's name and its feature flags, as the operating system reports them."""

    name: str
    flags: frozenset[str]

    @property
    def has_bf16(self) -> bool:
        """Tell whether bfloat16 has instructions of its own."""
        return bool(BF16_FLAGS & self.flags)


def this_cpu(cpuinfo: Path = Path("/proc/cpuinfo")) -> Cpu:
    """Return this machine's CPU; without /proc/cpuinfo, one with no known flags."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Cpu(platform.processor() or platform.machine(), frozenset())
    fields: dict[str, str] = {}
    for line in text.splitlines():
        label, _, value = line.partition(":")
        fields.setdefault(label.strip(), value.strip())
    name = fields.get("model name") or platform.machine()
    return Cpu(name, frozenset(fields.get("flags", "").split()))


@dataclass(frozen=True)
class Trial:
    """What one measurement found: seconds a batch in both formats, and how well they agree."""

    fp32_s: float
    bf16_s: float
    agreement: float

    @property
    def winner(self) -> Format:
        """Return bf16 only where it is clearly faster and gives the same embeddings."""
        faster = self.bf16_s * WORTHWHILE < self.fp32_s
        return "bf16" if faster and self.agreement >= LEAST_AGREEMENT else "fp32"


def trial(fp32: Callable[[], Vectors], bf16: Callable[[], Vectors]) -> Trial:
    """Run both, in turns, and return the fastest time of each.

    The functions embed one batch in this thread alone and return unit rows, shape (n, dim).
    The thread's own time is counted, so that others who use the machine do not decide.
    """
    one, two = fp32(), bf16()  # Unmeasured: the first run fills caches.
    agreement = float(np.min(np.sum(one * two, axis=1)))
    pairs = [(_seconds(fp32), _seconds(bf16)) for _ in range(ROUNDS)]
    return Trial(
        min(pair[0] for pair in pairs),
        min(pair[1] for pair in pairs),
        agreement if np.isfinite(agreement) else 0.0,
    )


def remembered(file: Path | None, name: str, measure: Callable[[], Trial]) -> Format:
    """Return the winner noted under `name` in a JSON file, or measure and note it.

    A file that cannot be read or written costs a measurement, nothing more.
    """
    notes = _read(file)
    known = notes.get(name)
    if isinstance(known, dict) and known.get("winner") in ("fp32", "bf16"):
        return cast("Format", known["winner"])
    trial = measure()
    notes[name] = {
        "winner": trial.winner,
        "fp32_ms": round(trial.fp32_s * 1000, 1),
        "bf16_ms": round(trial.bf16_s * 1000, 1),
        "agreement": round(trial.agreement, 5),
    }
    logger.info("Measured %s: %s", name, notes[name])
    _write(file, notes)
    return trial.winner


def _seconds(run: Callable[[], object]) -> float:
    started = time.thread_time()
    run()
    return time.thread_time() - started


def _read(file: Path | None) -> dict[str, object]:
    if file is None:
        return {}
    try:
        notes = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _write(file: Path | None, notes: dict[str, object]) -> None:
    if file is None:
        return
    # Web and worker processes may measure at the same time: whoever renames last wins, and
    # no reader ever sees half a file.
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(notes, indent=1, sort_keys=True), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        logger.warning("Could not remember the calibration in %s: %s", file, error)
