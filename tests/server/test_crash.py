"""A short `make crash`: some kills in both modes, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.server.processes import ROOT, missing_programs

pytestmark = pytest.mark.server


@pytest.mark.parametrize("mode", ["services", "embedded"])
def test_ten_random_kills_lose_nothing(tmp_path, mode):
    if missing := missing_programs():
        pytest.skip(f"these programs are not installed: {', '.join(missing)}")
    tally = tmp_path / "tally.json"
    command = [sys.executable, "-m", "tests.crash", "--mode", mode, "--tally", str(tally)]
    done = subprocess.run(
        [*command, "--kills", "10", "--block", "10"], cwd=ROOT, capture_output=True, text=True
    )
    # It prints the seed, with which it can be done again.
    assert done.returncode == 0, done.stdout + done.stderr
    made = json.loads(tally.read_text())
    assert sum(made["kills"][mode].values()) == 10
    assert made["violations"] == []
    assert made["uploads"] > 0
