"""What no route expected: said in words, in the shape of a page and in that of the API."""

from __future__ import annotations

import errno

import psycopg
import pytest
from django.db import DatabaseError, InterfaceError, OperationalError

from gallery import database_outages
from gallery.logs.once_a_minute import OnceAMinute
from gallery.sqlite.record_file import RecordGone
from search.engine import answer as retrieval
from tests.log_lines import of_this_thread

pytestmark = pytest.mark.django_db(transaction=True)

FULL = (507, "storage_full")
BUSY = (503, "busy")
DAMAGED = (503, "database_damaged")
AWAY = (503, "database_away")
OURS = (500, "internal_error")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), FULL),
        (OSError(errno.EACCES, "Permission denied"), OURS),
        (OperationalError("database or disk is full"), FULL),
        (OperationalError('could not extend file "x": No space left on device'), FULL),
        (OperationalError("database is locked"), BUSY),
        (DatabaseError("database disk image is malformed"), DAMAGED),
        (DatabaseError("file is not a database"), DAMAGED),
        (OperationalError("disk I/O error"), DAMAGED),
        (RecordGone("The database is gone."), DAMAGED),
        (caused(OperationalError("refused"), psycopg.OperationalError("refused")), AWAY),
        (caused(InterfaceError("closed"), psycopg.InterfaceError("closed")), AWAY),
        (caused(OperationalError("stop"), psycopg.errors.AdminShutdown("stop")), AWAY),
        (caused(OperationalError("full"), psycopg.errors.TooManyConnections("full")), AWAY),
        (psycopg.OperationalError("consuming input failed"), AWAY),
        (caused(OperationalError("slow"), psycopg.errors.QueryCanceled("slow")), OURS),
        (psycopg.errors.QueryCanceled("slow"), OURS),
        (caused(DatabaseError("column"), psycopg.errors.UndefinedColumn("column")), OURS),
        (OperationalError("no such table: gallery_photo"), OURS),
        (RuntimeError("disk is full"), OURS),
    ],
)
def test_an_error_says_what_happened(ada_client, model, monkeypatch, error, expected):
    def fail(*asked):
        raise error

    monkeypatch.setattr(retrieval, "search", fail)
    ada_client.raise_request_exception = False
    answer = ada_client.get("/api/v1/search", {"q": "dog"})
    assert (answer.status_code, answer.json()["code"]) == expected
    page = ada_client.get("/search", {"q": "dog"})
    assert page.status_code == expected[0]
    assert "<h1>" in page.content.decode()
    assert ("Retry-After" in page) == (expected in {BUSY, DAMAGED, AWAY})


def test_a_database_server_that_is_away_fills_no_log(ada_client, model, monkeypatch, caplog):
    def fail(*asked):
        raise caused(OperationalError("refused"), psycopg.OperationalError("refused"))

    monkeypatch.setattr(retrieval, "search", fail)
    monkeypatch.setattr(database_outages, "_told", OnceAMinute())
    ada_client.raise_request_exception = False
    for _ in range(20):
        assert ada_client.get("/search", {"q": "dog"}).status_code == 503
    (line,) = [line.getMessage() for line in of_this_thread(caplog)]
    assert line.endswith("DATABASE_URL and the server: refused")


def test_a_lost_database_fills_no_log(ada_client, model, monkeypatch, caplog):
    def fail(*asked):
        raise RecordGone("The database of this test is gone.")

    monkeypatch.setattr(retrieval, "search", fail)
    ada_client.raise_request_exception = False
    for _ in range(20):
        assert ada_client.get("/search", {"q": "dog"}).status_code == 503
    (line,) = of_this_thread(caplog)
    assert line.getMessage() == "The database of this test is gone."
    assert line.exc_info is None
