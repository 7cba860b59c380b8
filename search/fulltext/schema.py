"""What the database itself does for the words of photos: triggers, and the full-text index.

Whoever changes a name, caption, tag or album, by whatever way, marks the photo's row stale in the
same transaction, so that a crash or a forgotten call cannot leave old words standing. A new photo
gets its row likewise. SQLite also has its full-text index (FTS5) kept by triggers; Postgres has
an index on an expression.

All of it is made after migrations and taken away before them: when SQLite makes a table anew, it
drops its triggers, and refuses while those of other tables speak of it. As data may have changed
meanwhile, all rows are stale then, and the workers go through them.
"""

# ruff: noqa: S608 - statements are put together of names in this module alone
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "search_photowords"
INDEX = "search_words"
"""The full-text index of SQLite, and the name of that of Postgres."""
VECTOR = f"to_tsvector('simple', {TABLE}.words)"
"""What the index of Postgres is over."""


@dataclass(frozen=True)
class Trigger:
    """Something that happens to a row of `table`, and the statement that follows."""

    name: str
    when: str
    table: str
    does: str
    changed: tuple[str, ...] = ()

    @property
    def condition(self) -> str:
        """A WHEN clause: at least one of the columns got another value."""
        differ = " OR ".join(f"OLD.{one} IS DISTINCT FROM NEW.{one}" for one in self.changed)
        return f"WHEN ({differ})" if differ else ""


def _mark(where: str) -> str:
    return f"UPDATE {TABLE} SET stale = TRUE WHERE {where};"


def _in_album(row: str) -> str:
    return f"photo_id IN (SELECT photo_id FROM gallery_album_photos WHERE album_id = {row}.id)"


def _tagged(row: str) -> str:
    return f"photo_id IN (SELECT photo_id FROM gallery_photo_tags WHERE tag_id = {row}.id)"


_COLUMNS = ("name", "caption", "camera", "lens")
_MARKING = (
    Trigger(
        "words_of_new_photo",
        "AFTER INSERT",
        "gallery_photo",
        f"INSERT INTO {TABLE} (photo_id, owner_id, words, stale)"
        " VALUES (NEW.id, NEW.owner_id, '', TRUE)"
        " ON CONFLICT (photo_id) DO UPDATE SET stale = TRUE;",
    ),
    Trigger(
        "words_of_photo", "AFTER UPDATE", "gallery_photo", _mark("photo_id = NEW.id"), _COLUMNS
    ),
    Trigger("words_tagged", "AFTER INSERT", "gallery_photo_tags", _mark("photo_id = NEW.photo_id")),
    Trigger(
        "words_untagged", "AFTER DELETE", "gallery_photo_tags", _mark("photo_id = OLD.photo_id")
    ),
    Trigger(
        "words_in_album", "AFTER INSERT", "gallery_album_photos", _mark("photo_id = NEW.photo_id")
    ),
    Trigger(
        "words_off_album", "AFTER DELETE", "gallery_album_photos", _mark("photo_id = OLD.photo_id")
    ),
    Trigger("words_of_album", "AFTER UPDATE", "gallery_album", _mark(_in_album("NEW")), ("name",)),
    Trigger("words_of_tag", "AFTER UPDATE", "gallery_tag", _mark(_tagged("NEW")), ("name",)),
)

_PUT = f"INSERT INTO {INDEX} (rowid, words) VALUES (NEW.id, NEW.words);"
_TAKE = f"INSERT INTO {INDEX} ({INDEX}, rowid, words) VALUES ('delete', OLD.id, OLD.words);"
_INDEXING = (
    Trigger("words_index_put", "AFTER INSERT", TABLE, _PUT),
    Trigger("words_index_take", "AFTER DELETE", TABLE, _TAKE),
    Trigger("words_index_change", "AFTER UPDATE", TABLE, _TAKE + _PUT, ("words",)),
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Make triggers and index anew, and have all words written again."""
    statements = list(_removal(connection))
    statements += _sqlite() if connection.vendor == "sqlite" else _postgres()
    _run(connection, statements)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away, so that tables can be changed."""
    _run(connection, list(_removal(connection)))


def is_installed(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether every trigger is there."""
    source = {"sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'"}
    known = source.get(connection.vendor, "SELECT tgname FROM pg_trigger")
    with connection.cursor() as cursor:
        cursor.execute(known)
        found = {name for (name,) in cursor.fetchall()}
    wanted = _MARKING + _INDEXING if connection.vendor == "sqlite" else _MARKING
    return found >= {trigger.name for trigger in wanted}


def before_migrations(plan: Any = (), using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Let go of the tables; receiver of Django's `pre_migrate`."""
    if plan:
        remove(connections[using])


def after_migrations(plan: Any = (), using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Take hold of the tables; receiver of Django's `post_migrate`."""
    connection = connections[using]
    if not _has_tables(connection):
        return
    if plan or not is_installed(connection):
        install(connection)


def _has_tables(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether the tables are as this version knows them, and not of an older one."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        if TABLE not in tables:
            return False
        columns = connection.introspection.get_table_description(cursor, TABLE)
    return any(column.name == "stale" for column in columns)


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _removal(connection: BaseDatabaseWrapper) -> Iterator[str]:
    if connection.vendor == "sqlite":
        yield from (f"DROP TRIGGER IF EXISTS {one.name}" for one in _MARKING + _INDEXING)
    else:
        yield from (f"DROP FUNCTION IF EXISTS {one.name}() CASCADE" for one in _MARKING)


_FILL = (
    f"INSERT INTO {TABLE} (photo_id, owner_id, words, stale) SELECT id, owner_id, '', TRUE"
    f" FROM gallery_photo WHERE id NOT IN (SELECT photo_id FROM {TABLE})",
    f"UPDATE {TABLE} SET stale = TRUE",
)


def _sqlite() -> Iterator[str]:
    """Yield statements for SQLite; `ascii` takes words apart at spaces, as they are written."""
    yield (
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {INDEX} USING fts5("
        f"words, content='{TABLE}', content_rowid='id', tokenize='ascii')"
    )
    for one in _MARKING + _INDEXING:
        condition = one.condition.replace("IS DISTINCT FROM", "IS NOT")
        yield (
            f"CREATE TRIGGER {one.name} {one.when} ON {one.table} FOR EACH ROW {condition}"
            f" BEGIN {one.does} END"
        )
    yield from _FILL
    yield f"INSERT INTO {INDEX} ({INDEX}) VALUES ('rebuild')"


def _postgres() -> Iterator[str]:
    yield f"CREATE INDEX IF NOT EXISTS {INDEX} ON {TABLE} USING gin ({VECTOR})"
    for one in _MARKING:
        yield (
            f"CREATE FUNCTION {one.name}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {one.does} RETURN NULL; END $$"
        )
        yield (
            f"CREATE TRIGGER {one.name} {one.when} ON {one.table} FOR EACH ROW {one.condition}"
            f" EXECUTE FUNCTION {one.name}()"
        )
    yield from _FILL
