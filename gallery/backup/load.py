"""Reads the rows of a generation into an empty database, of whatever kind it is.

The tables are made as they were when the backup was made, filled, and then brought up to date by
the migrations that came since.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps import apps as current
from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from gallery.backup import parts, tables
from gallery.backup.manifest import Manifest, folder_of, part_of
from gallery.backup.refused import Refused
from gallery.backup.targets import Target
from gallery.models import Photo
from gallery.slices import slices

_CHUNK = 500
_FULL_TEXT = "search_words"


@dataclass(frozen=True)
class Deleted:
    """The ids of photos and companions whose owners deleted them while the backup ran.

    Their rows are in it, and their files are not. The workers finish the deletion of the photos.
    """

    photos: list[str]
    companions: list[str]


def require_known(made: Manifest) -> None:
    """Raise `Refused` if this Scry lacks a migration that the rows need."""
    known = MigrationExecutor(connection).loader.graph.nodes
    unknown = [(app, name) for app, name in made.migrations.items() if (app, name) not in known]
    if unknown:
        raise Refused(
            f"The backup was made by Scry {made.version}, which has the migration "
            f"{'.'.join(unknown[0])}; this one does not. Install that version or a newer one."
        )


def require_empty() -> None:
    """Raise `Refused` if anybody has an account or a photo here; all else hangs on these."""
    existing = set(connection.introspection.table_names())
    for model in (get_user_model(), Photo):
        if model._meta.db_table in existing and model._base_manager.exists():
            raise Refused(
                "This gallery is not empty: it has accounts. Restore into a new DATA_DIR or, with "
                "DATABASE_URL, a new database."
            )


def load(target: Target, generation: str, made: Manifest, deleted: Deleted) -> None:
    """Fill the database; nothing of it is seen before all of it is there."""
    _drop_tables()
    apps = _make_tables(made)
    with transaction.atomic(), _own_times(apps):
        for label, names in made.columns.items():
            model = tables.tables(apps)[label]
            _load_table(target, f"{folder_of(generation)}/{part_of(label)}", model, names)
        _delete(apps, deleted)
        _reset_sequences(apps)
    call_command("migrate", interactive=False, verbosity=0)


def _drop_tables() -> None:
    """Remove the empty tables of another version, so that those of the backup can be made."""
    names = connection.introspection.django_table_names(only_existing=True)
    existing = set(connection.introspection.table_names())
    # SQLite keeps the full-text index in a table, which the triggers of others write to.
    names = [name for name in (_FULL_TEXT, *names, "django_migrations") if name in existing]
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for name in names:
            cascade = " CASCADE" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)}{cascade}")


def _make_tables(made: Manifest) -> Apps:
    """Make the tables as the backup knows them; return models that fit them."""
    executor = MigrationExecutor(connection)
    executor.migrate(list(made.migrations.items()))
    executor.loader.build_graph()
    state = executor.loader.project_state(list(made.migrations.items()))
    return state.apps


@contextmanager
def _own_times(apps: Apps) -> Iterator[None]:
    """Let rows keep the times that they have, where a new row would get the present."""
    timed: list[Any] = [
        field
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    ]
    kept = [(field, field.auto_now, field.auto_now_add) for field in timed]
    for field in timed:
        field.auto_now = field.auto_now_add = False
    try:
        yield
    finally:
        for field, now, add in kept:
            field.auto_now, field.auto_now_add = now, add


def _load_table(target: Target, path: str, model: type[models.Model], names: list[str]) -> None:
    how = tables.decoders(model, names)
    # Some rows were made by migrations.
    model._base_manager.all().delete()
    for rows in slices(parts.read(target, path), _CHUNK):
        values = (tables.decode(row, how) for row in rows)
        model._base_manager.bulk_create(
            model(**dict(zip(names, row, strict=True))) for row in values
        )


def _delete(apps: Apps, deleted: Deleted) -> None:
    photos = apps.get_model("gallery", "Photo")._base_manager
    for part in slices(deleted.photos):
        photos.filter(pk__in=part).update(deleted_at=timezone.now())
    companions = apps.get_model("gallery", "Companion")._base_manager
    for part in slices(deleted.companions):
        companions.filter(pk__in=part).delete()


def _reset_sequences(apps: Apps) -> None:
    """Let new rows get numbers above those that were loaded; SQLite does it by itself."""
    models = list(tables.tables(apps).values())
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def differences(made: Manifest, deleted: Deleted) -> list[str]:
    """Return in sentences where the database has other numbers of rows than the backup."""
    gone = {"gallery.companion": len(deleted.companions)}
    found = []
    for label, model in tables.tables(current).items():
        if label not in made.columns:
            continue
        expected = made.rows(label) - gone.get(label, 0)
        if (rows := model._base_manager.count()) != expected:
            found.append(f"{label} has {rows} rows, and the backup {expected}.")
    return found
