"""The connection to SQLite: it opens only the file that the gallery knows, and makes no second one.

SQLite itself creates a file that is missing, and goes on with one that was deleted under it. Both
would show an empty gallery to people, or lose what they do from then on. So the file is looked at
before each statement, which costs a few microseconds.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

from gallery.sqlite import record_file


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that raises `RecordGone` if its file is not there any more."""

    _journal: record_file.Identity | None = None

    def get_new_connection(self, conn_params: Any) -> Any:
        """Open the file, unless it is missing though this gallery had one."""
        if path := self._path():
            record_file.require_known(path)
        connection = super().get_new_connection(conn_params)
        if path:
            record_file.remember(path)
        self._journal = None
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor, unless the file is another one by now."""
        if path := self._path():
            record_file.require_same(path)
            self._require_journal(path)
        return super().create_cursor(name)

    def _require_journal(self, path: Path) -> None:
        """Notice that the write-ahead log was removed, which holds the latest changes.

        This connection still has it, and writes it into the file before anything else.
        """
        found = record_file.identity(record_file.journal_of(path))
        if self._journal is not None and found != self._journal:
            with suppress(sqlite3.Error):
                self.connection.execute("PRAGMA wal_checkpoint(FULL)")
            record_file.note_lost_journal(path)
            record_file.require_same(path)
        self._journal = found

    def _path(self) -> Path | None:
        """Return the file of this database; None for one in memory."""
        name = str(self.settings_dict["NAME"])
        in_memory = self.is_in_memory_db() or name.startswith("file:")
        return None if in_memory else Path(name)
