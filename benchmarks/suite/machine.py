"""On what machine, with which versions and beside what load the suite ran."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.gallery_process import ROOT

LIBRARIES = (
    "django",
    "numpy",
    "pillow",
    "qdrant-edge-py",
    "torch",
    "torchvision",
    "open_clip_torch",
)
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16")
BUSY = 0.3
"""A load for each core above which the figures say that the machine was not idle."""


def facts() -> dict[str, Any]:
    """Return what the results say of machine, versions, commit and load."""
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return {
        "machine": {
            "processor": _processor(),
            "cores": cores,
            "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
            "features": [name for name in FEATURES if name in _flags()],
            "system": platform.platform(),
        },
        "versions": {"python": platform.python_version()} | _versions(),
        "commit": _git("rev-parse", "HEAD"),
        "changed_files": len(_git("status", "--porcelain").splitlines()),
        "load_at_start": round(load, 2),
        "idle_at_start": load / cores < BUSY,
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _cpuinfo(field: str) -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")


def _processor() -> str:
    return _cpuinfo("model name") or platform.machine()


def _flags() -> set[str]:
    return set(_cpuinfo("flags").split())


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
