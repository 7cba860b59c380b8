"""Any number of ids is one value for the database."""

from __future__ import annotations

import uuid

import pytest

from gallery.models import Photo, Tag
from gallery.models.dialects import one_of
from tests.web.test_large_gallery import add_searchable

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_more_ids_than_the_database_takes_values_are_one_value(ada, model):
    add_searchable(ada, model, 3)
    own = list(Photo.objects.values_list("pk", flat=True))
    ids = {*own[:2], *(uuid.uuid4() for _ in range(40_000))}
    found = Photo.objects.filter(pk__in=one_of(ids))
    assert set(found.values_list("pk", flat=True)) == set(own[:2])
    assert Photo.objects.exclude(pk__in=one_of(ids)).get().pk == own[2]
    assert not Photo.objects.filter(pk__in=one_of(set())).exists()


def test_numbers_are_one_value_as_well(ada):
    first, second = (Tag.objects.create(owner=ada, name=name) for name in ("sea", "snow"))
    assert Tag.objects.get(pk__in=one_of([first.pk, -1], int)) == first
    assert Tag.objects.get(pk__in=one_of({second.pk}, int)) == second
    assert not Tag.objects.filter(pk__in=one_of([], int)).exists()
