"""Thins out old generations, and removes from the store what none of them needs any more.

Generations are counted and not dated, so a clock that jumps removes none. A generation that is to
go is marked first and keeps its files for a while longer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from gallery.backup import file_list, guards, manifest
from gallery.backup.file_list import STORE
from gallery.backup.manifest import MANIFEST, RETIRED, folder_of
from gallery.backup.refused import Damaged
from gallery.backup.targets import Stored, Target

LAST, WEEKS, MONTHS = 7, 4, 12
GRACE = timedelta(days=7)


@dataclass(frozen=True)
class Removed:
    """How many generations were retired and removed, files that went, and why others did not."""

    retired: int = 0
    generations: int = 0
    files: int = 0
    refused: str = ""


def to_keep(generations: Sequence[str]) -> set[str]:
    """Return which generations stay: the last 7, and the last of each of 4 weeks and 12 months."""
    newest_first = sorted(generations, reverse=True)
    kept = set(newest_first[:LAST])
    for pattern, count in (("%G-%V", WEEKS), ("%Y-%m", MONTHS)):
        last_of: dict[str, str] = {}
        for name in newest_first:
            last_of.setdefault(_day(name).strftime(pattern), name)
        kept |= set(list(last_of.values())[:count])
    return kept


def _day(generation: str) -> datetime:
    return datetime.strptime(generation[:10], "%Y-%m-%d")


def thin_out(target: Target, *, force: bool = False) -> Removed:
    """Retire generations, and remove what was retired a while ago. The newest always stays."""
    generations = manifest.generations(target)
    surplus = [name for name in generations if name not in to_keep(generations)]
    for name in surplus:
        _retire(target, name)
    gone = [name for name in _retired(target) if _is_over(target, name)]
    for name in gone:
        _remove(target, name)
    _remove_unfinished(target)
    try:
        files, refused = _remove_files(target, force=force)
    except Damaged as error:
        # What a damaged generation needs is unknown, so everything stays.
        files, refused = 0, f"Nothing was removed from the store: {error}"
    return Removed(len(surplus), len(gone), files, refused)


def _retire(target: Target, generation: str) -> None:
    with target.create(f"{folder_of(generation)}/{RETIRED}") as file:
        file.write(json.dumps({"retired_at": timezone.now().isoformat()}).encode())


def _retired(target: Target) -> list[str]:
    live = set(manifest.generations(target))
    return [name for name in manifest.generations(target, retired=True) if name not in live]


def _is_over(target: Target, generation: str) -> bool:
    try:
        with target.open(f"{folder_of(generation)}/{RETIRED}") as file:
            retired_at = datetime.fromisoformat(json.load(file)["retired_at"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return timezone.now() - retired_at > GRACE


def _remove(target: Target, generation: str) -> None:
    """Remove a generation, its manifest first, so that it never looks whole without being so."""
    folder = folder_of(generation)
    target.remove(f"{folder}/{MANIFEST}")
    for inner in (f"{folder}/database", folder):
        for stored in target.files(inner):
            target.remove(f"{inner}/{stored.name}")


def _remove_unfinished(target: Target) -> None:
    """Remove generations that were never completed, once nobody can be at work on them."""
    complete = set(manifest.generations(target, retired=True))
    for name in target.folders(manifest.GENERATIONS):
        if name in complete:
            continue
        folder = folder_of(name)
        inside = [*target.files(f"{folder}/database"), *target.files(folder)]
        if all(_is_old(stored) for stored in inside):
            _remove(target, name)


def _is_old(stored: Stored) -> bool:
    return time.time() - stored.modified > GRACE.total_seconds()


def _remove_files(target: Target, *, force: bool) -> tuple[int, str]:
    """Remove files that no generation needs; return how many, and why not if they are too many.

    Files that a run has just copied are needed by the generation that it will make.
    """
    lists = [
        file_list.read(target, generation)
        for generation in manifest.generations(target, retired=True)
    ]
    needed = (sha256 for sha256, _size in file_list.contents(lists))
    unneeded, total = _difference(_stored(target), needed)
    if not force and len(unneeded) > max(guards.MASS_AT_LEAST, guards.MASS_FRACTION * total):
        return 0, (
            f"{len(unneeded)} of {total} files in the store are needed by no backup any more. "
            "That is many, so they stay; `manage.py backup --force` removes them."
        )
    for name in unneeded:
        target.remove(file_list.address(name))
    return len(unneeded), ""


def _stored(target: Target) -> Iterator[Stored]:
    for folder in target.folders(STORE):
        yield from target.files(f"{STORE}/{folder}")


def _difference(stored: Iterator[Stored], needed: Iterator[str]) -> tuple[list[str], int]:
    """Return the old files that are not needed, and how many files there are.

    Both come in order, but for a few that were changed and come last.
    """
    rest: set[str] = set()
    ordered = _in_order(needed, rest)
    unneeded, total, wanted = [], 0, next(ordered, None)
    for one in stored:
        total += 1
        while wanted is not None and wanted < one.name:
            wanted = next(ordered, None)
        if wanted != one.name and _is_old(one):
            unneeded.append(one.name)
    rest.update(ordered)
    return [name for name in unneeded if name not in rest], total


def _in_order(names: Iterator[str], rest: set[str]) -> Iterator[str]:
    """Yield the names that are in order, and put the others into `rest`."""
    last = ""
    for name in names:
        if name < last:
            rest.add(name)
        else:
            last = name
            yield name
