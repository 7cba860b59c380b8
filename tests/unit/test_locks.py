"""Whoever moves, stacks or groups photos holds their owner, so that two at once wait in one place.

Which rows two transactions come upon first differs, and Postgres ends one of them if they form a
ring. SQLite lets one write at a time anyway; here it only shows in which order it is asked.
"""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import albums, stacks, trash
from gallery.models import Album, Photo
from search.duplicates.review import decisions
from tests.alike import group, ids, photo

pytestmark = pytest.mark.django_db


def some(owner, number: int = 3) -> list[Photo]:
    return [photo(owner) for _ in range(number)]


def rows(photos: list[Photo]):
    return Photo.objects.filter(pk__in=ids(photos))


def stacked(owner):
    photos = some(owner)
    return stacks.create(rows(photos), photos[0]), photos


def trashed(owner) -> list[Photo]:
    photos = some(owner)
    trash.trash(rows(photos))
    return photos


def prepared(owner) -> dict[str, object]:
    """Return everything that changes what several photos form, ready to be called."""
    free, (made, members), gone = some(owner), stacked(owner), trashed(owner)
    album = Album.objects.create(owner=owner, name="Sea")
    pair = some(owner, 2)
    decided = group(*pair)
    return {
        "trash": lambda: trash.trash(rows(free)),
        "restore": lambda: trash.restore(rows(gone)),
        "empty": lambda: trash.empty(rows(gone)),
        "stack": lambda: stacks.create(rows(free), free[0]),
        "unstack": lambda: stacks.unstack(made),
        "cover": lambda: stacks.set_cover(made, members[1]),
        "take out": lambda: stacks.take_out(members[1]),
        "fill an album": lambda: albums.add(album, rows(free)),
        "remove an album": lambda: albums.remove(album),
        "resolve": lambda: decisions.resolve(
            owner, decided.pk, "keep", seen=ids(pair), keep=ids(pair[:1])
        ),
    }


DEEDS = (
    *("trash", "restore", "empty", "stack", "unstack", "cover", "take out"),
    *("fill an album", "remove an album", "resolve"),
)


@pytest.mark.parametrize("deed", DEEDS)
def test_the_owner_is_locked_before_anything_is_written(ada, deed):
    do = prepared(ada)[deed]
    with CaptureQueriesContext(
        connection,
    ) as asked:
        do()
    statements = [query["sql"] for query in asked]
    locked = next(at for at, sql in enumerate(statements) if 'FROM "auth_user"' in sql)
    written = next(
        at for at, sql in enumerate(statements) if sql.startswith(("UPDATE", "DELETE", "INSERT"))
    )
    assert locked < written


def test_photos_of_several_owners_are_locked_in_one_order(ada, bob):
    both = [*trashed(bob), *trashed(ada)]
    with CaptureQueriesContext(connection) as asked:
        assert trash.empty(rows(both)) == len(both)
    # The first one locks; others read the names that the audit log keeps.
    locking = next(query["sql"] for query in asked if 'FROM "auth_user"' in query["sql"])
    assert "ORDER BY" in locking
