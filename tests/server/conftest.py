"""One running service mode for all tests of this folder."""

from __future__ import annotations

import pytest

from tests.server.processes import missing_programs
from tests.server.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    if missing := missing_programs():
        pytest.skip(f"these programs are not installed: {', '.join(missing)}")
    stack = Stack(tmp_path_factory.mktemp("services"))
    try:
        stack.start()
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="session")
def owner(stack):
    """Somebody whose gallery the tests of faults share; they look at their own photos only."""
    return stack.owner("ada")
