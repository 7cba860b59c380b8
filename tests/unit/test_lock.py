"""The lock files: each requirement has one version and hashes, and no place to get it from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
PINNED = re.compile(r"[a-z0-9._-]+==[^\s;]+( ; [^\\]+?)?( --hash=sha256:[0-9a-f]{64})+")

every_lock = pytest.mark.parametrize("name", LOCKS)


def requirements(name: str) -> list[str]:
    """Return the requirements of a lock, each with its hashes on one line."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(r" *\\\n *", " ", text).splitlines()


@every_lock
def test_every_requirement_is_pinned_to_files_by_their_hashes(name):
    found = requirements(name)
    assert len(found) > 50
    assert [line for line in found if not PINNED.fullmatch(line)] == []


@every_lock
def test_the_lock_names_no_place(name):
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_what_runs_is_what_is_tested():
    runs, tested = ({line.split()[0] for line in requirements(name)} for name in LOCKS)
    assert runs <= tested


def test_installing_asks_for_the_hashes():
    script = (ROOT / "docker" / "install-libraries").read_text(encoding="utf-8")
    assert script.count("--require-hashes") == 2  # With an index for torch, and without.
    for text in (script, (ROOT / "Makefile").read_text(encoding="utf-8")):
        assert "--no-require-hashes" not in text
    assert "docker/install-libraries $(1)" in (ROOT / "Makefile").read_text(encoding="utf-8")
