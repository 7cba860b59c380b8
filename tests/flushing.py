"""Emptying the database after a test with transactions of its own, without what never changes.

Django empties every table, and then writes the rows of content types and permissions that it has
for each model again. That costs ten times as much as all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import Style
from django.core.management.commands import flush
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate

FIXED = {ContentType._meta.db_table, Permission._meta.db_table}
MAKE_PERMISSIONS = "django.contrib.auth.management.create_permissions"


@contextmanager
def fixed_rows_kept() -> Iterator[None]:
    """Let `flush` leave the rows that follow from the models alone, and so not make them anew."""
    assert post_migrate.disconnect(create_contenttypes)
    assert post_migrate.disconnect(dispatch_uid=MAKE_PERMISSIONS)
    with mock.patch.object(flush, "sql_flush", _all_but_fixed):
        yield


def _all_but_fixed(
    style: Style, connection: BaseDatabaseWrapper, reset_sequences: bool, allow_cascade: bool
) -> list[str]:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return connection.ops.sql_flush(
        style,
        [table for table in tables if table not in FIXED],
        reset_sequences=reset_sequences,
        allow_cascade=allow_cascade,
    )
