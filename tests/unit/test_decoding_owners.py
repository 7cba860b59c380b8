"""Whom a decoder child serves: one owner, and nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from gallery.decoding import DecodeError, PoolBusy, children
from gallery.decoding.answers import LAYERS
from gallery.decoding.pool import _KEPT_MORE, in_order
from gallery.turns import AT_ONCE, Turns
from tests import images
from tests.log_lines import of_this_thread
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def served_by(pool, path, owner):
    """Return the process that read a file of this owner."""
    pool.probe(path, owner=owner)
    return pool._children._idle[-1].pid


def test_a_child_serves_one_owner_only(make_pool, good):
    pool = make_pool(size=2)
    owners = [1, 2, 1, 3, 2, 4, 5, 1, "nobody", 3, 6, 7, 2, 8]
    served = [(served_by(pool, good, owner), owner) for owner in owners]
    by_child = dict(served)
    assert all(by_child[pid] == owner for pid, owner in served)


def test_a_child_that_knew_somebody_ends_before_another_takes_its_place(make_pool, good):
    pool = make_pool(size=1)
    for owner in range(8):
        pool.decode(good, owner=owner)
        working = [child for child in pool._children.all() if child.owner is not None]
        assert len(working) <= 1 + _KEPT_MORE
    assert [child.owner for child in pool._children._idle] == [3, 4, 5, 6, 7]


def test_children_of_a_few_people_are_kept(make_pool, good):
    pool = make_pool(size=1)
    before = [served_by(pool, good, owner) for owner in ("ada", "bob", "cleo")]
    for _ in range(3):
        assert [served_by(pool, good, owner) for owner in ("ada", "bob", "cleo")] == before


def test_the_next_child_is_ready_when_people_take_turns(make_pool, good):
    pool = make_pool(size=1)
    pool.probe(good, owner="ada")
    assert len(pool.children()) == 1
    pool.probe(good, owner="bob")
    wait_until(lambda: len(pool.children()) == 3)
    (spare,) = set(pool.children()) - {child.pid for child in pool._children._idle}
    assert served_by(pool, good, "cleo") == spare


def test_one_owner_has_no_more_children_than_can_work_at_once(make_pool, good):
    pool = make_pool(size=2, turns=partial(in_order, waiting=100))
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda _: pool.probe(good, owner=7), range(40)))
    assert len(pool.children()) <= 2


def test_many_people_at_once_get_their_own_children(make_pool, good):
    pool = make_pool(size=2, turns=partial(in_order, waiting=100))
    seen = {}

    def read(number):
        owner = number % 6
        pool.decode(good, owner=owner)
        for child in pool._children.all():
            assert child.owner in {None, seen.setdefault(child.pid, child.owner) or child.owner}

    with ThreadPoolExecutor(6) as executor:
        list(executor.map(read, range(60)))
    assert len(pool.children()) <= 2 + _KEPT_MORE + 1


def test_libraries_that_few_pictures_need_are_loaded_for_those(make_pool, tmp_path, good):
    pool = make_pool()
    heic = images.write(tmp_path, "a.heic", images.heic(images.gradient()))
    assert pool.probe(good).format == "JPEG"
    plain = pool.children()
    assert pool.decode(heic).format == "HEIF"
    (child,) = (child for child in pool._children._idle if child.pid not in plain)
    assert child.libraries == {"heif"}
    assert pool.decode(good).format == "JPEG"
    assert served_by(pool, heic, "ada") not in plain


def test_an_idle_child_that_burns_cpu_is_ended(make_pool, tmp_path, good):
    pool = make_pool()
    later = images.write(tmp_path, "later.jpg", images.faulty("any", "spin-later"))
    with pytest.raises(DecodeError):
        pool.probe(later, owner="mallory")
    (restless,) = pool._children._idle
    wait_until(lambda: not restless.rests())
    pool.probe(good, owner="ada")
    assert {child.owner for child in pool._children._idle} == {"ada"}
    assert not restless.is_alive()


def test_people_take_turns_at_the_children(make_pool, tmp_path, good):
    """One who has too many pictures read is told so at once, and the next person has a child."""
    pool = make_pool(turns=Turns, wall_seconds=4)
    slow = images.write(tmp_path, "slow.jpg", images.faulty("any", "hang"))

    def read(path, asker):
        return pool.read("decode", path, asker, lambda header, _: header["width"], asker=asker)

    with ThreadPoolExecutor(AT_ONCE) as executor:
        reads = [executor.submit(read, slow, "ada") for _ in range(AT_ONCE)]
        wait_until(lambda: len(pool._turns._tickets) == AT_ONCE)
        with pytest.raises(PoolBusy, match="of the same asker"):
            read(good, "ada")
        assert read(good, "bob") == 64
        assert not any(one.done() for one in reads)


def test_too_many_open_files_are_not_the_fault_of_a_picture(make_pool, good, monkeypatch):
    pool = make_pool()
    pool.probe(good)

    def refuse(*_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("gallery.decoding.pool.os.open", refuse)
    with pytest.raises(PoolBusy):
        pool.probe(good)


def test_missing_layers_are_said_once_in_the_log(make_pool, good, monkeypatch, caplog):
    monkeypatch.setattr("gallery.decoding.children._known_layers", None)
    for layers in ((), ("seccomp",)):
        children._note(layers)
    assert [record.message for record in of_this_thread(caplog)] == [
        "decoder children run without " + ", ".join(LAYERS)
    ]
    assert children.known_layers() == ("seccomp",)
    make_pool(layers=()).probe(good)
    assert children.known_layers() == ("seccomp",)
    make_pool().probe(good)
    assert len(children.known_layers()) > 1
