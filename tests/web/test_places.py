"""Photos by the towns and countries where they were taken, in filters and in plain words."""

from __future__ import annotations

import pytest

from gallery import places
from gallery.models import Photo
from search import fulltext
from search.filters.library import Library, library_names
from search.filters.places import places_of
from search.filters.selection import apply_filters
from search.language import parse
from tests.alike import photo

pytestmark = pytest.mark.django_db

LISBON, PORTO, NICE, BEIJING = (38.71, -9.14), (41.15, -8.61), (43.70, 7.27), (39.91, 116.39)


def photo_at(owner, degrees, **fields) -> Photo:
    one = photo(owner, **fields)
    places.put_at(one, degrees)
    one.save()
    return one


@pytest.fixture
def travels(ada):
    return {
        "lisbon": photo_at(ada, LISBON, name="lisbon"),
        "porto": photo_at(ada, PORTO, name="porto", caption="a blue boat"),
        "nice": photo_at(ada, NICE, name="1"),
        "beijing": photo_at(ada, BEIJING, name="2"),
        "nowhere": photo(ada, name="3"),
    }


def passing(person, text: str) -> set[Photo]:
    return set(apply_filters(person, parse(text).filters).photos)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("place:lisbon", ["lisbon"]),
        ("place:LISBOA", ["lisbon"]),
        ("place:Lissabon", ["lisbon"]),
        ("place:里斯本", ["lisbon"]),
        ("place:pékin", ["beijing"]),
        ("place:北京", ["beijing"]),
        ('place:"Lisbon, Portugal"', ["lisbon"]),
        ("place:portugal", ["lisbon", "porto"]),
        ("country:pt", ["lisbon", "porto"]),
        ("city:porto,nice", ["porto", "nice"]),
        ("place:nice", ["nice"]),
        ("-place:portugal", ["nice", "beijing", "nowhere"]),
        ("place:madrid", []),
        ("-place:madrid", ["lisbon", "porto", "nice", "beijing", "nowhere"]),
    ],
)
def test_a_filter_takes_any_name_of_a_town_or_country(ada, travels, text, names):
    assert passing(ada, text) == {travels[name] for name in names}
