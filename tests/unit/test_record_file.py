"""The file of the database vanishes, is replaced or is damaged while the gallery runs or rests."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from django.db import DatabaseError
from django.db.utils import ConnectionHandler

from gallery import files
from gallery.sqlite import record_file
from gallery.sqlite.record_file import RecordGone
from tests.log_lines import of_this_thread

WAL = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-4;"
ROWS = 400


def connect(path: Path):
    options = {"transaction_mode": "IMMEDIATE", "init_command": WAL}
    database = {"ENGINE": "gallery.sqlite", "NAME": str(path), "OPTIONS": options}
    return ConnectionHandler({"default": database})["default"]


def ask(connection, statement: str = "SELECT count(*), max(text) FROM photo"):
    with connection.cursor() as cursor:
        return cursor.execute(statement).fetchone()


def ask_often(path: Path, running) -> None:
    """Ask an old and a new connection: what the first has in its cache may still be read."""
    for _ in range(3):
        ask(running)
        ask(connect(path))


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT count(*) FROM photo").fetchone()[0]


@pytest.fixture(autouse=True)
def _unblocked(django_db_blocker):
    """These tests open files of their own and never the database of the test suite."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def path(data_dir):
    """A database of a few pages that this process has not opened yet."""
    path = data_dir / "scry.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE photo (id INTEGER PRIMARY KEY, text TEXT)")
        rows = [(number, "x" * 500) for number in range(ROWS)]
        database.executemany("INSERT INTO photo VALUES (?, ?)", rows)
        database.commit()
    yield path
    record_file.forget(path)


@pytest.fixture
def running(path):
    connection = connect(path)
    assert ask(connection)[0] == ROWS
    yield connection
    connection.close()


@pytest.fixture
def marked():
    """A gallery that was set up once."""
    files.originals().mkdir()
    (files.originals() / files.MARKER).write_text("an id")


def deleted(path: Path) -> None:
    path.unlink()


def moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def noise(path: Path) -> None:
    """Write noise over every page but the first."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(random.Random(4).randbytes(size - 4096))


def noise_at_the_beginning(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(random.Random(5).randbytes(4096))


CHANGES = [deleted, moved, replaced, emptied]
DAMAGES = [cut, noise, noise_at_the_beginning]


@pytest.mark.parametrize("change", CHANGES)
def test_a_running_gallery_notices_at_the_next_statement(path, running, change):
    change(path)
    with pytest.raises(RecordGone, match=r"scry\.sqlite3.*[Rr]estore a backup"):
        ask(running)
    there = path.exists()
    with pytest.raises(RecordGone):
        ask(connect(path))
    assert path.exists() == there, "none is made anew"


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_in_words(path, running, damage):
    damage(path)
    with pytest.raises(DatabaseError) as error:
        ask_often(path, running)
    assert "restore a backup" in record_file.explain(error.value)
    assert record_file.tell(error.value)


def test_a_file_that_is_put_back_is_taken_up_again(path, running):
    moved(path)
    with pytest.raises(RecordGone):
        ask(running)
    path.with_name("elsewhere").rename(path)
    assert ask(running)[0] == ROWS


def test_changes_in_a_removed_journal_are_saved(path, running):
    ask(running, "INSERT INTO photo VALUES (9999, 'new') RETURNING id")
    assert record_file.journal_of(path).stat().st_size
    record_file.journal_of(path).unlink()
    for _ in range(2):
        with pytest.raises(RecordGone, match="latest changes"):
            ask(running)
    with pytest.raises(RecordGone):
        ask(connect(path))
    running.close()
    assert count(path) == ROWS + 1


def test_the_journal_may_come_and_go_with_the_connections(path, running):
    running.close()
    assert not record_file.journal_of(path).exists()
    for _ in range(3):
        again = connect(path)
        ask(again, "INSERT INTO photo (text) VALUES ('new') RETURNING id")
        again.close()
    assert count(path) == ROWS + 3


@pytest.mark.parametrize("change", [deleted, moved, emptied])
def test_a_start_makes_no_new_database_beside_originals(path, marked, change):
    change(path)
    for look in (lambda: ask(connect(path)), lambda: record_file.look_over(path)):
        with pytest.raises(RecordGone, match="originals of a gallery"):
            look()
    assert not path.exists() or not path.stat().st_size


@pytest.mark.parametrize("change", [deleted, moved])
def test_a_new_gallery_gets_a_database(path, change):
    change(path)
    record_file.look_over(path)
    assert not path.exists()
    assert ask(connect(path), "SELECT 1")[0] == 1


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_start_finds_damage(path, damage):
    damage(path)
    with pytest.raises(RecordGone, match="damaged"):
        record_file.look_over(path)


def test_a_start_finds_nothing_in_a_sound_database(path, running):
    record_file.look_over(path)
    with closing(sqlite3.connect(path)) as busy:
        busy.execute("BEGIN EXCLUSIVE")
        record_file.look_over(path)


def test_looking_for_damage_ends_in_time(path):
    with closing(sqlite3.connect(path)) as database:
        rows = [(number, "text") for number in range(ROWS, 200_000)]
        database.executemany("INSERT INTO photo VALUES (?, ?)", rows)
        database.commit()
    began = time.thread_time()
    record_file.look_over(path, seconds=0.0)
    assert time.thread_time() - began < 1


@pytest.mark.parametrize("message", ["database is locked", "no such table: photo"])
def test_other_errors_are_no_damage(message):
    assert record_file.explain(DatabaseError(message)) == ""
    assert record_file.tell(DatabaseError(message)) == ""


def test_an_error_is_logged_once(caplog):
    for _ in range(5):
        assert record_file.tell(RecordGone("once"))
    assert [line.getMessage() for line in of_this_thread(caplog)] == ["once"]
