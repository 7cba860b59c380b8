"""Settings of the galleries that `tests.crash` kills: short leases, more sweeps, a cheap model.

With CRASH_REAL_MODEL set, the model is the one that the settings choose.
"""

from __future__ import annotations

import os

from gallery.settings import *  # noqa: F403 - these are settings, with a few things changed
from gallery.settings import INSTALLED_APPS

INSTALLED_APPS = ["tests.crash.apps.ShortLeases", *INSTALLED_APPS]
SWEEP_SECONDS = 30.0
if not os.environ.get("CRASH_REAL_MODEL"):
    EMBEDDER_FACTORY = "tests.server.slow_embedder.load"
