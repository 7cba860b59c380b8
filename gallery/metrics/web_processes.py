"""Lets several web processes count together, so that any of them can tell the figures of all."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile

from gallery import env

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which prometheus_client and the processes of one server know their folder."""


def count_together() -> None:
    """Have the web processes that start from now on share their figures in a private, new folder.

    Call it in the process that starts the others, before any module that counts is imported:
    prometheus_client looks for the folder once, when it is imported itself. A server of one process
    needs no call. Without METRICS_TOKEN nobody can ask, so nothing is done. Raises RuntimeError if
    prometheus_client has been imported already.
    """
    if not env.text("METRICS_TOKEN"):
        return
    if "prometheus_client" in sys.modules:
        raise RuntimeError("prometheus_client has been imported, so it is too late to share.")
    folder = os.environ[FOLDER] = tempfile.mkdtemp(prefix="scry-metrics-")
    atexit.register(_remove, folder, os.getpid())


def _remove(folder: str, owner: int) -> None:
    # Processes that were forked have inherited this call.
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
