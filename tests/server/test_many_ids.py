"""Any number of ids is one value for Postgres."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.server.processes import manage
from tests.server.stack import picture

pytestmark = pytest.mark.server

ASK = """
import json, uuid
from gallery.models import Photo, Tag
from gallery.models.dialects import one_of
one = uuid.UUID("{photo}")
tag = Tag.objects.get(name="seven").pk
photos = Photo.objects.filter(owner__username="kim")
tags = Tag.objects.filter(owner__username="kim")
many = [uuid.uuid4() for _ in range(70_000)]
print(json.dumps([
    [str(pk) for pk in photos.filter(pk__in=one_of([one, *many])).values_list("pk", flat=True)],
    one in set(photos.exclude(pk__in=one_of([one])).values_list("pk", flat=True)),
    photos.filter(pk__in=one_of([])).count(),
    list(tags.filter(pk__in=one_of([tag, -1], int)).values_list("name", flat=True)),
    list(tags.exclude(pk__in=one_of([tag], int)).values_list("name", flat=True)),
    tags.filter(pk__in=one_of(set(), int)).count(),
]))
"""


def test_uuids_and_integers_are_found_by_one_value(stack):
    kim = stack.owner("kim")
    first = kim.add(picture((220, 30, 32), mark=1))
    second = kim.add(picture((30, 160, 42), mark=2))
    kim.http.patch(f"/api/v1/photos/{first}", json={"tags": ["seven"]})
    kim.http.patch(f"/api/v1/photos/{second}", json={"tags": ["eight"]})
    asked = ASK.format(photo=uuid.UUID(first))
    told = manage(stack.environment, "shell", "--no-imports", "-c", asked).splitlines()[-1]
    assert json.loads(told) == [[first], False, 0, ["seven"], ["eight"], 0]
