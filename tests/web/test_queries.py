"""Pages and lists ask the database as often for many photos as for few."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import albums, marks, stacks, trash
from gallery.models import Photo
from search.duplicates.models import Kind
from tests.alike import group, photo

pytestmark = pytest.mark.django_db

PAGES = [
    "/",
    "/albums",
    "/albums/{album}",
    "/favourites",
    "/photos/{photo}",
    "/photos/{photo}/duplicates",
    "/duplicates",
    "/duplicates?kind=similar_shots",
    "/duplicates/history",
    "/trash",
    "/api/v1/photos",
    "/api/v1/albums",
    "/api/v1/duplicates",
    "/api/v1/trash",
]


def add(owner, *, times: int) -> list[Photo]:
    """Add copies, a stack of shots, and a trashed photo, with marks on all, so many times."""
    made: list[Photo] = []
    for _ in range(times):
        best, copy, shot, other, gone = some = [photo(owner, favourite=True) for _ in range(5)]
        mine = Photo.objects.filter(pk__in=[one.pk for one in some])
        albums.add(albums.create(owner, f"Album of {best.name}"), mine)
        marks.update(best, tags=["sea", best.name])
        group(best, copy)
        group(shot, other, kind=Kind.SIMILAR_SHOTS)
        stacks.create(mine.filter(pk__in=[copy.pk, other.pk]), other)
        trash.trash(mine.filter(pk=gone.pk))
        made += some
    return made


def queries(client, address: str) -> int:
    """Return how many queries a page takes once what it keeps for a while is known."""
    cache.clear()  # Else it may run out between the two.
    client.get(address)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


@pytest.mark.slow
def test_more_photos_take_no_more_queries(ada, ada_client):
    first = add(ada, times=2)[0]
    names = {"photo": first.pk, "album": first.albums.get().pk}
    addresses = [page.format(**names) for page in PAGES]
    few = {address: queries(ada_client, address) for address in addresses}
    add(ada, times=6)
    assert {address: queries(ada_client, address) for address in addresses} == few
