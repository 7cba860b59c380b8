"""Settings of a gallery that is looked at: the real ones, with the starter model."""

from __future__ import annotations

import os

os.environ["EMBEDDING_MODEL"] = "starter"

from gallery.settings import *  # noqa: F403 - the environment above must come first
