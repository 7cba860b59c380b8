"""Full-text search on Postgres, through every process of the service mode."""

from __future__ import annotations

import psycopg
import pytest

from tests.server.processes import eventually
from tests.server.stack import picture

pytestmark = pytest.mark.server


def found(owner, query: str) -> list[str]:
    """Return why photos are found by their words, in the order of the answer."""
    hits = owner.http.get("/api/v1/search", params={"q": query}).json()["hits"]
    return [hit["words"] for hit in hits if hit["words"]]


def test_photos_are_found_by_their_words(stack):
    iris = stack.owner("iris")
    first = iris.add(picture((220, 30, 31), mark=1), "IMG_2231.png")
    second = iris.add(picture((30, 160, 41), mark=2), "PXL_20210315.png")
    iris.wait_until_indexed(first, second)
    assert found(iris, "img_2231") == ["file name: IMG_2231.png"]
    assert found(iris, "202103") == ["file name: PXL_20210315.png"]
    iris.http.patch(f"/api/v1/photos/{first}", json={"caption": "Été à Lisbonne, 我们在北京"})
    iris.http.patch(f"/api/v1/photos/{second}", json={"tags": ["family"]})
    assert found(iris, "ete lisbonne") == ["caption: Été à Lisbonne, 我们在北京"]
    assert found(iris, "北京") == ["caption: Été à Lisbonne, 我们在北京"]
    assert second not in iris.found("green -family")
    assert found(iris, "'); DROP TABLE x; -- & | ! :* <->") == []


def test_the_workers_write_the_words_of_those_who_do_not_search(stack):
    jo = stack.owner("jo")
    photo = jo.add(picture((30, 60, 221), mark=3), "quiet.png")

    def written() -> bool:
        with psycopg.connect(stack.postgres.url) as connection:
            sql = "SELECT words FROM search_photowords WHERE photo_id = %s AND NOT stale"
            row = connection.execute(sql, [photo]).fetchone()
        return row is not None and row[0].startswith("quiet png")

    eventually("the sweeper wrote the words", written, patience=120)
