"""Chips, addresses and completion: the other faces of the query language."""

from __future__ import annotations

import pytest
from django.http import QueryDict
from hypothesis import given, strategies as st

from search.language import (
    QueryError,
    chips,
    from_params,
    parse,
    to_params,
    to_text,
    values,
)
from search.suggest.suggestions import autocomplete

PHOTO = "0b1c0a4e-1111-4222-8333-abcdefabcdef"
KNOWN = {"album": ["Lisbon trip", "Porto", "Trip to Rome"], "tag": ["family", "food"],
         "camera": ["Nikon Z6", "Canon R5"]}  # fmt: skip


def test_each_part_of_a_query_is_a_chip():
    found = chips(parse(f"beach without people 2:sunset photo:{PHOTO} album:a,b -in:album"))
    assert [(chip.label, chip.kind, chip.sign) for chip in found] == [
        ("beach", "text", ""),
        ("people", "text", "-"),
        ("sunset", "text", "+"),
        ("this photo", "photo", "+"),
        ("album: a or b", "album", ""),
        ("not in an album", "in", "-"),
    ]


def test_what_was_understood_can_be_removed_and_turned():
    beach, people = chips(parse("beach without people"))
    assert people.without == "beach"
    assert people.flipped == "beach +people"
    assert beach.without == "-people"
    assert beach.flipped == "-beach -people"


def test_the_chip_of_a_filter_can_be_turned():
    (chip,) = chips(parse("is:favourite"))
    assert chip.without == ""
    assert chip.flipped == "-is:favourite"
    assert chips(parse(chip.flipped))[0].flipped == "is:favourite"


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("date:2019..2021", "2019 to 2021"),
        ("date:..2021", "until 2021"),
        ("last week", "last week"),
        ("after:2020", "from 2020"),
        ("before:2020-06", "before 2020-06"),
        ("-date:summer-2023", "not summer 2023"),
        ("has:gps", "with a place"),
        ("is:favourite,stacked", "favourites or stacked"),
        ("camera:Nikon", "camera: Nikon"),
    ],
)
def test_filters_are_put_in_words(typed, label):
    assert chips(parse(typed))[0].label == label


def test_an_address_holds_the_text():
    query = parse('a dog, but no cat "golden gate" album:"Lisbon trip"')
    assert to_params(query) == {"q": 'a dog -cat "golden gate" album:"Lisbon trip"'}
    assert from_params(QueryDict(f"q={to_text(query)}&sort=newest")) == query


def test_a_form_without_scripts_may_send_filters_of_their_own():
    found = from_params(
        QueryDict("q=dog+album:x&orientation=portrait&album=a,+b&-tag=old&size=&sort=newest")
    )
    assert to_text(found) == 'dog album:x,"a, b" orientation:portrait -tag:old'
    assert to_text(from_params(QueryDict("color=gray&is=favorite&is=stacked"))) == (
        "colour:grey is:favourite,stacked"
    )


@pytest.mark.parametrize(
    ("address", "code"),
    [("", "query_empty"), ("q=+&size=+", "query_empty"), ("q=dog&rating=9", "bad_filter"),
     ("q=foo:bar", "unknown_filter"), ("size=%00", "bad_filter"), ("tag=%00", "bad_characters")],
)  # fmt: skip
def test_bad_addresses_are_refused_with_a_code(address, code):
    with pytest.raises(QueryError) as caught:
        from_params(QueryDict(address))
    assert caught.value.code == code


def suggested(text: str, cursor: int | None = None) -> list[str]:
    found = autocomplete(text, len(text) if cursor is None else cursor, KNOWN)
    return [
        text[: suggestion.start] + suggestion.insert + text[suggestion.end :]
        for suggestion in found
    ]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("dog cam", "dog camera:"),
        ("dog -al", "dog -album:"),
        ("fav", None),
        ("col", "colour:"),
        ("dog camera:ni", 'dog camera:"Nikon Z6" '),
        ("album:trip", 'album:"Trip to Rome" '),
        ("album:Porto,lis", 'album:Porto,"Lisbon trip" '),
        ('album:"lis', 'album:"Lisbon trip" '),
        ("color:gr", "colour:green "),
        ("-in:", "-in:album "),
        ("orientation:p", "orientation:portrait "),
        ("dog ", None),
        ("unknown:x", None),
        ('"cam', None),
    ],
)
def test_names_and_values_are_completed(typed, first):
    found = suggested(typed)
    assert (found[0] if found else None) == first


def test_completion_works_in_the_middle_of_a_text():
    assert suggested("cam on a beach", 3)[0] == "camera: on a beach"


def test_values_that_begin_so_come_before_those_that_have_it_inside():
    assert [suggestion.label for suggestion in autocomplete("album:trip", 10, KNOWN)] == [
        "Trip to Rome",
        "Lisbon trip",
    ]


@given(st.text(max_size=60), st.integers(-5, 80))
def test_completion_never_fails(text, cursor):
    for suggestion in autocomplete(text, cursor, KNOWN):
        assert 0 <= suggestion.start <= suggestion.end <= len(text)


@pytest.mark.parametrize("begun", ["rating:", "aspect:", "size:", "date:", "after:", "type:",
                                   "colour:", "is:", "has:", "in:", "orientation:"])  # fmt: skip
def test_what_is_suggested_is_understood(begun):
    for text in suggested(begun):
        assert parse(text).filters


def test_values_are_read_as_figures():
    assert values.size(">10MB") == values.Bounds(low=1e7, with_low=False)
    assert values.size("5MB..10MB") == values.Bounds(5e6, 1e7)
    assert values.size("<=12mp") == values.Bounds(high=12e6, unit="mp")
    assert values.size("5MB").contains(5.3e6)
    assert not values.size("5MB").contains(6e6)
    assert values.rating(">=4").contains(4)
    assert not values.rating(">4").contains(4)
    assert values.rating("2..3").contains(3)
    assert values.aspect("3:2").contains(6000 / 4000)
    assert not values.aspect("3:2").contains(4 / 3)
    assert values.place("38.7,-9.1,5km") == values.Place(38.7, -9.1, 5.0)
