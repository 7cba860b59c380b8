"""Where a model runs, and why there. What the machine has is found out by the caller."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from search.vectors.embedders.base import ModelUnavailable, Tower
from search.vectors.embedders.precision import Format

FORCED = re.compile(r"cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True)
class Found:
    """What a model library sees of this machine's accelerators.

    `cuda` and `mps` name the device ("NVIDIA T4", "Apple GPU") or are empty; `why_no_cuda`
    completes the sentence "none found because ...".
    """

    cuda: str = ""
    cuda_count: int = 0
    mps: str = ""
    why_no_cuda: str = "PyTorch sees none"


@dataclass(frozen=True)
class Device:
    """A device as PyTorch names it, and the sentence that says why it was chosen."""

    name: str
    reason: str


def choose(forced: str | None, found: Found) -> Device:
    """Return the device to run on: the one that is asked for, else the fastest that is there.

    Raises `ModelUnavailable` when the device asked for is not there: running on another one
    in silence would look like a slow gallery.
    """
    wanted = (forced or "").strip().lower()
    if wanted:
        _check_is_there(wanted, found)
        return Device(wanted, f"EMBEDDING_DEVICE asks for {wanted}{_named(wanted, found)}.")
    if found.cuda:
        return Device("cuda", f"GPU: {found.cuda}.")
    if found.mps:
        return Device("mps", f"GPU: {found.mps}.")
    return Device("cpu", f"GPU: none found because {found.why_no_cuda}.")


def format_sentence(device: str, formats: Mapping[Tower, Format]) -> str:
    """Return the sentence that says in which number formats the loaded towers run."""
    names = ", ".join(f"{tower} tower in {chosen}" for tower, chosen in formats.items())
    measured = device == "cpu" and "bf16" in formats.values()
    return f"Runs the {names}{', which measured faster here' if measured else ''}."


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether an error of PyTorch, on any device, means that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    # The CPU's allocator and Metal raise a plain RuntimeError.
    text = str(error).lower()
    return "out of memory" in text or "not enough memory" in text or "can't allocate" in text


def _check_is_there(wanted: str, found: Found) -> None:
    if not FORCED.fullmatch(wanted):
        raise ModelUnavailable(
            f"EMBEDDING_DEVICE is {wanted!r}, which is no device; use cpu, cuda, cuda:1 or mps, "
            "or leave it empty."
        )
    if wanted == "mps" and not found.mps:
        _refuse(wanted, "this is no Mac with Metal")
    if wanted.startswith("cuda"):
        if not found.cuda:
            _refuse(wanted, found.why_no_cuda)
        number = int(wanted.partition(":")[2] or 0)
        if number >= found.cuda_count:
            _refuse(wanted, f"there are {found.cuda_count} GPUs, counted from 0")


def _refuse(wanted: str, why: str) -> None:
    raise ModelUnavailable(
        f"EMBEDDING_DEVICE asks for {wanted}, but {why}; leave it empty to use what there is."
    )


def _named(wanted: str, found: Found) -> str:
    name = {"cuda": found.cuda, "mps": found.mps}.get(wanted.partition(":")[0], "")
    return f" ({name})" if name else ""
