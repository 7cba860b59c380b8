"""Old backups go, and nothing that one of the others needs."""

from __future__ import annotations

import json
import os
import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from gallery import files
from gallery.backup import file_list, guards, manifest, retention
from gallery.backup.back_up import Options, back_up
from gallery.backup.file_list import Entry, address
from gallery.backup.manifest import RETIRED, folder_of
from gallery.backup.verify import verify
from gallery.models import Photo
from tests.workers.conftest import add_photo

LONG_AGO = time.time() - 100 * 24 * 3600


def names(days: list[int], start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> list[str]:
    return [(start + timedelta(days=day)).strftime("%Y-%m-%dT03-00-00-000000Z") for day in days]


def test_daily_backups_of_two_years_leave_some_of_each_age():
    kept = sorted(retention.to_keep(names(list(range(730)))))
    assert kept[-7:] == names(list(range(723, 730)))
    months = {name[:7] for name in kept}
    assert len(months) == 12
    assert len(kept) <= 7 + 4 + 12


@pytest.mark.parametrize("seed", range(20))
def test_thinning_out_daily_is_the_same_as_thinning_out_late(seed):
    """Whatever the days, what stays always has the newest ones, and few of them."""
    chance = random.Random(seed)
    kept: list[str] = []
    made = names(sorted(chance.sample(range(1000), chance.randrange(1, 300))))
    for name in made:
        kept = sorted(retention.to_keep([*kept, name]))
        assert name in kept
    assert set(made[-7:]) <= set(kept)
    assert set(kept) == retention.to_keep(made)


def test_a_clock_that_jumps_lets_the_newest_stay():
    jumped = names([0, 1, 2, 4000])
    assert retention.to_keep(jumped) == set(jumped)


def test_files_are_compared_in_order_with_a_few_that_come_last():
    chance = random.Random(5)
    for _ in range(200):
        there = sorted({f"{chance.randrange(40):02d}" for _ in range(chance.randrange(40))})
        needed = sorted(chance.sample(there, len(there) // 2))
        last = sorted(chance.sample(there, len(there) // 4))
        stored = [retention.Stored(name, 1, LONG_AGO) for name in there]
        unneeded, total = retention._difference(iter(stored), iter([*needed, *last]))
        assert unneeded == sorted(set(there) - set(needed) - set(last))
        assert total == len(there)


# --- over a real target ---------------------------------------------------------------------------

over_rows = pytest.mark.django_db(transaction=True)


def make_old(target) -> None:
    for path in target.root.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))


def retire(target, generation: str, days: int) -> None:
    when = datetime.now(UTC) - timedelta(days=days)
    with target.create(f"{folder_of(generation)}/{RETIRED}") as file:
        file.write(json.dumps({"retired_at": when.isoformat()}).encode())


@over_rows
def test_a_file_goes_some_days_after_the_last_backup_that_needs_it(photos, target):
    first = back_up(target).generation
    gone = photos[0]
    files.remove_files(gone)
    Photo.objects.filter(pk=gone.pk).delete()
    back_up(target)
    make_old(target)
    assert retention.thin_out(target).files == 0
    retire(target, first, days=6)
    assert retention.thin_out(target).files == 0
    assert verify(target).generations == 2
    retire(target, first, days=8)
    removed = retention.thin_out(target)
    assert (removed.generations, removed.files) == (1, 2)  # The photo, and its video.
    assert target.size(address(gone.sha256)) is None
    assert not (target.root / folder_of(first)).exists()
    assert verify(target).sentences == []


@over_rows
def test_more_backups_than_stay_are_retired(photos, target):
    for _ in range(9):
        back_up(target)
    assert len(manifest.generations(target)) == 7
    assert len(manifest.generations(target, retired=True)) == 9


@over_rows
def test_new_files_without_a_backup_stay(photos, target):
    """A backup that was killed has copied them; the next one needs them."""
    back_up(target)
    with target.create(address("ab" * 32)) as file:
        file.write(b"copied")
    assert retention.thin_out(target).files == 0
    make_old(target)
    assert retention.thin_out(target).files == 1


@over_rows
def test_many_files_at_once_stay_unless_that_is_meant(ada, model, target):
    for _ in range(guards.MASS_AT_LEAST + 1):
        add_photo(ada)
    first = back_up(target).generation
    Photo.objects.all().delete()
    add_photo(ada)
    back_up(target, Options(force=True))
    make_old(target)
    retire(target, first, days=8)
    removed = retention.thin_out(target)
    assert removed.files == 0
    assert "--force" in removed.refused
    assert retention.thin_out(target, force=True).files == guards.MASS_AT_LEAST + 1


@over_rows
def test_nothing_goes_while_a_list_cannot_be_read(photos, target):
    first = back_up(target).generation
    with target.create(address("ab" * 32)) as file:
        file.write(b"stray")
    make_old(target)
    path = target.root / folder_of(first) / manifest.FILE_LIST
    path.write_bytes(path.read_bytes()[:-9])
    removed = retention.thin_out(target)
    assert removed.files == 0
    assert "damaged" in removed.refused


@over_rows
def test_leftovers_of_killed_backups_go(photos, target):
    back_up(target)
    for name in (f"{manifest.GENERATIONS}/2020-01-01T00-00-00-000000Z/database/a", "unfinished/b"):
        path = target.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"cut short")
        os.utime(path, (LONG_AGO, LONG_AGO))
    back_up(target)
    assert len(target.folders(manifest.GENERATIONS)) == 2
    assert target.files("unfinished") == []


def test_an_entry_has_the_content_that_was_found():
    changed = Entry("a" * 64, 5, "originals/x", "1", outcome="changed", found="b" * 64)
    kept = Entry("c" * 64, 5, "originals/y", "1")
    lists = [iter([changed, kept]), iter([kept])]
    assert list(file_list.contents(lists)) == [("c" * 64, 5), ("b" * 64, None)]
