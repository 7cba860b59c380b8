"""The query language: what is typed, what it is read as, and that it is written back the same."""

from __future__ import annotations

import time
import unicodedata
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, example, given, settings, strategies as st

from search.language import (
    Filter,
    Misread,
    Query,
    QueryError,
    Term,
    chips,
    from_params,
    parse,
    to_params,
    to_text,
)
from search.language.parser import quote_if_needed
from search.language.terms import FILTERS

PHOTO = "0b1c0a4e-1111-4222-8333-abcdefabcdef"


def text(value: str, weight: float = 1.0, *, quoted: bool = False) -> Term:
    return Term("text", value, weight, quoted)


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("dog on a beach", [text("dog on a beach")]),
        ("dog on a beach -people 2:sunset", [text("dog on a beach"), text("people", -1),
                                             text("sunset", 2)]),
        ("-people dog", [text("dog"), text("people", -1)]),
        ("+cat", [text("cat")]),
        ("dog +cat", [text("dog"), text("cat")]),
        ('dog "golden gate"', [text("dog"), text("golden gate", quoted=True)]),
        ('-"traffic light"', [text("traffic light", -1, quoted=True)]),
        ('-0.5:"traffic light"', [text("traffic light", -0.5, quoted=True)]),
        ("2,5:sunset", [text("sunset", 2.5)]),
        ("−people –cars", [text("people", -1), text("cars", -1)]),
        ("“golden gate” «tour eiffel»", [text("golden gate", quoted=True),
                                         text("tour eiffel", quoted=True)]),
        ('"golden gate', [text("golden gate", quoted=True)]),
        ('"say \\"hi\\""', [text('say "hi"', quoted=True)]),
        ("a t-shirt - a dog", [text("a t-shirt - a dog")]),
        ("dog, -people, -cars", [text("dog"), text("people", -1), text("cars", -1)]),
        ("--people", [text("people", -1)]),
        ("dog\u200f \u202ecat\u202c", [text("dog cat")]),
        ("cafe\u0301", [text("caf\u00e9")]),
        ("كلب على الشاطئ -ناس", [text("كلب على الشاطئ"), text("ناس", -1)]),
    ],
)  # fmt: skip
def test_words_signs_weights_and_quotes(typed, terms):
    assert parse(typed) == Query(tuple(terms))


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        (f"photo:{PHOTO}", [Term("photo", PHOTO)]),
        (f"-photo:{PHOTO.upper()}", [Term("photo", PHOTO, -1)]),
        (f"photo:{PHOTO.replace('-', '')} at night", [text("at night"), Term("photo", PHOTO)]),
        (f"2:photo:{PHOTO}@.1,0.25,0.5,0.75", [Term("part", f"{PHOTO}@0.1,0.25,0.5,0.75", 2)]),
        ("-0.5:picture:a:b-c_d", [Term("picture", "a:b-c_d", -0.5)]),
    ],
)
def test_pictures_are_terms(typed, terms):
    assert parse(typed) == Query(tuple(terms))


def test_a_region_tells_its_photo_and_box():
    term = parse(f"photo:{PHOTO}@0.1,0.2,0.3,0.4").terms[0]
    assert term.photo_id == PHOTO
    assert term.box == (0.1, 0.2, 0.3, 0.4)
    assert parse(f"photo:{PHOTO}").terms[0].box is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("album:a album:b,c", "album:a,b,c"),
        ('album:"Lisbon trip","a, b"', 'album:"Lisbon trip","a, b"'),
        ("-album:a -album:b album:c", "-album:a,b album:c"),
        ("camera:Nikon Camera:Canon", "camera:Nikon,Canon"),
        ("is:favorite is:stacked", "is:favourite is:stacked"),
        ("is:favorite,stacked", "is:favourite,stacked"),
        ("-in:album", "-in:album"),
        ("color:Gray colour:rojo colour:红色", "colour:grey,red"),
        ("type:JPG,heic", "type:jpeg,heic"),
        ("orientation:vertical", "orientation:portrait"),
        ("aspect:16:9 aspect:3x2", "aspect:16:9,3:2"),
        ("aspect:panorama", "aspect:>=2:1"),
        ("size:>10mb", "size:>10MB"),
        ("size:>5MB size:<10MB", "size:>5MB size:<10MB"),
        ("size:>12mp,>=0.5GB", "size:>12mp,>=0.5GB"),
        ("size:5MB..10MB", "size:5MB..10MB"),
        ("rating:4+", "rating:>=4"),
        ("rating:2..", "rating:>=2"),
        ('near:"38.70,-9.1" 5km', "near:38.7,-9.1,5km"),
        ("near:38.7,-9.1 dog", "dog near:38.7,-9.1,5km"),
        ("near:38.7,-9.1,500m near:-0,0,2mi", 'near:"38.7,-9.1,0.5km","0,0,3.219km"'),
        ("name:IMG_2231.jpg", "name:IMG_2231.jpg"),
        ('tag:"he said \\"hi\\""', 'tag:"he said \\"hi\\""'),
        ("has:gps photos", "has:gps"),
        ("tag:a tag:a", "tag:a"),
    ],
)
def test_filters_are_read_in_one_form(typed, meant):
    assert to_text(parse(typed)) == meant
    assert parse(meant) == parse(typed)


@pytest.mark.parametrize(
    "typed",
    ["10:30", "meeting at 10:30am", "16:9", "Star Wars: a new hope", "Re:Zero", "Title:of",
     "https://example.org/a?b=c:d", "mailto:ada@example.org", "a : b", "note: this",
     "Size: large", "3:2 ratio", "x:y"],
)  # fmt: skip
def test_a_colon_that_is_no_filter_stays_text(typed):
    assert parse(typed) == Query((text(typed),))


@pytest.mark.parametrize(
    ("typed", "code", "start", "end", "said"),
    [
        ("dog camra:sony", "unknown_filter", 4, 14, "did you mean camera:"),
        ("dog -albun:x", "unknown_filter", 4, 12, "did you mean album:"),
        ("foo:bar", "unknown_filter", 0, 7, "no filter “foo:”"),
        ("dog colour:mauve", "bad_filter", 4, 16, "it takes red"),
        ("camera:", "bad_filter", 0, 7, "no value"),
        ("dog size:big", "bad_filter", 4, 12, ">10MB"),
        ("size:5MB..2MB", "bad_filter", 0, 13, ">10MB"),
        ("rating:9", "bad_filter", 0, 8, "0 to 5"),
        ("near:Lisbon", "bad_filter", 0, 11, "38.72"),
        ("near:91,0", "bad_filter", 0, 9, "latitude"),
        ("date:soon", "bad_filter", 0, 9, "2019..2021"),
        ("2:album:x", "bad_filter", 0, 9, "no weight"),
        ("photo:abc", "bad_filter", 0, 9, "the id of a photo"),
        (f"photo:{PHOTO}@0.9,0,0.5,0.5", "bad_filter", 0, 56, "fractions"),
        (f"photo:{PHOTO}@0,0,0,0", "bad_filter", 0, 50, "fractions"),
        ("picture:x", "bad_filter", 0, 9, "token"),
        ("dog 0:cat", "bad_weight", 4, 9, "between 0 and 10"),
        ("dog -99999999999:cat", "bad_weight", 4, 20, "between 0 and 10"),
        ("dog \x00cat", "bad_characters", 4, 5, "U+0000"),
        ("dog \ud800", "bad_characters", 4, 5, "U+D800"),
    ],
)
def test_errors_say_what_is_wrong_and_where(typed, code, start, end, said):
    with pytest.raises(Misread) as caught:
        parse(typed)
    error = caught.value
    assert (error.code, error.start, error.end) == (code, start, end)
    assert said in error.message
    assert "\x00" not in error.message


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "query_empty"),
        (" \u200f\t", "query_empty"),
        ('""', "query_empty"),
        ("- :) ??", "query_empty"),
        ("🐶 -🐱", ""),
        ("x" * 65, "word_too_long"),
        ("word " * 200, "query_too_long"),
        ("dog " * 25_000, "query_too_long"),
        (" ".join(f"-w{n}" for n in range(1000))[:4000], "too_many_terms"),
        (" ".join(f"+w{n}" for n in range(17)), "too_many_terms"),
        ("-in:album " * 30, ""),
        (
            " ".join(f"is:{'stacked' if n % 2 else 'favourite'}" for n in range(300)),
            "too_many_filters",
        ),
        ("tag:" + ",".join(map(str, range(30))), "bad_filter"),
    ],
)
def test_limits(typed, code):
    started = time.thread_time()
    assert refusal(typed) == code
    assert time.thread_time() - started < 0.5


def refusal(typed: str) -> str:
    try:
        parse(typed)
    except QueryError as error:
        sentence = error.status == 400 and error.message.endswith(".")
        return error.code if sentence else f"not a sentence: {error.message}"
    return ""


CODES = {
    "", "query_empty", "query_too_long", "word_too_long", "bad_characters", "bad_weight",
    "bad_filter", "unknown_filter", "too_many_terms", "too_many_filters",
}  # fmt: skip

PIECES = st.one_of(
    st.sampled_from(
        ["dog", "beach", "no", "not", "without", "people", "sin", "gente", "ohne", "sans",
         "pas de", "没有", "人", "的", "海滩", "除了", "and", "or", ",", "but", "a", "with", "-",
         "+", '"', "\\", "2:", "0.5:", ":", "photo:" + PHOTO, "@0,0,1,1", "picture:abcd", "2023",
         "summer", "from", "last week", "in", "12", "June", "year", "date:", "after:",
         "2019..2021", "album:", "tag:", "a,b", "near:", "1,2", "5km", "size:", ">1MB",
         "is:favourite", "-in:album", "name:", "x", "\u200f", "\u0301", "\u0338", "no smoking",
         ".", ";", "《", "“", "…", "e", "photos", "None", "d'", "l'", "pas d'eau", "n't", "!",
         "去年", "http://x", "Wars:", "/", "&", "、", "或"]
    ),
    st.sampled_from([f"{name}:" for name in FILTERS]),
    st.text(max_size=4),
)  # fmt: skip
QUERIES = st.lists(st.tuples(PIECES, st.sampled_from(["", " ", " ", "  "])), max_size=14).map(
    lambda parts: "".join(piece + space for piece, space in parts)
)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(QUERIES, st.text(max_size=80)))
@example('-5"x" "')
@example("no cats,-dog")
@example("2:3:x -2:y:z")
def test_whatever_is_understood_reads_back_the_same(typed):
    assert refusal(typed) in CODES
    if refusal(typed):
        return
    query = parse(typed)
    again = to_text(query)
    assert parse(again) == query
    assert to_text(parse(again)) == again
    assert unicodedata.is_normalized("NFC", again)
    for chip in chips(query):
        assert chip.label
        assert refusal(chip.without) in CODES - {"bad_characters"}
        assert refusal(chip.flipped) in CODES - {"bad_characters"}


WORD = st.text("abcäöü海", min_size=1, max_size=6)
WEIGHTS = st.sampled_from([1.0, -1.0, 2.0, -0.5, 0.25, 10.0])
TERMS = st.one_of(
    st.builds(text, st.lists(WORD, min_size=1, max_size=3).map(" ".join), WEIGHTS,
              quoted=st.just(True)),
    # A sign before a unit ("-c") is no exclusion, so such a word is quoted.
    st.builds(text, WORD, WEIGHTS.filter(lambda weight: weight != 1.0)).map(quote_if_needed),
    st.builds(Term, st.just("photo"), st.uuids().map(str), WEIGHTS),
    st.builds(Term, st.just("picture"), st.text("abc-_:", min_size=4, max_size=9), WEIGHTS),
)  # fmt: skip
FILTER = st.one_of(
    st.builds(Filter, st.sampled_from(["album", "tag", "camera", "lens", "name"]),
              st.lists(st.text('ab",\\:-> ', min_size=1, max_size=8).map(str.strip).filter(bool),
                       min_size=1, max_size=3, unique=True)
              .map(lambda values: tuple(" ".join(value.split()) for value in values))
              .filter(lambda values: len(set(values)) == len(values)),
              st.booleans()),
    st.builds(Filter, st.just("orientation"), st.just(("portrait", "square")), st.booleans()),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.lists(TERMS, max_size=5),
    st.lists(FILTER, max_size=4, unique_by=lambda one: (one.name, one.excluded)),
)
def test_a_query_that_was_made_is_written_and_read(terms, filters):
    query = Query(tuple(terms), tuple(filters))
    if not terms and not filters:
        assert to_text(query) == ""
        return
    assert parse(to_text(query)) == query
    assert from_params(QueryDict(urlencode(to_params(query)))) == query
    assert "".join(to_params(query)) == "q"


HARD = [
    "-" * 4000, '"' * 4000, "a:" * 2000, "," * 4000, "\\" * 4000, "no " * 170, "without a " * 50,
    "没有" * 250, "除了" * 250, "1" * 4000, "2019 to " * 60, "a" * 60 + " " + "an " * 150,
    "near:" + "1," * 2000, "album:" + '"a",' * 1000, "photo:" + "0" * 4000, "sin " * 128,
    "last " * 100, "\u0301" * 4000, "size:" + "9" * 4000, "aspect:" + "1" * 4000 + ":1",
    "date:" + "." * 4000, "( " * 200, "no a, " * 80, "and or " * 70, "d'" * 250, "not not " * 60,
]  # fmt: skip


@pytest.mark.parametrize("typed", HARD, ids=lambda typed: typed[:12].encode().hex())
@pytest.mark.parametrize("times", [1, 25])
def test_nothing_takes_long(typed, times):
    taken = []
    for _ in range(2):
        started = time.process_time()
        assert refusal(typed * times) in CODES
        taken.append(time.process_time() - started)
    assert min(taken) < 0.1
