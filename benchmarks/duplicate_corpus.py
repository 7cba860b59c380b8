"""The pictures that duplicates are measured on, and which are duplicates of which."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from benchmarks import bursts
from benchmarks.transforms import TRANSFORMS, opened

FRAMES = 4
"""Frames of a burst."""

COPIES = 8
"""Changed copies of a photo, as many as people may have; the changes rotate."""

FIRST_BURST = datetime(2024, 5, 1, 9)

Relation = Literal["original", "copies", "burst", "scene", "unclear", "different"]
"""A changed copy and its original, two changed copies of one photo, two frames of one burst, two
photos of one scene as a person labelled them, a pair that people may see one way or the other,
or photos of different things."""


@dataclass(frozen=True)
class Item:
    """A file: which photo it shows, what was done to it ("" for nothing), and which burst it is in.

    `timed` says that EXIF holds when it was taken.
    """

    name: str
    picture: str
    change: str = ""
    burst: str = ""
    timed: bool = False


class Corpus:
    """The files in `folder` and how their pairs are related. No two names have the same stem."""

    def __init__(self, folder: Path, items: Iterable[Item]) -> None:
        self.folder = folder
        self.items = {item.name: item for item in items}
        self._labels: dict[frozenset[str], Relation] = {}

    def label(self, labels: Iterable[tuple[str, str, str]]) -> None:
        """Add what a person said of pairs: "similar" is one scene, "different" is not."""
        known: dict[str, Relation] = {"similar": "scene", "different": "different"}
        for first, second, label in labels:
            self._labels[frozenset((first, second))] = known.get(label, "unclear")

    def relation(self, first: str, second: str) -> Relation:
        """Return how the files of these names are related."""
        a, b = self.items[first], self.items[second]
        if a.burst and a.burst == b.burst:
            return "burst"
        if a.picture == b.picture:
            return "copies" if a.change and b.change else "original"
        return self._labels.get(frozenset((a.picture, b.picture)), "different")

    def changed(self) -> list[tuple[Item, Item]]:
        """Return every changed copy with its original."""
        originals = {i.picture: i for i in self.items.values() if not i.change and not i.burst}
        return [(i, originals[i.picture]) for i in self.items.values() if i.change]

    def burst_pairs(self) -> list[tuple[Item, Item]]:
        """Return every two frames of one burst."""
        frames: dict[str, list[Item]] = {}
        for item in self.items.values():
            if item.burst:
                frames.setdefault(item.burst, []).append(item)
        return [(a, b) for members in frames.values() for a, b in pairs(members)]

    def save(self) -> None:
        """Write the list of items beside the folder, for `load`."""
        rows = [asdict(item) for item in self.items.values()]
        self.folder.with_suffix(".json").write_text(json.dumps(rows), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Return what `save` wrote."""
        rows = json.loads(folder.with_suffix(".json").read_text("utf-8"))
        return cls(folder, (Item(**row) for row in rows))


def pairs(items: Sequence[Item]) -> list[tuple[Item, Item]]:
    """Return every two of the items once."""
    return [(a, b) for i, a in enumerate(items) for b in items[i + 1 :]]


def write(
    folder: Path,
    photos: Sequence[Path],
    others: Sequence[Path],
    *,
    base: int,
    burst: int,
    seed: int,
) -> Corpus:
    """Write the corpus: `base` photos with changed copies, `burst` bursts, the rest unchanged.

    `others` are taken unchanged as well; among them, files with equal pixels are one picture.
    """
    folder.mkdir(parents=True)
    mixed = random.Random(seed).sample(photos, len(photos))
    items = []
    for number, path in enumerate(mixed[:base]):
        items += _changes(path, folder, number * COPIES, seed)
    for number, path in enumerate(mixed[base : base + burst]):
        items += _burst(path, folder, number, seed)
    items += _unchanged(mixed[base + burst :], folder)
    items += _unchanged(others, folder)
    corpus = Corpus(folder, items)
    corpus.save()
    return corpus


def _changes(path: Path, folder: Path, first: int, seed: int) -> list[Item]:
    shutil.copyfile(path, folder / path.name)
    items = [Item(path.name, path.name)]
    for turn in range(first, first + COPIES):
        number = turn % len(TRANSFORMS)
        transform, rng = TRANSFORMS[number], random.Random(f"{seed} {path.name} {number}")
        made = transform.write(path, folder, f"{path.stem}~{number:02}", rng)
        items.append(Item(made.name, path.name, transform.name))
    return items


def _burst(path: Path, folder: Path, number: int, seed: int) -> list[Item]:
    """Write a burst; every second one has times, each on a day of its own."""
    start = FIRST_BURST + timedelta(days=number) if number % 2 else None
    made = bursts.write(
        path, folder, f"{path.stem}~burst", frames=FRAMES, start=start, seed=seed + number
    )
    return [Item(p.name, p.name, burst=path.name, timed=start is not None) for p in made]


def _unchanged(paths: Sequence[Path], folder: Path) -> list[Item]:
    items, seen = [], dict[bytes, str]()
    for path in paths:
        image = opened(path)
        digest = hashlib.sha256(f"{image.size}".encode() + image.tobytes()).digest()
        shutil.copyfile(path, folder / path.name)
        picture = seen.setdefault(digest, path.name)
        items.append(Item(path.name, picture, "" if picture == path.name else "same pixels"))
    return items
