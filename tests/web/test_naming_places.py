"""The migration that names the places of photos that were here before."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from tests.alike import photo

pytestmark = pytest.mark.django_db

migration = import_module("gallery.migrations.0006_places")


def test_photos_with_coordinates_get_their_town(ada, monkeypatch):
    monkeypatch.setattr(migration, "_STEP", 2)
    towns = [photo(ada, latitude=38.71, longitude=-9.14) for _ in range(3)]
    at_sea, unknown = photo(ada, latitude=0.0, longitude=-30.0), photo(ada)
    migration.name_places(apps, SimpleNamespace(connection=connection))
    for one in (*towns, at_sea, unknown):
        one.refresh_from_db()
    assert {(one.place, one.place_id) for one in towns} == {("Lisbon, Portugal", 2267057)}
    assert {(one.place, one.place_id) for one in (at_sea, unknown)} == {("", None)}
