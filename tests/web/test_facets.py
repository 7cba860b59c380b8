"""Facets count what there is, widen within their kind, and lead to what they promise."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import albums, marks, sensitive
from gallery.models import Photo
from gallery.models.sensitive import Policy, State
from search import language
from search.engine.answer import SearchRequest, matching_photos
from search.facets import photo_counter
from search.facets.result_facets import Facet, facets
from search.language import Query
from tests.alike import photo
from tests.galleries import fill

pytestmark = pytest.mark.django_db


def query(text: str) -> Query:
    return language.parse(text) if text else Query()


def matches(text: str) -> SearchRequest:
    """Return the request for what matches a text well."""
    return SearchRequest(query(text), weak=False)


def by_name(user: Any, text: str = "") -> dict[str, Facet]:
    return {facet.name: facet for facet in facets(user, matches(text), limit=100)}


def counts(user: Any, text: str = "") -> dict[str, dict[str, int]]:
    return {
        name: {value.value: value.count for value in facet.values}
        for name, facet in by_name(user, text).items()
    }


@pytest.fixture
def cameras(ada) -> None:
    for number, camera in enumerate(["Nikon D1", "Nikon D1", "Nikon D2", "Canon R", ""]):
        photo(
            ada,
            camera=camera,
            rating=number,
            favourite=number == 0,
            taken_at=datetime(2020 + number // 3, 6, 1, tzinfo=UTC),
            format="HEIF" if number == 4 else "JPEG",
        )


def test_facets_count_each_kind(ada, cameras):
    one = Photo.objects.get(rating=1)
    albums.add(albums.create(ada, "Lisbon"), Photo.objects.filter(pk=one.pk))
    marks.update(one, tags=["sea"])
    Photo.objects.filter(pk=one.pk).update(colours=",blue,white,", latitude=1.0, longitude=2.0)
    assert counts(ada) == {
        "year": {"2021": 2, "2020": 3},
        "colour": {"blue": 1, "white": 1},
        "orientation": {"landscape": 5},
        "album": {"Lisbon": 1},
        "tag": {"sea": 1},
        "camera": {"Nikon D1": 2, "Canon R": 1, "Nikon D2": 1},
        "rating": {"4": 1, "3": 1, "2": 1, "1": 1},
        "type": {"jpeg": 4, "heif": 1},
        "favourite": {"favourite": 1},
        "place": {"gps": 1},
    }


def test_a_kind_is_counted_as_if_it_was_not_set(ada, cameras):
    found = by_name(ada, 'camera:"Nikon D1"')
    assert {value.value: (value.count, value.on) for value in found["camera"].values} == {
        "Nikon D1": (2, True),
        "Canon R": (1, False),
        "Nikon D2": (1, False),
    }
    # All others are counted within it.
    assert [(value.value, value.count) for value in found["year"].values] == [("2020", 2)]


def test_what_is_excluded_stays_excluded(ada, cameras):
    assert counts(ada, "-camera:nikon")["camera"] == {"Canon R": 1}


def test_a_part_of_a_name_sets_all_that_it_means(ada, cameras):
    found = by_name(ada, "camera:nikon")["camera"]
    assert {value.value for value in found.values if value.on} == {"Nikon D1", "Nikon D2"}
    off = next(value.query for value in found.values if value.value == "Nikon D2")
    assert off == 'camera:"Nikon D1"'


def test_switching_keeps_everything_else(ada, cameras):
    found = by_name(ada, "date:summer-2020,2021 rating:>=2 -is:stacked")
    years = {value.value: value.query for value in found["year"].values}
    assert years["2021"] == "date:summer-2020 rating:>=2 -is:stacked"
    assert years["2020"] == "date:summer-2020,2021,2020 rating:>=2 -is:stacked"
    stars = {value.value: (value.on, value.query) for value in found["rating"].values}
    assert stars["4"] == (True, "date:summer-2020,2021 rating:2,3,5 -is:stacked")
    assert stars["1"] == (False, "date:summer-2020,2021 rating:2,3,4,5,1 -is:stacked")


def test_the_last_value_switched_off_leaves_nothing(ada, cameras):
    found = by_name(ada, "is:favourite")["favourite"]
    assert [(value.count, value.on, value.query) for value in found.values] == [(1, True, "")]


def test_names_are_spelt_as_they_are(ada, cameras):
    albums.add(albums.create(ada, "Lisbon Trip"), Photo.objects.all())
    (one,) = by_name(ada, 'album:"lisbon trip"')["album"].values
    assert (one.value, one.count, one.on, one.query) == ("Lisbon Trip", 5, True, "")


def test_nobody_counts_what_others_have(ada, bob, cameras):
    albums.add(albums.create(ada, "Secret"), Photo.objects.all())
    photo(bob, camera="Leica")
    found = counts(bob)
    assert found["camera"] == {"Leica": 1}
    assert "album" not in found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "camera:nikon,pixel",
        "is:favourite colour:blue",
        "rating:>=2 date:2020 -tag:sea",
        "album:lisbon type:jpeg,png",
    ],
)
def test_every_count_is_what_following_it_brings(ada, bob, text):
    """A value that is off says how many photos it has; alone in its kind it leaves just those."""
    chance = random.Random(len(text))
    fill(bob, chance, 5)
    fill(ada, chance, 40)
    asked = query(text)
    for facet in facets(ada, matches(text), limit=100):
        flag = facet.filter in {"is", "has"}
        own = [flt for flt in asked.filters if flt.name == facet.filter and not flt.excluded]
        rest = asked.filters if flag else tuple(flt for flt in asked.filters if flt not in own)
        for value in facet.values:
            alone = Query((), (*rest, language.Filter(facet.filter, (value.value,))))
            assert matching_photos(ada, alone).count() == value.count, (facet.name, value)


def test_counting_takes_as_many_queries_for_many_photos(ada):
    chance = random.Random(4)
    fill(ada, chance, 12)

    def asked() -> int:
        with CaptureQueriesContext(connection) as made:
            facets(ada, matches("camera:nikon,canon rating:>=1"))
        return len(made)

    few = asked()
    for _ in range(30):
        marks.update(photo(ada, camera=f"Nikon {chance.random()}"), tags=[f"t{chance.random()}"])
    assert asked() == few <= 15


def test_the_part_of_the_page_links_to_the_switched_search(ada, ada_client, cameras):
    page = ada_client.get("/search/facets", {"q": "camera:nikon", "sort": "newest"})
    assert page.status_code == 200
    html = page.content.decode()
    assert 'data-facet="camera"' in html
    assert "/search?q=camera%3Anikon+date%3A2020&amp;sort=newest" in html
    assert html.count('aria-current="true"') == 2
    assert ada_client.get("/search/facets").status_code == 200
    assert ada_client.get("/search/facets", {"q": "camra:nikon"}).status_code == 400


def test_the_api_lists_facets(ada_client, cameras):
    answer = ada_client.get("/api/v1/search/facets", {"q": "rating:>=3"}).json()
    assert answer["query"] == "rating:>=3"
    found = {facet["name"]: facet for facet in answer["facets"]}
    assert found["camera"]["values"] == [
        {"value": "Canon R", "label": "Canon R", "count": 1, "on": False,
         "q": 'rating:>=3 camera:"Canon R"'},
    ]  # fmt: skip
    assert Counter(value["on"] for value in found["rating"]["values"]) == {True: 3, False: 2}
    for bad in [{"q": "camra:x"}, {"least": "7"}, {"size": "1"}]:
        assert ada_client.get("/api/v1/search/facets", bad).status_code == 400


def test_names_are_counted_alike_however_many_photos_there_are(ada, bob, monkeypatch):
    chance = random.Random(8)
    fill(bob, chance, 6)
    fill(ada, chance, 30)
    Photo.objects.filter(pk__in=Photo.objects.filter(owner=ada)[:4]).update(
        trashed_at=datetime.now(UTC)
    )
    for text in ["", "camera:nikon", "album:lisbon"]:
        narrow_counts = counts(ada, text)
        monkeypatch.setattr(photo_counter, "MAX_LOOKUPS", 0)
        assert counts(ada, text) == narrow_counts
        monkeypatch.undo()


def test_all_photos_are_counted_in_indexes_as_some_are_in_the_table(ada, bob):
    chance = random.Random(9)
    fill(bob, chance, 6)
    fill(ada, chance, 40)
    own = list(Photo.objects.filter(owner=ada).order_by("pk"))
    for number, each in enumerate(own):
        each.width = (400, 300, 200)[number % 3]
        each.rating, each.favourite = number % 6, number % 4 == 0
        each.wall_at = datetime(1998 + 3 * (number % 7), 1 + 11 * (number % 2), 31, 23, tzinfo=UTC)
    Photo.objects.bulk_update(own, ["width", "rating", "favourite", "wall_at"])
    Photo.objects.filter(pk__in=[each.pk for each in own[:4]]).update(trashed_at=datetime.now(UTC))
    Photo.objects.filter(pk=own[4].pk).update(deleted_at=datetime.now(UTC))
    every = "date:1900.."
    assert counts(ada) == counts(ada, every)
    assert len(counts(ada)) > 9
    some = Photo.objects.filter(pk__in=[each.pk for each in own[::3]])
    sensitive.decide(ada, some, "nudity", State.CONFIRMED)
    sensitive.set_policy(ada, "nudity", Policy.HIDE)
    assert counts(ada)["orientation"] == counts(ada, every)["orientation"]
    assert counts(ada) == counts(ada, every)
