"""Settings of the galleries that `tests.crash` kills: short leases, and a model that costs nothing.

With CRASH_REAL_MODEL set, the model is the one that the settings choose.
"""

from __future__ import annotations

import os

from gallery.settings import *  # noqa: F403 - these are settings, with two things changed
from gallery.settings import INSTALLED_APPS

INSTALLED_APPS = ["tests.crash.apps.ShortLeases", *INSTALLED_APPS]
if not os.environ.get("CRASH_REAL_MODEL"):
    EMBEDDER_FACTORY = "tests.server.slow_embedder.load"
