"""Writes the rows of a database into a generation, one part for each table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.apps import apps
from django.db import connections, models
from django.db.migrations.executor import MigrationExecutor

from gallery.backup import parts, tables
from gallery.backup.manifest import folder_of, part_of
from gallery.backup.parts import Part
from gallery.backup.refused import Refused, Stopped
from gallery.backup.targets import Target

_CHUNK = 1000


@dataclass(frozen=True)
class Dump:
    """The parts by name, the columns by table, and the last migration of each app."""

    parts: dict[str, Part]
    columns: dict[str, list[str]]
    migrations: dict[str, str]


def write(target: Target, generation: str, alias: str, stop: Callable[[], bool]) -> Dump:
    """Write all tables as one connection sees them; memory does not grow with them."""
    written: dict[str, Part] = {}
    columns: dict[str, list[str]] = {}
    migrations = _migrations(alias)
    for label, model in tables.tables(apps).items():
        columns[label] = tables.columns(model)
        name = part_of(label)
        with parts.write(target, f"{folder_of(generation)}/{name}") as writer:
            _write_table(writer, model, alias, stop)
        written[name] = writer.part
    return Dump(written, columns, migrations)


def _write_table(
    writer: parts.Writer, model: type[models.Model], alias: str, stop: Callable[[], bool]
) -> None:
    rows = model._base_manager.using(alias).order_by("pk").values_list(*tables.columns(model))
    for number, row in enumerate(rows.iterator(chunk_size=_CHUNK)):
        if number % _CHUNK == 0 and stop():
            raise Stopped
        writer.add([tables.encode(value) for value in row])


def _migrations(alias: str) -> dict[str, str]:
    """Return the last migration of each app; raise `Refused` unless all of them were run."""
    executor = MigrationExecutor(connections[alias])
    targets = executor.loader.graph.leaf_nodes()
    if executor.migration_plan(targets):
        raise Refused(
            "The database is older than this Scry. Run `manage.py migrate` first, and repeat."
        )
    unknown = executor.loader.applied_migrations.keys() - executor.loader.graph.nodes.keys()
    ours = {app for app, _name in targets}
    if strange := sorted(name for app, name in unknown if app in ours):
        raise Refused(
            f"The database is newer than this Scry: it has the migration {strange[0]}. Back up "
            "with the version that the gallery runs."
        )
    return dict(targets)
