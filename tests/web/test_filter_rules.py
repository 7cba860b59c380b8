"""What single filters mean, what is said of unknown names, and what narrowing asks of SQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import albums, marks
from gallery.models import Photo
from search import language
from search.filters import selection
from search.filters.selection import apply_filters
from search.language import Filter, QueryError
from tests.alike import photo

pytestmark = pytest.mark.django_db


def left(user: Any, text: str) -> set[Any]:
    filtered = apply_filters(user, language.parse(text).filters)
    return set(filtered.photos.values_list("name", flat=True))


def notes(user: Any, text: str) -> tuple[str, ...]:
    return apply_filters(user, language.parse(text).filters).notes


def test_kinds_are_all_met_and_values_of_one_are_alternatives(ada):
    photo(ada, name="a", camera="Nikon D1", rating=5)
    photo(ada, name="b", camera="Canon R", rating=5)
    photo(ada, name="c", camera="Nikon D1", rating=1)
    assert left(ada, "camera:nikon,canon rating:5") == {"a", "b"}
    assert left(ada, "camera:nikon rating:5") == {"a"}
    assert left(ada, "-camera:nikon") == {"b"}


def test_flags_and_bounds_written_apart_are_all_met(ada):
    photo(ada, name="a", favourite=True, caption="x", latitude=1.0, longitude=1.0, size=7_000_000)
    photo(ada, name="b", favourite=True, size=7_000_000)
    photo(ada, name="c", caption="x", latitude=1.0, longitude=1.0, size=20_000_000)
    assert left(ada, "has:caption has:gps") == {"a", "c"}
    assert left(ada, "is:favourite has:gps") == {"a"}
    assert left(ada, "size:>5MB size:<10MB") == {"a", "b"}


def test_a_camera_spelt_exactly_means_that_one_alone(ada):
    photo(ada, name="a", camera="Canon EOS R")
    photo(ada, name="b", camera="Canon EOS R5")
    assert left(ada, 'camera:"Canon EOS R"') == {"a"}
    assert left(ada, 'camera:"canon eos r"') == {"a", "b"}
    assert left(ada, 'camera:"r5 canon"') == {"b"}


def test_names_that_are_not_there_pass_nothing_and_are_noted(ada):
    one = photo(ada, name="a", camera="NIKON D750")
    albums.add(albums.create(ada, "Lisbon trip"), Photo.objects.filter(pk=one.pk))
    assert left(ada, "album:Lisbon") == set()
    assert notes(ada, "album:Lisbon") == (
        "There is no album “Lisbon”. Did you mean “Lisbon trip”?",
    )
    assert notes(ada, "tag:sea") == ("There is no tag “sea”.",)
    assert notes(ada, "camera:nikkon") == ("There is no camera “nikkon”. Did you mean “NIKON”?",)
    assert left(ada, "-album:Lisbon") == {"a"}
    assert left(ada, 'album:Lisbon,"lisbon TRIP"') == {"a"}
    assert notes(ada, 'album:"Lisbon trip"') == ()


def test_the_names_of_other_people_are_not_there(ada, bob):
    theirs = photo(bob, name="theirs", camera="Leica Q", lens="Summilux")
    albums.add(albums.create(bob, "Secret"), Photo.objects.filter(pk=theirs.pk))
    marks.update(theirs, tags=["hidden"])
    photo(ada, name="mine")
    for text, kind in [
        ("album:Secret", "album"),
        ("tag:hidden", "tag"),
        ("camera:leica", "camera"),
        ("lens:summilux", "lens"),
    ]:
        assert left(ada, text) == set()
        value = text.partition(":")[2]
        # No hint at a name that somebody else has.
        assert notes(ada, text) == (f"There is no {kind} “{value}”.",)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "UTC", "Pacific/Honolulu"])
def test_the_days_are_those_of_the_clock_on_the_wall(ada, settings, zone):
    settings.TIME_ZONE = zone
    noon = datetime(2020, 6, 15, 12, tzinfo=UTC)
    for name, wall in [
        ("before", datetime(2020, 5, 31, 23, 59, 59, tzinfo=UTC)),
        ("first", datetime(2020, 6, 1, tzinfo=UTC)),
        ("after", datetime(2020, 7, 1, tzinfo=UTC)),
    ]:
        photo(ada, name=name, taken_at=noon, wall_at=wall)
    assert left(ada, "date:2020-06") == {"first"}
    assert left(ada, "after:2020-06") == {"first", "after"}
    assert left(ada, "before:2020-06") == {"before"}


def test_a_value_that_no_query_has_is_refused(ada):
    for flt in [Filter("size", ("big",)), Filter("date", ("soon",)), Filter("near", ("x",))]:
        with pytest.raises(QueryError) as refused:
            apply_filters(ada, [flt])
        assert (refused.value.code, refused.value.status) == ("bad_filter", 400)
    with pytest.raises(QueryError) as refused:
        apply_filters(ada, [Filter("mood", ("good",))])
    assert (refused.value.code, refused.value.status) == ("unknown_filter", 400)


def test_the_index_gets_the_others_where_most_are_excluded(ada, monkeypatch):
    monkeypatch.setattr(selection, "FEW", 2)
    for number in range(9):
        photo(ada, name=f"{number}", favourite=number < 6, camera="X" if number else "")
    found = apply_filters(ada, language.parse("is:favourite camera:x").filters).index_filter
    # All favourites; the index itself knows the cameras.
    assert len(found.parts[-1].ids) == 6
    found = apply_filters(ada, language.parse("-is:favourite camera:x").filters).index_filter
    assert len(found.parts[-1].ids) == 3


def test_filters_alone_ask_for_no_ids(ada, ada_client):
    photo(ada, favourite=True)
    with CaptureQueriesContext(connection) as asked:
        filtered = apply_filters(ada, language.parse("is:favourite").filters)
        assert filtered.photos.count() == 1
    assert len(asked) == 1
    # No model is there, and none is needed.
    answer = ada_client.get("/api/v1/search", {"q": "is:favourite"})
    assert answer.status_code == 200
    assert len(answer.json()["hits"]) == 1


def test_columns_are_asked_for_together_and_once(ada):
    photo(ada, favourite=True)
    filtered = apply_filters(ada, language.parse("is:stacked has:caption name:jpg").filters)
    with CaptureQueriesContext(connection) as asked:
        assert filtered.index_filter == filtered.index_filter
    assert len([query for query in asked if "gallery_photo" in query["sql"]]) == 1
