"""The log as text: nobody outside can make up a line of it, or a command to a terminal."""

from __future__ import annotations

import io
import logging
import logging.config
import time

import pytest
from hypothesis import given, strategies as st

from gallery.logs.console import console
from gallery.logs.text_lines import TextLines

WICKED = "\n\r\x0b\x0c\x1b[2J\x1c\x1d\x1e\x7f\x85\x9b\u2028\u2029\u202e\u2066\ufeff"


def written(text: str, *, raised: bool) -> str:
    """Return what is written to the log of an error whose message, or exception, is `text`."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines())
    try:
        raise ValueError(text)
    except ValueError as error:
        exception = (type(error), error, error.__traceback__) if raised else None
    record = logging.LogRecord("name", logging.ERROR, "", 0, "Not found: %s", (text,), exception)
    handler.handle(record)
    return stream.getvalue()


@given(st.text(alphabet=st.one_of(st.sampled_from(WICKED), st.characters(codec="utf-8"))))
def test_what_strangers_wrote_is_one_line(text):
    line = written(text, raised=False)
    assert len(line.splitlines()) == 1
    assert not set(WICKED) - set("[2J") & set(line[:-1])


@given(st.text(alphabet=st.sampled_from(WICKED + "2026 ERROR")))
def test_the_lines_of_a_traceback_are_no_lines_of_the_log(text):
    first, *others = written(text, raised=True).splitlines()
    assert " ERROR name: " in first
    assert others
    assert all(line.startswith("    ") for line in others)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_both_formats_are_known(log_format):
    made = logging.config.DictConfigurator(console(log_format))
    made.configure_formatter(console(log_format)["formatters"][log_format])


@pytest.mark.parametrize(
    ("zone", "told"), [("UTC", "22:13:20.250+00:00"), ("CET-1", "23:13:20.250+01:00")]
)
def test_times_say_how_far_from_utc_they_are(monkeypatch, zone, told):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    record = logging.LogRecord("name", logging.ERROR, "", 0, "x", (), None)
    record.created = 1_700_000_000.25
    line = TextLines().format(record)
    monkeypatch.undo()
    time.tzset()
    assert line == f"2023-11-14 {told} ERROR name: x"


def test_plain_words_stay_as_they_are():
    assert written("Straße 東京 \\n", raised=False).endswith(
        "ERROR name: Not found: Straße 東京 \\n\n"
    )
