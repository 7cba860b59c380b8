"""Words that are read as dates and exclusions, and the way back; numbers with a minus."""

from __future__ import annotations

import re

import pytest
from django.http import QueryDict
from hypothesis import given, strategies as st

from search.language import (
    Filter,
    Query,
    QueryError,
    Term,
    from_params,
    parse,
    to_text,
    to_words,
    turned_back,
)

PIECES = [
    *("red", "dog", "beach", "without", "no", "cars", "people", "or", "and", "in", "from", "since"),
    *("June", "summer", "2015", "2020", "last", "week", "ohne", "Hut", "sans", "voiture", "(no"),
    *("hats)", "-blue", "+cat", '-"old', 'hat"', '"a b"', "camera:nikon", "date:2019", ",", "."),
    *("-", '"', "\\", "没有人的海滩", "2023年夏天的"),
]
OPEN_QUOTE = re.compile(r"""(?:^|[\s(:,-])["“][^"”]*$""")
"""A quote that begins a word and has no end."""
TYPED = st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.text(
    'ab ni-"+:,.2015éohne sin没有', max_size=40
)


def readings(text: str) -> list[tuple[str, str]]:
    return [(reading.words, to_text(reading.plain)) for reading in parse(text).readings]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("Holiday in June 2015", "in June 2015"),
        ("verano de 2020 playa", "verano de 2020"),
        ("Strand letzte Woche", "letzte Woche"),
        ("2023年夏天的海滩", "2023年夏天的"),
        ("Me without glasses", "without glasses"),
        ("Ich ohne Hut", "ohne Hut"),
        ("calle sin coches ni gente", "sin coches ni gente"),
        ("rue sans voiture", "sans voiture"),
        ("没有人的海滩", "没有人的"),
        ("no people", "no people"),
    ],
)
def test_words_that_are_read_are_kept_and_the_whole_text_can_be_words(typed, words):
    query = parse(typed)
    assert readings(typed) == [(words, f'"{typed}"')]
    assert query.plain == Query((Term("text", typed, quoted=True),))
    parts = [*query.terms, *query.filters]
    assert any(query.readings[0].is_of(part) for part in parts)
    assert not query.readings[0].is_of(Term("text", "cat"))


def test_one_of_several_readings_becomes_words_and_the_others_stay():
    typed = "street without cars or people in summer 2020 camera:nikon"
    assert readings(typed) == [
        ("in summer 2020", 'street -cars -people "in summer 2020" camera:nikon'),
        ("without cars or people", 'street "without cars or people" date:summer-2020 camera:nikon'),
    ]
    assert to_text(parse(typed).plain or Query()) == (
        '"street without cars or people in summer 2020" camera:nikon'
    )


def test_a_minus_is_part_of_the_words_too():
    query = parse("DSC-0042 -edited +copy")
    assert query.readings == ()
    assert to_text(query.plain or Query()) == '"DSC-0042 -edited" +copy'


@pytest.mark.parametrize(
    "typed", ['"summer 2020"', 'dog -"cat"', "date:2020", "dog camera:x", "dog"]
)
def test_what_is_written_on_purpose_is_no_reading(typed):
    assert parse(typed).readings == ()
    assert parse(typed).plain is None


def test_the_filters_of_a_form_stay_when_words_become_words():
    query = from_params(QueryDict("q=dog+in+2015&camera=nikon"))
    assert to_text(query) == "dog date:2015 camera:nikon"
    assert to_text(query.plain or Query()) == '"dog in 2015" camera:nikon'
    assert [to_text(each.plain) for each in query.readings] == ['"dog in 2015" camera:nikon']


def test_readings_do_not_count_when_queries_are_compared():
    assert parse("dog without cat") == parse("dog -cat")
    assert hash(parse("dog in 2015")) == hash(parse("dog date:2015"))
    both = parse("date:2019 dog in 2020")
    assert both.filters == (Filter("date", ("2020", "2019")),)
    assert both.readings[0].is_of(both.filters[0])


def parsed(typed: str) -> Query:
    try:
        return parse(typed)
    except QueryError:
        return Query()


@given(TYPED)
def test_the_way_back_to_words_is_a_query_again(typed):
    query = parsed(typed)
    for plain in [query.plain, *(reading.plain for reading in query.readings)]:
        assert plain is None or parse(to_text(plain)) == plain


@given(TYPED)
def test_what_the_bar_shows_is_read_as_before_when_it_is_sent_again(typed):
    query = parsed(typed)
    again = parsed(to_words(query))
    assert again == query
    assert (again.readings, again.plain) == (query.readings, query.plain)
    for reading in query.readings:
        back = parse(turned_back(query, reading))
        assert back == reading.plain
        assert parse(to_words(back)) == back


@given(TYPED, st.sampled_from(["camera=nikon", "-album=Lisbon&date=2019", "type=jpeg&type=heic"]))
def test_so_it_is_with_the_filters_of_a_form(typed, fields):
    params = QueryDict(fields, mutable=True)
    params["q"] = typed
    try:
        query = from_params(params)
    except QueryError:
        return
    again = parse(to_words(query))
    assert again == query
    if not OPEN_QUOTE.search(typed):  # The filters would be inside it.
        assert [each.words for each in again.readings] == [each.words for each in query.readings]


def test_words_turn_back_one_after_the_other():
    typed = "street without cars or people in summer 2020 camera:nikon"
    date, exclusion = parse(typed).readings
    assert turned_back(parse(typed), date) == (
        'street without cars or people "in summer 2020" camera:nikon'
    )
    once = parse(turned_back(parse(typed), exclusion))
    assert to_words(once) == 'street "without cars or people" in summer 2020 camera:nikon'
    assert [reading.words for reading in once.readings] == ["in summer 2020"]


@pytest.mark.parametrize("sign", ["-", "−", "–", "+"])
@pytest.mark.parametrize(
    "quantity",
    ["20", "5 °C", "0.5", ".5", "2015", "10:30", "½ cup", "€5", "#3", "°C", "km", "4K", "٣"],
)
def test_a_sign_before_a_number_or_unit_is_text(sign, quantity):
    typed = f"outside {sign}{quantity}"
    assert parse(typed) == Query((Term("text", typed),))
    assert parse(f"{sign}{quantity}").wanted


@pytest.mark.parametrize(
    "typed",
    ["minus 20 degrees", "night at minus twenty degrees", "Abend bei minus zehn Grad",
     "noche a menos diez grados", "EOS-1", "ISO -", "lens -3 dioptres", "price -10%"],
)  # fmt: skip
def test_a_temperature_excludes_nothing(typed):
    assert not parse(typed).avoided


@pytest.mark.parametrize(
    ("typed", "excluded"),
    [("-0.5:cartoon", "cartoon"), ('-"4K"', "4K"), ("-cat", "cat"), ("-kmart", "kmart"),
     ("-g-string", "g-string"), ("dog minus cat", "cat")],
)  # fmt: skip
def test_what_only_begins_like_a_quantity_is_excluded(typed, excluded):
    assert [term.value for term in parse(typed).avoided] == [excluded]


@pytest.mark.parametrize("typed", ["2010-2015", "2010 -2015", "2010 – 2015"])
def test_a_range_of_years_is_a_date(typed):
    assert parse(f"trees {typed}").filters == (Filter("date", ("2010..2015",)),)
