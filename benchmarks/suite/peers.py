"""Run peers: in an environment of their own, each in a process of its own that ends with JSON."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.gallery_process import ROOT

PYTHON = ROOT / ".venv-bench" / "bin" / "python"


class PeerAbsent(Exception):
    """A peer cannot be measured; says why."""


def run(
    module: str,
    *arguments: str,
    python: Path | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float = 1800,
) -> Any:
    """Run a module of the suite with the peers' Python; return the JSON of its last line.

    Raises `PeerAbsent` with the end of its error output if it fails, and if the environment of
    the peers is not there.
    """
    program = python or PYTHON
    if not program.exists():
        raise PeerAbsent(
            "The environment of the peers is not installed: make .venv-bench/installed"
        )
    done = subprocess.run(
        [str(program), "-W", "ignore", "-m", f"benchmarks.suite.{module}", *arguments],
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", **(environment or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise PeerAbsent((done.stderr.strip().splitlines() or ["It printed nothing."])[-1][:300])
    return json.loads(lines[-1])
