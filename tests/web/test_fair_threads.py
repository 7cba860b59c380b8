"""Which client's request gets a thread next."""

from __future__ import annotations

import random
import threading
import time
from contextlib import ExitStack

import pytest

from gallery.web_server import server as servers
from gallery.web_server.fair_threads import FairThreads, asker_of
from tests.waiting import wait_until
from tests.web.test_web_server_hostile import address, answers, application, connected

__all__ = ["address", "application"]


class Work:
    """A task that lasts until its door opens, and notes the order of beginnings."""

    def __init__(self, name, begun):
        self.name, self.begun, self.door = name, begun, threading.Event()

    def service(self):
        self.begun.append(self)
        self.door.wait(60)

    def cancel(self):
        pass


@pytest.fixture
def threads():
    pool = FairThreads()
    pool.set_thread_count(4)
    yield pool
    pool.shutdown()


def names(begun, count):
    """Return whose work has begun, once it is so many and any more would have begun, too."""
    wait_until(lambda: len(begun) >= count)
    time.sleep(0.05)
    return [work.name for work in begun]


def test_one_client_never_has_all_threads(threads):
    begun = []
    works = [Work("ada", begun) for _ in range(10)]
    for work in works:
        threads.add(work, "ada")
    assert names(begun, 2) == ["ada"] * 2
    other = Work("bob", begun)
    threads.add(other, "bob")
    assert names(begun, 3)[-1] == "bob"
    for work in [*works, other]:
        work.door.set()
    assert len(names(begun, 11)) == 11


def test_the_next_thread_is_for_who_has_the_fewest(threads):
    begun = []
    works = [Work(name, begun) for name in ["ada"] * 6 + ["bob"] * 3]
    for work in works:
        threads.add(work, work.name)
    assert sorted(names(begun, 4)) == ["ada", "ada", "bob", "bob"]
    works[6].door.set()
    assert names(begun, 5)[-1] == "bob"
    for work in works:
        work.door.set()
    assert len(names(begun, 9)) == 9


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_forgotten(threads, seed):
    dice, begun = random.Random(seed), []
    works = [Work(dice.choice("abcde"), begun) for _ in range(40)]
    for work in works:
        threads.add(work, work.name)
        if dice.random() < 0.5:
            dice.choice(works).door.set()
    for work in works:
        work.door.set()
    wait_until(lambda: len(begun) == len(works))
    assert set(begun) == set(works)
    wait_until(lambda: not threads.queue._running)  # Everybody's turns ended.


def test_a_thread_outlives_a_task_that_fails(threads):
    class Fails(Work):
        def service(self):
            super().service()
            raise ValueError

    begun = []
    for _ in range(8):
        work = Fails("ada", begun)
        work.door.set()
        threads.add(work, "ada")
    assert len(names(begun, 8)) == 8
    wait_until(lambda: not threads.queue._running)


def test_a_client_is_told_by_address_and_credential(settings):
    ada = {"COOKIE": "scry_session=a"}
    assert asker_of("192.0.2.1", ada) != asker_of("192.0.2.1", {"COOKIE": "scry_session=b"})
    assert asker_of("192.0.2.1", ada) == asker_of("192.0.2.1", {**ada, "X_FORWARDED_FOR": "x"})
    settings.PROXY_COUNT = 1
    assert asker_of("192.0.2.1", ada) != asker_of("192.0.2.1", {**ada, "X_FORWARDED_FOR": "x"})


@pytest.fixture
def four_threads(monkeypatch):
    class Four(servers.Server):
        def __init__(self, application, listening, _threads):
            super().__init__(application, listening, 4)

    monkeypatch.setattr("tests.web.test_web_server_hostile.Server", Four)


def test_somebody_else_is_answered_beside_a_client_that_keeps_what_it_can(
    four_threads, address, application
):
    with ExitStack() as opened:
        for _ in range(6):
            opened.enter_context(connected(address, b"GET /blocked HTTP/1.1\r\n\r\n"))
        wait_until(lambda: len(application.bodies) == 2)
        assert not answers(address, seconds=0.5)
        assert answers(address, b"GET /page HTTP/1.1\r\nAuthorization: Bearer other\r\n\r\n")
        assert answers(address, source="127.0.0.2")
