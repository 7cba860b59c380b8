"""Test databases are copies of one migrated before; they are what migrating makes now."""

from __future__ import annotations

import ast
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests import migrated

ROOT = migrated.ROOT


def imported(path: Path) -> set[Path]:
    """Return the files of this project that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {ROOT / f"{name.replace('.', '/')}.py" for name in names}
    return {file for file in files if file.exists()}


def test_a_change_of_what_migrations_import_makes_the_database_anew():
    sources = set(migrated.sources())
    ours = [path for path in sources if "migrations" in path.parts and ROOT in path.parents]
    used = {file for path in ours if ".venv" not in path.parts for file in imported(path)}
    assert used
    assert used <= sources


def test_a_change_of_any_source_makes_the_database_anew(tmp_path, monkeypatch):
    source = tmp_path / "0001_first.py"
    monkeypatch.setattr(migrated, "sources", lambda: iter([source]))
    source.write_text("one = 1")
    before = migrated._key()
    assert migrated._key() == before
    source.write_text("one = 2")
    assert migrated._key() != before


def contents(path: Path) -> tuple[list[tuple], dict[str, list[tuple]]]:
    """Return the schema of a database, and all rows but for the times of the migrations."""
    with closing(sqlite3.connect(path)) as connection:
        schema = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        tables = [name for kind, name, _ in schema if kind == "table"]
        queries = {name: f'SELECT * FROM "{name}"' for name in tables}  # noqa: S608 - our names
        rows = {name: connection.execute(query).fetchall() for name, query in queries.items()}
    rows["django_migrations"] = [row[:3] for row in rows["django_migrations"]]
    return schema, rows


@pytest.mark.slow
def test_the_copy_is_what_migrating_makes(tmp_path):
    migrated.database(tmp_path / "copy.sqlite3")
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "MIN_FREE_MB": "1"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    assert contents(tmp_path / "copy.sqlite3") == contents(tmp_path / migrated.NAME)
