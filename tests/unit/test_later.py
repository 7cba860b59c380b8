"""What is made only when it is first used, so that the gallery starts sooner."""

from __future__ import annotations

import re

import pytest
from django.core import checks

from gallery.system_checks import BEFORE_COMMANDS
from search.language.patterns import later


def test_a_later_pattern_matches_like_any_other():
    assert later(r"(?P<x> a+ )", re.VERBOSE | re.IGNORECASE).fullmatch("AAa")["x"] == "AAa"


def test_a_later_pattern_is_compiled_with_its_first_use():
    broken = later("(")
    with pytest.raises(re.error):
        broken.search("text")


def test_commands_leave_out_only_the_checks_of_addresses():
    # Those of the database run with the command that migrates it.
    left_out = checks.registry.registry.tags_available() - set(BEFORE_COMMANDS)
    assert left_out <= {"urls", "database", "async_support", "caches", "admin", "sites", "commands"}
    assert "urls" in left_out
