"""Settings of the browser tests: the real ones, with the fake model."""

from __future__ import annotations

import os

os.environ["EMBEDDING_MODEL"] = "colours"

from gallery.settings import *  # noqa: F403 - the environment above must come first

EMBEDDER_FACTORY = "tests.embedders.load"
