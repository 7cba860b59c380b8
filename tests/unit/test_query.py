"""Checking what people type."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from search.engine.cursor import Cursor, read_cursor
from search.language import QueryError
from search.language.scanner import normalize_text


def test_blanks_are_folded_and_text_is_composed():
    assert normalize_text("  cafe\u0301 \t\n by   night ") == "caf\u00e9 by night"


@pytest.mark.parametrize("text", ["x" * 64, "x " * 255, "海" * 512, "ภาพ" * 100])
def test_texts_within_the_limits_pass(text):
    assert normalize_text(text)


def understood(text: str) -> tuple[str, QueryError | None]:
    try:
        return normalize_text(text), None
    except QueryError as error:
        return "", error


@given(st.text(max_size=700))
def test_any_text_is_understood_or_refused_with_a_code(text):
    query, refusal = understood(text)
    if refusal is None:
        assert 0 < len(query) <= 512
        assert normalize_text(query) == query
    else:
        assert refusal.code in {"query_empty", "query_too_long", "word_too_long", "bad_characters"}
        assert refusal.message


def test_absurd_texts_are_refused_quickly():
    text = "x" * 5_000_000
    started = time.thread_time()
    with pytest.raises(QueryError):
        normalize_text(text)
    assert time.thread_time() - started < 0.05


@pytest.mark.parametrize(
    "cursor",
    ["-1", "1.5", "x", "²", "1" * 8, " 1", ".", "0123456789abcdef", f".1.{'g' * 32}", "٣",
     f"0123456789abcdeg.1.{'0' * 32}", f".1.{'0' * 32}.{'9' * 18}", f".1.{'0' * 32}.{'9' * 19}"],
)  # fmt: skip
def test_made_up_cursors_are_refused(cursor):
    with pytest.raises(QueryError):
        read_cursor(cursor)


@given(
    st.integers(0, 9_999_999),
    st.sampled_from(["", "0123456789abcdef"]),
    st.none() | st.uuids(),
    st.none() | st.datetimes(datetime(80, 1, 1), datetime(9860, 1, 1), timezones=st.just(UTC)),
)
def test_cursors_read_back(position, key, last, moment):
    cursor = Cursor(position, key, last, moment if last else None)
    assert read_cursor(str(cursor)) == cursor


def test_a_position_alone_is_a_cursor():
    assert read_cursor("") == Cursor()
    assert read_cursor("60") == Cursor(60)
