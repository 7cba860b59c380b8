"""Where a model runs and in which number format, and why.

The caller finds out what the machine has. Formats are measured once on this machine, then
remembered: weights in bfloat16 make an image tower 3 to 5 times as fast on a CPU with AMX, and up
to 7 times slower on one without (docs/reference/models.md has the figures), so nothing is assumed.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from django.utils.translation import gettext as _, gettext_noop

from gallery.sentences import Sentence, joined
from search.vectors.embedders.base import ModelUnavailable, Tower, Vectors

logger = logging.getLogger(__name__)

Format = Literal["fp32", "bf16", "fp16"]

DEVICES = re.compile(r"cpu|mps|cuda(:\d+)?")
"""What EMBEDDING_DEVICE may say."""

BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
"""CPU features, as /proc/cpuinfo names them, without which bfloat16 is not worth a measurement."""

WORTHWHILE = 1.1
"""bfloat16 must be this many times as fast: it costs a little accuracy, so a tie is no win."""

LEAST_AGREEMENT = 0.99
"""Lowest cosine between the embeddings of both formats that still counts as the same model."""

ROUNDS = 3
"""Measured runs of each format."""


SMALLEST_BATCH, LARGEST_BATCH = 64, 512
"""Pictures at once on a GPU: fewer leave it idle, more gain nothing."""


@dataclass(frozen=True)
class Accelerators:
    """The accelerators of this machine, as a model library reports them.

    `cuda` and `mps` name the device ("NVIDIA T4", "Apple GPU") or are empty; `why_no_cuda`
    completes the sentence "none found because ...".
    """

    cuda: str = ""
    cuda_count: int = 0
    mps: str = ""
    why_no_cuda: str = "PyTorch sees none"

    def name_of(self, device: str) -> str:
        """Return the name of an accelerator, an empty string for other devices."""
        return {"cuda": self.cuda, "mps": self.mps}.get(device.partition(":")[0], "")


@dataclass(frozen=True)
class Device:
    """A device as PyTorch names it, and the sentence that says why it was chosen."""

    name: str
    reason: str


def choose(setting: str | None, accelerators: Accelerators) -> Device:
    """Return the device that EMBEDDING_DEVICE asks for, else the fastest of this machine.

    Raises `ModelUnavailable` when the machine lacks the device that is asked for: another one in
    its place would look like a slow gallery.
    """
    wanted = (setting or "").strip().lower()
    if wanted:
        _require(wanted, accelerators)
        name = accelerators.name_of(wanted)
        device = f"{wanted} ({name})" if name else wanted
        why = Sentence(gettext_noop("EMBEDDING_DEVICE asks for %(device)s."), device=device)
        return Device(wanted, why)
    for name in ("cuda", "mps"):
        if found := accelerators.name_of(name):
            return Device(name, Sentence(gettext_noop("GPU: %(name)s."), name=found))
    text = gettext_noop("GPU: none found because %(why)s.")
    return Device("cpu", Sentence(text, why=accelerators.why_no_cuda))


def format_sentence(device: str, formats: Mapping[Tower, Format]) -> Sentence:
    """Return the sentence that says in which number formats the loaded towers run."""
    towers = {
        "image": gettext_noop("image tower in %(format)s"),
        "text": gettext_noop("text tower in %(format)s"),
    }
    named = [Sentence(towers[tower], format=chosen) for tower, chosen in formats.items()]
    names = joined(*named, between=", ")
    if device == "cpu" and "bf16" in formats.values():
        return Sentence(
            gettext_noop("Runs the %(towers)s, which measured faster here."), towers=names
        )
    return Sentence(gettext_noop("Runs the %(towers)s."), towers=names)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error of PyTorch, on any device, means that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    # The CPU's allocator and Metal raise a plain RuntimeError.
    text = str(error).lower()
    return "out of memory" in text or "not enough memory" in text or "can't allocate" in text


def gpu_memory(device: str) -> tuple[int, int] | None:
    """Return the bytes in use, by any program, and all bytes of the GPU that `device` names.

    None for other devices, and in a process that does not compute on it.
    """
    # Asking must neither load PyTorch nor make it reserve memory.
    torch: Any = sys.modules.get("torch")
    if torch is None or not device.startswith("cuda") or not torch.cuda.is_initialized():
        return None
    free, total = torch.cuda.mem_get_info(device)
    return total - free, total


def batch_for(free: int, each: int) -> int:
    """Return how many pictures of `each` bytes to embed at once with `free` bytes on a GPU.

    It is a power of two. Half of the memory stays free for queries and for other programs.
    """
    fitting = max(1, free // 2 // max(1, each))
    return min(LARGEST_BATCH, max(SMALLEST_BATCH, 1 << (fitting.bit_length() - 1)))


def _require(wanted: str, accelerators: Accelerators) -> None:
    """Raise `ModelUnavailable` unless this machine has the device."""
    if not DEVICES.fullmatch(wanted):
        message = _(
            "EMBEDDING_DEVICE is %(device)r, which is not a device; use cpu, cuda, cuda:1 or mps, "
            "or leave it empty."
        )
        raise ModelUnavailable(message % {"device": wanted})
    kind, _colon, number = wanted.partition(":")
    why = ""
    if kind == "mps" and not accelerators.mps:
        why = _("this is not a Mac with Metal")
    elif kind == "cuda" and not accelerators.cuda:
        why = accelerators.why_no_cuda
    elif kind == "cuda" and int(number or 0) >= accelerators.cuda_count:
        count = accelerators.cuda_count
        why = _("this machine has %(count)d GPUs, numbered from 0") % {"count": count}
    if why:
        message = _(
            "EMBEDDING_DEVICE asks for %(device)s, but %(why)s; leave it empty to use what "
            "there is."
        )
        raise ModelUnavailable(message % {"device": wanted, "why": why})


# --- number formats -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cpu:
    """The CPU's name and its feature flags, as the operating system reports them."""

    name: str
    flags: frozenset[str]

    @property
    def has_bf16(self) -> bool:
        """Whether bfloat16 has instructions of its own."""
        return bool(BF16_FLAGS & self.flags)


def this_cpu(cpuinfo: Path = Path("/proc/cpuinfo")) -> Cpu:
    """Return this machine's CPU; without /proc/cpuinfo, one with no known flags."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Cpu(platform.processor() or platform.machine(), frozenset())
    fields: dict[str, str] = {}
    for line in text.splitlines():
        label, _colon, value = line.partition(":")
        fields.setdefault(label.strip(), value.strip())
    name = fields.get("model name") or platform.machine()
    return Cpu(name, frozenset(fields.get("flags", "").split()))


@dataclass(frozen=True)
class Trial:
    """A measurement: seconds a batch in both formats, and the lowest cosine between their rows."""

    fp32_s: float
    bf16_s: float
    agreement: float

    @property
    def winner(self) -> Format:
        """bf16 only where it is clearly faster and gives the same embeddings."""
        faster = self.bf16_s * WORTHWHILE < self.fp32_s
        return "bf16" if faster and self.agreement >= LEAST_AGREEMENT else "fp32"


def trial(fp32: Callable[[], Vectors], bf16: Callable[[], Vectors]) -> Trial:
    """Run both in turn and return the fastest time of each.

    The functions embed one batch in this thread alone and return unit rows, shape (n, dim). Only
    the thread's own CPU time counts, so that other load on the machine does not decide.
    """
    rows32, rows16 = fp32(), bf16()  # Not measured: the first run fills caches.
    agreement = float(np.min(np.sum(rows32 * rows16, axis=1)))
    pairs = [(_seconds(fp32), _seconds(bf16)) for _round in range(ROUNDS)]
    return Trial(
        min(pair[0] for pair in pairs),
        min(pair[1] for pair in pairs),
        agreement if np.isfinite(agreement) else 0.0,
    )


def choose_format(file: Path | None, name: str, measure: Callable[[], Trial]) -> Format:
    """Return the winner stored under `name` in a JSON file, or measure and store it.

    A file that cannot be read or written costs a measurement, nothing more.
    """
    notes = _read(file)
    note = notes.get(name)
    if isinstance(note, dict) and note.get("winner") in ("fp32", "bf16"):
        return cast("Format", note["winner"])
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
        logger.warning("Could not store the calibration in %s: %s", file, error)
