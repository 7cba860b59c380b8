"""Which tables a backup holds, and its rows as JSON that means the same to every database."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.apps.registry import Apps
from django.db import models

Row = Sequence[Any]

LEFT_OUT = {
    # Made again by `migrate`; their numbers differ from one database to the next.
    "contenttypes.contenttype",
    "auth.permission",
    "auth.group_permissions",
    "auth.user_user_permissions",
    # Of the moment: who is signed in, who mistyped a password, which workers run, what ran last,
    # what is paused, and whether the index was sound.
    "sessions.session",
    "gallery.session",
    "axes.accessattempt",
    "axes.accessattemptexpiration",
    "axes.accessfailurelog",
    "axes.accesslog",
    "gallery.workerstatus",
    "gallery.lastrun",
    "gallery.pausedwork",
    "gallery.indexcheck",
    # Made again from the photos, by triggers and workers.
    "search.photowords",
    # Measured again from the originals.
    "gallery.photoquality",
    # Projections of label sets and answers.
    "understanding.labelprojection",
    "understanding.labelhit",
    # Embeddings of words and boxes of lessons.
    "understanding.wordsvector",
    "understanding.examplevector",
    # What machines suspect, made again by workers.
    "understanding.suspicion",
    "understanding.promptscan",
    "understanding.maprun",
}
"""A new table is backed up unless it is named here."""

COLUMNS_LEFT_OUT = {
    # Marks of what is in tables that are left out.
    "gallery.photo": {"measured_at", "screened_at"},
}


def tables(apps: Apps) -> dict[str, type[models.Model]]:
    """Return what stands for each table to back up, by its label, such as `gallery.photo`."""
    found = apps.get_models(include_auto_created=True)
    kept = {model._meta.label_lower: model for model in found if not model._meta.proxy}
    return {label: kept[label] for label in sorted(kept.keys() - LEFT_OUT)}


def columns(model: type[models.Model]) -> list[str]:
    """Return the names of the columns in the order in which rows have them."""
    left_out = COLUMNS_LEFT_OUT.get(model._meta.label_lower, set())
    names = [field.attname for field in model._meta.concrete_fields]
    return [name for name in names if name not in left_out]


def encode(value: Any) -> Any:
    """Return a value of a column as JSON has it."""
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode("ascii")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def decoders(model: type[models.Model], names: Iterable[str]) -> list[Callable[[Any], Any] | None]:
    """Return for each column what makes its value from JSON, or None if JSON has it as it is.

    Raises KeyError for a column that the table does not have.
    """
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return [_decoder(fields[name]) for name in names]


def _decoder(field: Any) -> Callable[[Any], Any] | None:
    while field.is_relation:
        field = field.target_field
    if isinstance(field, models.UUIDField):
        return uuid.UUID
    if isinstance(field, models.BinaryField):
        return base64.b64decode
    if isinstance(field, models.DateTimeField):
        return datetime.fromisoformat
    return None


def decode(row: Row, how: Sequence[Callable[[Any], Any] | None]) -> list[Any]:
    """Return the values of a row from JSON."""
    return [
        value if decoder is None or value is None else decoder(value)
        for value, decoder in zip(row, how, strict=True)
    ]
