"""A gallery of the last version keeps the vectors of its starter model under the new key."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from gallery.models import EmbeddingModel
from search.vectors.embedders.catalog import STARTER_KEY

pytestmark = pytest.mark.django_db(transaction=True)

migration = import_module("gallery.migrations.0013_model_identity")


def migrate(step) -> None:
    with connection.schema_editor() as editor:
        step(apps, editor)


def test_the_starter_of_the_last_version_is_the_present_one():
    assert migration.PRESENT == STARTER_KEY
    row = EmbeddingModel.objects.create(key=migration.FORMER, dim=512, state="active")
    retired = EmbeddingModel.objects.create(key="other", dim=2, state="retired")
    migrate(migration.name_the_starter)
    row.refresh_from_db()
    assert (row.key, row.collection, row.state) == (STARTER_KEY, migration.FORMER, "active")
    retired.refresh_from_db()
    assert retired.retired_at is not None
    migrate(migration.name_it_as_before)
    row.refresh_from_db()
    assert row.key == migration.FORMER
