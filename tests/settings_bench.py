"""Settings of the galleries that tests of benchmarks run: the real ones, with the fake model."""

from __future__ import annotations

from gallery.settings import *  # noqa: F403 - these are settings, with one thing changed

EMBEDDER_FACTORY = "tests.wide_embedder.load"
