"""One unchanging view of the database, while everybody else goes on reading and writing it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from gallery.backup.refused import Refused

ALIAS = "snapshot"


@contextmanager
def snapshot() -> Iterator[str]:
    """Yield the alias of a connection that sees the database as it is now, and only reads.

    SQLite keeps the old pages in its log meanwhile, Postgres the old rows; neither makes writers
    wait. Raises `Refused` if there is no database or SQLite finds it damaged.
    """
    require_database()
    own = connections[DEFAULT_DB_ALIAS].copy(ALIAS)
    if own.vendor == "sqlite":
        # The gallery's own transactions are IMMEDIATE, which keeps others from writing.
        own.settings_dict["OPTIONS"] = {**own.settings_dict["OPTIONS"], "transaction_mode": None}
    connections[ALIAS] = own
    try:
        with transaction.atomic(using=ALIAS):
            _begin(own)
            yield ALIAS
    finally:
        own.close()
        del connections[ALIAS]


def require_database() -> None:
    """Raise `Refused` if the file of SQLite is gone, which opening it would make anew."""
    connection = connections[DEFAULT_DB_ALIAS]
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not Path(str(name)).is_file():
        raise Refused(
            f"The database {name} is missing, so there is nothing to back up. Put it back, or "
            "restore the last backup."
        )


def _begin(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        else:
            cursor.execute("PRAGMA query_only = ON")
            _check(connection)


def _check(connection: BaseDatabaseWrapper) -> None:
    """Raise `Refused` if SQLite finds damage, which a backup would spread."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check(1)")
            faults = [answer for (answer,) in cursor.fetchall() if answer != "ok"]
            cursor.execute("PRAGMA foreign_key_check")
            faults += [f"a row of {row[0]} points nowhere" for row in cursor.fetchmany(1)]
    except DatabaseError as error:
        faults = [str(error)]
    if faults:
        raise Refused(
            f"The database is damaged ({faults[0]}), so no backup was made. Earlier backups are "
            "untouched: stop the gallery and restore the last one."
        )
