"""What SQLite and PostgreSQL ask for in words of their own: many ids at once, and beginnings.

Many ids go to and from the database without a Python object or parameter for each.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Columns, Statement, Table
from django.db.models import CharField, QuerySet
from django.db.models.expressions import RawSQL, Value
from django.db.models.functions import Cast, Replace


def id_as_text(column: str) -> Cast | Replace:
    """Return a column of ids as an expression, as 32 hexadecimal digits."""
    # A cast spares Django a call for each id.
    text = Cast(column, CharField())
    return Replace(text, Value("-")) if connection.features.has_native_uuid_field else text


def ids_as_text(rows: QuerySet[Any, Any], column: str) -> frozenset[str]:
    """Return a column of ids as text of 32 hexadecimal digits, twice as fast as UUID objects."""
    ids = rows.annotate(text=id_as_text(column)).values_list("text", flat=True)
    return frozenset(ids.iterator(chunk_size=10_000))


def one_of(ids: Collection[UUID] | Collection[int], kind: type[UUID | int] = UUID) -> RawSQL:
    """Return ids of a kind as an expression for `filter(pk__in=...)` that is one value.

    As many values as ids cost Django more than the database takes to find the rows, each time that
    the query is used, and SQLite takes 32,766 of them.
    """
    if connection.vendor == "sqlite":
        listed = json.dumps([each.hex if isinstance(each, UUID) else each for each in ids])
        return RawSQL("SELECT value FROM json_each(%s)", (listed,))
    if kind is int:
        return RawSQL("SELECT unnest(%s::bigint[])", (list(ids),))
    return RawSQL("SELECT unnest(%s::uuid[])", (list(ids),))


class PrefixIndex(models.Index):
    """An index of the `fields`, the last of them a text that `istartswith` is asked of.

    Each database reads such an index only in the form that it gives the question itself: SQLite
    where it ignores the case, PostgreSQL where it holds capitals in the order of their bytes.
    """

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        """Return the statement that makes the index."""
        table, quote = model._meta.db_table, schema_editor.quote_name
        fields: list[Any] = [model._meta.get_field(name) for name, _ in self.fields_orders]
        *before, text = (str(field.column) for field in fields)
        form = {
            "sqlite": "{} COLLATE NOCASE",
            "postgresql": "UPPER({}) text_pattern_ops",
        }[schema_editor.connection.vendor]
        condition = self._get_condition_sql(model, schema_editor)  # type: ignore[attr-defined]
        return Statement(
            "CREATE INDEX %(name)s ON %(table)s (%(columns)s, %(text)s)%(condition)s",
            name=quote(self.name),
            table=Table(table, quote),
            columns=Columns(table, before, quote),
            text=form.format(quote(text)),
            condition=f" WHERE {condition}" if condition else "",
        )
