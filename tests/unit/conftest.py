"""Fixtures of the tests that decode files."""

from __future__ import annotations

import pytest

from gallery.decoding import DecoderPool
from tests import images


@pytest.fixture(scope="module")
def pool():
    pool = DecoderPool(size=1)
    yield pool
    pool.close()


@pytest.fixture
def put(tmp_path):
    """Return a function that writes bytes into a file whose name says nothing."""
    return lambda data: images.write(tmp_path, "file", data)
