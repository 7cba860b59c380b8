"""Fixtures of the tests that decode files."""

from __future__ import annotations

import psutil
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


@pytest.fixture
def make_pool():
    """Return a function that makes pools, closed at the end, and count what they leave behind."""
    before = set(psutil.Process().children())
    pools = []

    def make(**options):
        pools.append(DecoderPool(**{"size": 1, "faults": True, **options}))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()
    left = set(psutil.Process().children()) - before
    assert not left, "a child outlived its pool, or was not reaped"


@pytest.fixture
def good(tmp_path):
    return images.write(tmp_path, "good.jpg", images.jpeg("blue"))
