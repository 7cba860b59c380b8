"""Whose picture is read next, and what is remembered of those that cannot be read."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from contextlib import contextmanager
from functools import partial

import pytest
from hypothesis import given, strategies as st

from gallery import failed_reads
from gallery.decoding import DecodeError
from gallery.failed_reads import FailedReads
from gallery.turns import AT_ONCE, HEADERS_AT_ONCE, WAITING, NoTurn, Turns
from tests.waiting import wait_until


class Caller(threading.Thread):
    """Somebody who asks for a turn, and keeps it until `done` is set."""

    def __init__(self, turns, asker, *, is_quick=False):
        super().__init__(daemon=True)
        self.turns, self.asker, self.is_quick = turns, asker, is_quick
        self.began, self.done, self.answered = (threading.Event() for _ in range(3))
        self.busy = False
        self.start()

    def run(self):
        try:
            with self.turns.turn(self.asker, is_quick=self.is_quick):
                self.began.set()
                self.done.wait(60)
        except NoTurn:
            self.busy = True
        self.answered.set()


@contextmanager
def calls(turns, *askers, is_quick=False):
    """Callers that came one after the other."""
    callers = []
    for asker in askers:
        before = turns._waiting_tickets()
        callers.append(Caller(turns, asker, is_quick=is_quick))
        wait_until(partial(has_come, turns, callers[-1], before))
    yield callers
    for caller in callers:
        caller.done.set()
    for caller in callers:
        caller.join(60)


def has_come(turns, caller, before):
    """Tell whether a caller has a turn, waits for one, or was sent away."""
    is_told = caller.began.is_set() or caller.answered.is_set()
    return is_told or bool(set(turns._waiting_tickets()) - set(before))


def at_work(callers):
    working = (one for one in callers if one.began.is_set() and not one.done.is_set())
    return [one.asker for one in working]


def test_one_person_has_only_a_few_pictures_read_at_once():
    with calls(Turns(2), *["ada"] * 14) as callers:
        assert at_work(callers) == ["ada"] * 2
        assert sum(caller.busy for caller in callers) == 14 - AT_ONCE


def test_programs_may_send_several_files_at_once():
    with calls(Turns(1), *["ada"] * 9, is_quick=True) as callers:
        assert sum(not caller.busy for caller in callers) == min(HEADERS_AT_ONCE, 1 + WAITING)


@pytest.mark.parametrize("number", [2, 14])
def test_another_person_gets_a_turn_at_once(number):
    with calls(Turns(2), *["ada"] * number, "bob") as callers:
        assert at_work(callers) == ["ada", "ada", "bob"]


def test_a_header_is_read_at_once_beside_pictures():
    turns = Turns(2)
    with calls(turns, "ada", "ada"), calls(turns, "ada", is_quick=True) as (probe,):
        assert probe.began.wait(60)


def test_the_next_turn_is_of_who_has_the_fewest():
    with calls(Turns(1), "ada", "bob", "ada", "ada", "bob", "cleo") as callers:
        callers[1].done.set()
        callers[0].done.set()
        wait_until(lambda: callers[5].began.is_set() or callers[4].began.is_set())


def test_a_full_line_makes_room_for_a_newcomer():
    """Nobody who has a turn loses it, and who has the most waits in vain."""
    turns = Turns(1, waiting=3)
    with calls(turns, "ada", "ada", "ada", "bob", "cleo") as callers:
        assert callers[2].answered.wait(60)
        assert [caller.busy for caller in callers] == [False, False, True, False, False]
        with calls(turns, "bob") as (late,):
            assert late.busy


def test_who_waits_in_vain_is_told_soon():
    turns = Turns(1, seconds=0.2)
    with calls(turns, "ada"), calls(turns, "ada") as (second,):
        assert second.answered.wait(60)
        assert second.busy


@pytest.mark.slow
@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.integers(0, 9)), max_size=14),
)
def test_in_any_order_of_events(size, events):
    """Nobody exceeds what they may have, turns are used, and all is free in the end."""
    turns = Turns(size, seconds=5)
    callers: list[Caller] = []
    for asker, is_quick, ends in events:
        callers.append(Caller(turns, asker, is_quick=is_quick))
        time.sleep(0.002)
        working = [one for one in callers if one.began.is_set() and not one.done.is_set()]
        assert len(working) <= size + 1
        assert len(turns._tickets) <= size + WAITING + 1
        assert all(n <= HEADERS_AT_ONCE for n in Counter(at_work(callers)).values())
        if working and ends < 5:
            working[ends % len(working)].done.set()
    for caller in callers:
        caller.done.set()
    for caller in callers:
        caller.join(60)
        assert caller.answered.is_set()
    assert turns._tickets == []


# --- failures -------------------------------------------------------------------------------------


@pytest.fixture
def failed():
    return FailedReads()


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(b"bytes")
    return path


def attempts(failed, path, reason, number=3, kind="preview"):
    """Return how often a picture was read that fails for a reason, of so many times."""
    read = 0

    def fail():
        nonlocal read
        with failed.remembered(kind, path):
            read += 1
            raise DecodeError(reason, "why")

    for _ in range(number):
        with pytest.raises(DecodeError) as caught:
            fail()
        assert (caught.value.reason, caught.value.detail) == (reason, "why")
    return read


@pytest.mark.parametrize("reason", ["corrupt", "incomplete", "decode_timeout", "decoder_crashed"])
def test_a_picture_that_failed_is_not_read_again(failed, picture, reason):
    assert attempts(failed, picture, reason) == 1
    assert attempts(failed, picture, reason, kind="part") == 1, "something else may work"


def test_a_file_that_is_missing_is_looked_for_again(failed, tmp_path):
    assert attempts(failed, tmp_path / "none", "missing_original") == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b"other bytes"),
        lambda path: os.utime(path, ns=(1, 1)),
        lambda path: (path.unlink(), path.write_bytes(b"bytes")),
    ],
)
def test_a_file_that_was_changed_is_read_again(failed, picture, change):
    attempts(failed, picture, "corrupt")
    change(picture)
    assert attempts(failed, picture, "corrupt") == 1


def test_what_may_pass_is_tried_again_after_a_while(failed, picture, monkeypatch):
    clock = type("Clock", (), {"now": 0.0, "monotonic": lambda self: self.now})()
    monkeypatch.setattr(failed_reads, "time", clock)
    attempts(failed, picture, "decode_timeout")
    clock.now = failed_reads.TRY_AGAIN_SECONDS + 1
    assert attempts(failed, picture, "decode_timeout") == 1
    assert attempts(failed, picture, "corrupt", kind="part") == 1
    clock.now = 1e9
    assert attempts(failed, picture, "corrupt", kind="part") == 0


def test_memory_is_bounded(failed, tmp_path, monkeypatch):
    monkeypatch.setattr(failed_reads, "KEPT", 3)
    for number in range(9):
        path = tmp_path / str(number)
        path.write_bytes(b"x")
        attempts(failed, path, "corrupt")
    assert len(failed._failures) == 3
