"""The words for work: its state, what is left of it, how fast it goes, and what a retry is for."""

from __future__ import annotations

import pytest

from gallery.models import WorkKind
from gallery.reasons import LASTING, Reason
from gallery.templatetags.numbers import megapixels, rate, share
from gallery.work.figures import Work
from workers import activity


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"waiting": 3, "is_working": True}, "working"),
        ({"waiting": 3}, "waiting"),
        ({"waiting": 0}, "idle"),
        ({"waiting": 0, "is_working": True}, "idle"),
        ({"waiting": None}, "idle"),
        ({"waiting": None, "is_working": True}, "working"),
        ({"waiting": 3, "is_working": True, "is_paused": True}, "paused"),
    ],
)
def test_the_state_of_work(told, state):
    assert Work(WorkKind.EMBED, **told).state == state


def test_nobody_promises_a_time_that_is_not_known():
    known = Work(WorkKind.EMBED, 30, is_working=True, rate=1.5)
    assert known.seconds_left == 20
    assert Work(WorkKind.EMBED, 30, is_working=True).seconds_left is None, "no rate yet"
    assert Work(WorkKind.EMBED, 30, rate=1.5).seconds_left is None, "nobody works"
    paused = Work(WorkKind.EMBED, 30, is_working=True, rate=1.5, is_paused=True)
    assert paused.seconds_left is None
    assert Work(WorkKind.BACKUP, None, is_working=True, rate=1.5).seconds_left is None


def test_what_is_wrong_with_the_file_itself_lasts():
    machine = {Reason.DECODE_TIMEOUT, Reason.DECODE_OOM, Reason.DECODER_CRASHED, Reason.GPU_OOM}
    machine |= {Reason.MISSING_ORIGINAL, Reason.WORKER_CRASHED, Reason.INDEX_REJECTED}
    assert all(reason.may_pass for reason in machine)
    assert {Reason.UNSUPPORTED_TYPE, Reason.CORRUPT, Reason.EMPTY} <= LASTING
    assert not any(reason.may_pass for reason in LASTING)


@pytest.mark.parametrize(
    ("value", "words"),
    [(12.4, "12 per second"), (1.24, "1.2 per second"), (0.2, "12 per minute"), (0.001, "1 per m")],
)
def test_a_rate_in_words(value, words):
    assert rate(value).startswith(words)


def test_only_what_is_whole_is_a_hundred_per_cent():
    assert share(1.0) == "100 %"
    assert share(0.9999) == "99.9 %"
    assert share(0.9875) == "98.7 %"
    assert share(0.9949999999999999) == "99.5 %"


def test_a_process_says_what_it_is_at_and_how_fast(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(activity, "monotonic", lambda: clock[0])
    activity.forget()
    with activity.at(WorkKind.COMPARE):
        for _ in range(3):
            activity.count(WorkKind.COMPARE, 10)
            clock[0] += 2.0
        assert activity.report() == {"compare": (True, pytest.approx(20 / 6, abs=0.01))}
    clock[0] += activity.WINDOW_SECONDS
    assert activity.report() == {}


@pytest.mark.parametrize(
    ("pixels", "words"),
    [(12_192_768, "12.2 MP"), (1000 * 100, "0.1 MP"), (160 * 170, ""), (1, "")],
)
def test_a_picture_has_megapixels_or_none_are_named(pixels, words):
    assert megapixels(pixels) == words
