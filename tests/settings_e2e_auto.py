"""Settings of the browser tests of the choice of a model: the real choice, with the fake model."""

from __future__ import annotations

import os

os.environ["EMBEDDING_MODEL"] = "auto"
os.environ["HF_HUB_OFFLINE"] = "1"

from gallery.settings import *  # noqa: F403 - the environment above must come first

EMBEDDER_FACTORY = "tests.embedders.load"
SWEEP_SECONDS = 3.0
