"""The photos of a library that have each label of a set, from vectors and answers alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from search.relevance.background import Vector, Vectors
from search.understanding.grounds import Grounds
from search.understanding.labels import cuts, exclusive
from search.understanding.library_vectors import LibraryVectors

TOLD = 24
"""Answers from which on the share of right photos is told. It then differs from the true one by 4
points (`python -m benchmarks.labels`), after 8 answers by 7."""
_AT_ONCE = 16_000_000
"""Scores in memory at once: 64 MB."""

Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Wanted:
    """A label as it is scored: its unit vector (dim,), its parent, and what a person said.

    `answers` has yes or no by the position of the photo in the library.
    """

    id: UUID
    vector: Vector
    parent: UUID | None = None
    answers: Mapping[int, bool] = field(default_factory=dict)
    cut_share: float | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """The photos of a label: their positions (h,), and how probable it is of each, (h,).

    The other numbers are those of `LabelProjection`.
    """

    id: UUID
    places: Places
    scores: Vector
    cut: float | None = None
    likely: float = 0
    strong: float = 0
    precision: float | None = None
    offset: float = 0
    offset_inside: float = 0
    unit: float = 0


# --- any of ---------------------------------------------------------------------------------------


def any_of(library: LibraryVectors, grounds: Grounds, labels: Sequence[Wanted]) -> Iterator[Found]:
    """Yield what is found for each label, parents before their children."""
    passed: dict[UUID, NDArray[np.bool_]] = {}
    ordered = parents_first(labels)
    parents = {label.parent for label in labels}
    at_once = max(1, _AT_ONCE // max(len(library), 1))
    for start in range(0, len(ordered), at_once):
        some = ordered[start : start + at_once]
        scores = library.scores(np.stack([label.vector for label in some]))
        for column, label in enumerate(some):
            own = np.ascontiguousarray(scores[:, column])
            found, has = _judged(own, grounds, label, passed.get(label.parent))  # type: ignore[arg-type]
            if label.id in parents:
                passed[label.id] = has
            yield found


def _judged(
    scores: Vector, grounds: Grounds, label: Wanted, parent: NDArray[np.bool_] | None
) -> tuple[Found, NDArray[np.bool_]]:
    """Return what is found for one label with the scores (n,), and which photos have it, (n,)."""
    asked = list(label.answers)
    yes = np.array([label.answers[place] for place in asked], bool)
    default = cuts.default_cut(grounds, label.vector)
    curve = cuts.fit(grounds.unit, default, scores[asked].tolist(), yes.tolist())
    probable = curve.probabilities(scores)
    cut = _cut(scores, probable, default, label)
    has = scores >= cut
    sure = len(asked) >= TOLD and has.any()
    precision = float(probable[has].mean()) if sure else None
    if parent is not None:
        has &= parent
    # A person's word counts whatever the score, and whatever the parent.
    has[asked], probable[asked] = yes, yes
    places = np.flatnonzero(has)
    found = Found(
        label.id,
        places,
        probable[places].astype(np.float32),
        cut=cut,
        likely=curve.score_of(cuts.LIKELY),
        strong=curve.score_of(cuts.STRONG),
        precision=precision,
        unit=grounds.unit,
    )
    return found, has


def _cut(scores: Vector, probable: NDArray[np.float64], default: float, label: Wanted) -> float:
    if label.cut_share is not None:
        return cut_at(scores, round(label.cut_share * len(scores)))
    if label.answers and len(scores):
        return cuts.best_cut(probable, scores)
    return default


def cut_at(scores: Vector, count: int) -> float:
    """Return the score that `count` photos reach, of all with the scores (n,)."""
    if not len(scores):
        return 0.0
    if count <= 0:
        return float(np.nextafter(scores.max(), np.float32(np.inf)))
    at = len(scores) - min(count, len(scores))
    return float(np.partition(scores, at)[at])


# --- one of ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Group:
    """Labels that exclude each other: the children of one label, and that label itself.

    A photo that has the parent may have none of its children. `rows` are the labels' vectors,
    (k, dim), `ids` names them, with the parent last if there is one.
    """

    parent: UUID | None
    ids: tuple[UUID, ...]
    rows: Vectors

    def stays(self, at: int) -> bool:
        """Tell whether a photo with the label at this place stays with the parent."""
        return self.ids[at] == self.parent


def groups(labels: Sequence[Wanted]) -> list[Group]:
    """Return the groups of a set, that of the outermost labels first."""
    ordered = parents_first(labels)
    by_id = {label.id: label for label in labels}
    parents: dict[UUID | None, list[Wanted]] = {}
    for label in ordered:
        parents.setdefault(label.parent, []).append(label)
    made = []
    for parent, children in parents.items():
        members = [*children, *([by_id[parent]] if parent is not None else [])]
        ids = tuple(label.id for label in members)
        made.append(Group(parent, ids, np.stack([label.vector for label in members])))
    return made


def one_of(library: LibraryVectors, unit: float, labels: Sequence[Wanted]) -> Iterator[Found]:
    """Yield what is found for each label; a photo has one label, and those above it."""
    told = _Told.of(labels, len(library))
    # Of each photo: how probable its label is, and which photos reached each group.
    probable = np.ones(len(library), np.float32)
    reached: dict[UUID | None, Places] = {None: np.arange(len(library))}
    found: dict[UUID, Found] = {}
    for group in groups(labels):
        places = reached.get(group.parent, np.empty(0, np.intp))
        chooser = _chooser(library, places, group, unit)
        chosen, share = _chosen(library, places, group, chooser, told)
        probable[places] *= share
        for at, label_id in enumerate(group.ids):
            own = places[chosen == at]
            offset = float(chooser.offsets[at])
            if group.stays(at):
                found[label_id] = replace(found[label_id], offset_inside=offset)
                continue
            reached[label_id] = own
            found[label_id] = Found(label_id, own, probable[own], offset=offset, unit=unit)
    yield from found.values()


def _chooser(
    library: LibraryVectors, places: Places, group: Group, unit: float
) -> exclusive.Choice:
    best = np.empty((0, len(group.ids)), np.float32)
    every = max(1, len(places) // exclusive.SAMPLE)
    samples = []
    for start, scores in _scored(library, places, group.rows):
        best = exclusive.largest(np.concatenate([best, scores]), exclusive.BEST)
        samples.append(scores[-start % every :: every])
    sample = np.concatenate(samples) if samples else best
    return exclusive.choice_of(best, sample, unit)


def _chosen(
    library: LibraryVectors, places: Places, group: Group, chooser: exclusive.Choice, told: _Told
) -> tuple[Places, Vector]:
    """Return which label of the group each photo has, (n,), and how probable it is, (n,)."""
    chosen = np.empty(len(places), np.intp)
    share = np.empty(len(places), np.float32)
    for start, scores in _scored(library, places, group.rows):
        part = slice(start, start + len(scores))
        shares = told.applied(chooser.probabilities(scores), places[part], group)
        chosen[part] = shares.argmax(axis=1)
        share[part] = shares.max(axis=1)
    return chosen, share


def _scored(
    library: LibraryVectors, places: Places, rows: Vectors
) -> Iterator[tuple[int, Vectors]]:
    """Yield the scores of photos for labels (k, dim) in blocks, each with where it begins."""
    size = max(1, min(8192, _AT_ONCE // max(len(rows), 1)))
    for start in range(0, len(places), size):
        yield start, library.vectors(places[start : start + size]) @ rows.T


@dataclass(frozen=True, eq=False)
class _Told:
    """What a person said of photos: the label each has, with those above it, and those it lacks."""

    yes: Mapping[int, frozenset[UUID]]
    no: Mapping[int, frozenset[UUID]]

    @classmethod
    def of(cls, labels: Sequence[Wanted], photos: int) -> _Told:
        parents = {label.id: label.parent for label in labels}
        yes: dict[int, frozenset[UUID]] = {}
        no: dict[int, frozenset[UUID]] = {}
        for label in labels:
            for place, said in label.answers.items():
                if said:
                    yes[place] = yes.get(place, frozenset()) | frozenset(path(label.id, parents))
                else:
                    no[place] = no.get(place, frozenset()) | {label.id}
        return cls(yes, no)

    def applied(self, shares: Vectors, places: Places, group: Group) -> Vectors:
        """Return probabilities (n, k) of photos at these positions after what was said."""
        if not self.yes and not self.no:
            return shares
        for row, place in enumerate(places.tolist()):
            if place in self.yes or place in self.no:
                shares[row] = self._one(shares[row], place, group)
        return shares

    def _one(self, shares: Vector, place: int, group: Group) -> Vector:
        yes, no = self.yes.get(place, frozenset()), self.no.get(place, frozenset())
        said = [label_id in yes and label_id != group.parent for label_id in group.ids]
        if any(said):
            return np.asarray(np.array(said) / sum(said), np.float32)
        possible = [label_id not in no or label_id == group.parent for label_id in group.ids]
        left = shares * np.array(possible, np.float32)
        total = float(left.sum())
        return np.asarray(left / total, np.float32) if total > 0 else shares


def path(label_id: UUID, parents: Mapping[UUID, UUID | None]) -> list[UUID]:
    """Return a label and those above it, the outermost last."""
    found: list[UUID] = []
    at: UUID | None = label_id
    while at is not None and at not in found:
        found.append(at)
        at = parents.get(at)
    return found


def parents_first(labels: Sequence[Wanted]) -> list[Wanted]:
    """Return the labels so that none comes before its parent."""
    parents = {label.id: label.parent for label in labels}
    return sorted(labels, key=lambda label: len(path(label.id, parents)))
