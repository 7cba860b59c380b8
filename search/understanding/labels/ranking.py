"""All photos in the order of a label's scores: where its cut may lie, and what to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery.models import EmbeddingModel, Photo, User
from search.relevance.background import Vector
from search.understanding.labels import cuts
from search.understanding.library_vectors import LibraryVectors, library_vectors
from search.understanding.models import Label, LabelProjection, Verdict

AROUND = 6
"""Photos shown on each side of a cut."""
_GROWTH = 1.12  # of the count from one step of the slider to the next


@dataclass(frozen=True)
class Cut:
    """Where the cut of a label lies: the slider's steps as counts of photos, and which is on.

    `above` and `below` are the photos next to the cut, the surest first. `by_hand` says that a
    person put it there, `moved` that this is only a look at another one.
    """

    steps: Sequence[int]
    step: int
    above: Sequence[Photo]
    below: Sequence[Photo]
    by_hand: bool
    moved: bool

    @property
    def count(self) -> int:
        """How many photos lie above the cut."""
        return self.steps[self.step]


def steps(user: User) -> list[int]:
    """Return how many photos each step of the slider puts above the cut: few at first."""
    model = EmbeddingModel.objects.active()
    return _steps(len(library_vectors(user, model))) if model else [0]


def _steps(total: int) -> list[int]:
    found = [0]
    while found[-1] < total:
        found.append(min(total, max(found[-1] + 1, round(found[-1] * _GROWTH))))
    return found


def share(user: User, count: int) -> float:
    """Return a number of photos as a share of the library."""
    model = EmbeddingModel.objects.active()
    total = len(library_vectors(user, model)) if model else 0
    return count / total if total else 0.0


def cut_of(user: User, label: Label, step: int | None = None) -> Cut | None:
    """Return where the cut lies, or would lie at a step; None until the label was scored."""
    scored = _scored(user, label)
    if scored is None:
        return None
    row, library, scores = scored
    counts = _steps(len(library))
    cut = row.cut or 0.0  # one that is None was left out above
    current = int(np.abs(np.array(counts) - int((scores >= cut).sum())).argmin())
    at = current if step is None else min(step, len(counts) - 1)
    order = np.argsort(-scores, kind="stable")
    count = counts[at]
    return Cut(
        counts,
        at,
        _photos(user, library, order[max(0, count - AROUND) : count]),
        _photos(user, library, order[count : count + AROUND]),
        by_hand=label.cut_share is not None,
        moved=at != current,
    )


def to_ask(user: User, label: Label, count: int) -> list[Photo]:
    """Return the photos whose answers tell most about the cut."""
    scored = _scored(user, label)
    if scored is None or scored[0].cut is None:
        return []
    row, library, scores = scored
    known = np.zeros(len(library), bool)
    said = Verdict.objects.filter(label=label).values_list("photo_id", flat=True)
    known[[place for pk in said if (place := library.place(pk)) is not None]] = True
    asked = cuts.to_ask(scores, row.cut or 0.0, known, count)
    return _photos(user, library, np.array(asked, np.intp))


def _scored(user: User, label: Label) -> tuple[LabelProjection, LibraryVectors, Vector] | None:
    model = EmbeddingModel.objects.active()
    rows = LabelProjection.objects.filter(label=label, model=model).exclude(cut=None)
    row = rows.first() if model is not None else None
    if row is None or model is None:
        return None
    library = library_vectors(user, model)
    return row, library, library.scores(row.get_vector()[None])[:, 0]


def _photos(user: User, library: LibraryVectors, places: NDArray[np.intp]) -> list[Photo]:
    """Return the photos at these positions that can still be seen, in this order."""
    ids: list[UUID] = library.photo_ids(places)
    photos = Photo.objects.visible_to(user).in_bulk(ids)
    return [photos[photo_id] for photo_id in ids if photo_id in photos]
