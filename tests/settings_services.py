"""Settings of the processes that the server tests start: as in production, with the fake model.

Everything else comes from the environment, as it does for a person who runs the service mode.
"""

from __future__ import annotations

from gallery.settings import *  # noqa: F403 - these are settings, with two things changed

EMBEDDER_FACTORY = "tests.server.slow_embedder.load"
SWEEP_SECONDS = 10.0
