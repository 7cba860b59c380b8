"""What the database itself does for the words of photos: triggers and the full-text index.

Triggers mark a photo's row as stale in the same transaction that changes a name, caption, tag or
album, so neither a crash nor a forgotten call can leave old words behind. A new photo gets its row
in the same way. SQLite also maintains its full-text index (FTS5) by triggers; Postgres has an
index on an expression.

All of this is made after migrations and removed before them: when SQLite rebuilds a table, it
drops the table's triggers, and it refuses while triggers of other tables refer to it. Data may
change meanwhile, so all rows are stale afterwards and the workers go through them.
"""

# ruff: noqa: S608 - statements are built from names in this module alone
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "search_photowords"
INDEX = "search_words"
"""The name of the full-text index."""
VECTOR = f"to_tsvector('simple', {TABLE}.words)"
"""The expression that the index of Postgres covers."""


@dataclass(frozen=True)
class Trigger:
    """An event on rows of `table`, and the statement that it runs.

    With `columns`, only updates that change one of them count.
    """

    name: str
    event: str
    table: str
    statement: str
    columns: tuple[str, ...] = ()

    @property
    def condition(self) -> str:
        """A WHEN clause: at least one of the columns has a new value."""
        changes = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in self.columns)
        return f"WHEN ({changes})" if changes else ""


def _stale(where: str) -> str:
    return f"UPDATE {TABLE} SET stale = TRUE WHERE {where};"


def _linked(table: str, column: str) -> str:
    return _stale(f"photo_id IN (SELECT photo_id FROM {table} WHERE {column} = NEW.id)")


_COLUMNS = ("name", "caption", "camera", "lens")
_UPDATE = _stale("photo_id = NEW.id")
_INSERT = (
    f"INSERT INTO {TABLE} (photo_id, owner_id, words, stale)"
    " VALUES (NEW.id, NEW.owner_id, '', TRUE)"
    " ON CONFLICT (photo_id) DO UPDATE SET stale = TRUE;"
)
_TAGS, _ALBUMS = "gallery_photo_tags", "gallery_album_photos"
_NEW, _OLD = _stale("photo_id = NEW.photo_id"), _stale("photo_id = OLD.photo_id")
_IN_ALBUM, _WITH_TAG = _linked(_ALBUMS, "album_id"), _linked(_TAGS, "tag_id")
_STALE_TRIGGERS = (
    Trigger("words_of_new_photo", "AFTER INSERT", "gallery_photo", _INSERT),
    Trigger("words_of_photo", "AFTER UPDATE", "gallery_photo", _UPDATE, _COLUMNS),
    Trigger("words_tagged", "AFTER INSERT", _TAGS, _NEW),
    Trigger("words_untagged", "AFTER DELETE", _TAGS, _OLD),
    Trigger("words_in_album", "AFTER INSERT", _ALBUMS, _NEW),
    Trigger("words_off_album", "AFTER DELETE", _ALBUMS, _OLD),
    Trigger("words_of_album", "AFTER UPDATE", "gallery_album", _IN_ALBUM, ("name",)),
    Trigger("words_of_tag", "AFTER UPDATE", "gallery_tag", _WITH_TAG, ("name",)),
)

_ADD_ENTRY = f"INSERT INTO {INDEX} (rowid, words) VALUES (NEW.id, NEW.words);"
_DELETE_ENTRY = f"INSERT INTO {INDEX} ({INDEX}, rowid, words) VALUES ('delete', OLD.id, OLD.words);"
_INDEX_TRIGGERS = (
    Trigger("words_index_put", "AFTER INSERT", TABLE, _ADD_ENTRY),
    Trigger("words_index_take", "AFTER DELETE", TABLE, _DELETE_ENTRY),
    Trigger("words_index_change", "AFTER UPDATE", TABLE, _DELETE_ENTRY + _ADD_ENTRY, ("words",)),
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Make triggers and index again, and mark all words as stale."""
    statements = list(_removal(connection))
    statements += _sqlite() if connection.vendor == "sqlite" else _postgres()
    _run(connection, statements)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Remove the triggers, so that tables can be changed."""
    _run(connection, list(_removal(connection)))


def is_installed(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether every trigger is there."""
    source = {"sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'"}
    select = source.get(connection.vendor, "SELECT tgname FROM pg_trigger")
    with connection.cursor() as cursor:
        cursor.execute(select)
        names = {name for (name,) in cursor.fetchall()}
    triggers = (
        _STALE_TRIGGERS + _INDEX_TRIGGERS if connection.vendor == "sqlite" else _STALE_TRIGGERS
    )
    return names >= {trigger.name for trigger in triggers}


def before_migrations(plan: Any = (), using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Remove the triggers; receiver of Django's `pre_migrate`."""
    if plan:
        remove(connections[using])


def after_migrations(plan: Any = (), using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Install triggers and index; receiver of Django's `post_migrate`."""
    connection = connections[using]
    # After `migrate search zero` there is no table.
    exists = TABLE in connection.introspection.table_names()
    if exists and (plan or not is_installed(connection)):
        install(connection)


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _removal(connection: BaseDatabaseWrapper) -> Iterator[str]:
    if connection.vendor == "sqlite":
        yield from (
            f"DROP TRIGGER IF EXISTS {trigger.name}"
            for trigger in _STALE_TRIGGERS + _INDEX_TRIGGERS
        )
    else:
        yield from (
            f"DROP FUNCTION IF EXISTS {trigger.name}() CASCADE" for trigger in _STALE_TRIGGERS
        )


_FILL = (
    f"INSERT INTO {TABLE} (photo_id, owner_id, words, stale) SELECT id, owner_id, '', TRUE"
    f" FROM gallery_photo WHERE id NOT IN (SELECT photo_id FROM {TABLE})",
    f"UPDATE {TABLE} SET stale = TRUE",
)


def _sqlite() -> Iterator[str]:
    """Yield statements for SQLite. The tokenizer `ascii` splits the words at spaces."""
    yield (
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {INDEX} USING fts5("
        f"words, content='{TABLE}', content_rowid='id', tokenize='ascii')"
    )
    for trigger in _STALE_TRIGGERS + _INDEX_TRIGGERS:
        condition = trigger.condition.replace("IS DISTINCT FROM", "IS NOT")
        yield (
            f"CREATE TRIGGER {trigger.name} {trigger.event} ON {trigger.table}"
            f" FOR EACH ROW {condition} BEGIN {trigger.statement} END"
        )
    yield from _FILL
    yield f"INSERT INTO {INDEX} ({INDEX}) VALUES ('rebuild')"


def _postgres() -> Iterator[str]:
    yield f"CREATE INDEX IF NOT EXISTS {INDEX} ON {TABLE} USING gin ({VECTOR})"
    for trigger in _STALE_TRIGGERS:
        yield (
            f"CREATE FUNCTION {trigger.name}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {trigger.statement} RETURN NULL; END $$"
        )
        yield (
            f"CREATE TRIGGER {trigger.name} {trigger.event} ON {trigger.table}"
            f" FOR EACH ROW {trigger.condition} EXECUTE FUNCTION {trigger.name}()"
        )
    yield from _FILL
