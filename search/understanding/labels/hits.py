"""Reading what was projected: the photos of a label, the labels of a photo, and counts."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from gallery.models import Embedding, EmbeddingModel, Photo, Sensitive, User
from gallery.paging import ID, NOT_GIVEN, REAL, BadCursor, check_limit
from search.understanding.labels import cuts, scoring
from search.understanding.labels.exclusive import PROBABILITY_SHARPNESS, softmax
from search.understanding.models import Kind, Label, LabelHit, LabelProjection, LabelSet, Verdict

CURSOR = f"{REAL}_{ID}"
"""How a cursor is written, as a regular expression (ECMA 262)."""
_CURSOR = re.compile(CURSOR)


class Confidence(StrEnum):
    """How sure it is that a photo has a label."""

    STRONG = "strong"
    LIKELY = "likely"
    WEAK = "weak"


CONFIDENCES = {
    Confidence.STRONG: _("Strong"),
    Confidence.LIKELY: _("Likely"),
    Confidence.WEAK: _("Weak"),
}


def confidence(score: float) -> Confidence:
    """Return the confidence of a probability."""
    if score >= cuts.STRONG:
        return Confidence.STRONG
    return Confidence.LIKELY if score >= cuts.LIKELY else Confidence.WEAK


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo that has a label, how probable that is, and what a person said of it."""

    photo: Photo
    score: float
    yes: bool | None = None

    @property
    def confidence(self) -> Confidence:
        """How sure it is."""
        return confidence(self.score)


@dataclass(frozen=True)
class PhotoLabel:
    """A label of a photo, how probable it is, and what a person said of it."""

    label: Label
    score: float
    yes: bool | None = None

    @property
    def confidence(self) -> Confidence:
        """How sure it is."""
        return confidence(self.score)

    @property
    def title(self) -> str:
        """The confidence in words."""
        return str(CONFIDENCES[self.confidence])


def live_hits(model: EmbeddingModel | None) -> QuerySet[LabelHit]:
    """Return the hits of a model on photos that lists may show; none without a model.

    They are neither in the trash nor kept out of all lists as sensitive.
    """
    if model is None:
        return LabelHit.objects.none()
    live = LabelHit.objects.filter(
        projection__model=model, photo__deleted_at=None, photo__trashed_at=None
    )
    return live.exclude(photo__in=Sensitive.objects.hiding().values("photo_id"))


def counts(label_set: LabelSet, model: EmbeddingModel | None) -> dict[uuid.UUID, int]:
    """Return how many photos each label of a set has; labels without any are left out."""
    rows = live_hits(model).filter(projection__label__set=label_set).order_by()
    return dict(rows.values_list("projection__label").annotate(count=Count("*")))


def photos_with_any(label_set: LabelSet, model: EmbeddingModel | None) -> int:
    """Return how many photos have any label of a set."""
    rows = live_hits(model).filter(projection__label__set=label_set)
    return rows.order_by().aggregate(count=Count("photo", distinct=True))["count"] or 0


def precision(label: Label, model: EmbeddingModel | None) -> float | None:
    """Return the share of a label's photos that should be right; None if nothing tells."""
    row = LabelProjection.objects.filter(label=label, model=model).first()
    return row.precision if row is not None else None


def photos_of(
    user: User, label: Label, model: EmbeddingModel | None, *, limit: int, cursor: str = ""
) -> tuple[list[LabelledPhoto], str | None]:
    """Return up to `limit` photos of a label, the surest first, and the next cursor or None."""
    check_limit(limit)
    rows = live_hits(model).filter(projection__label=label, photo__owner_id=user.pk)
    if cursor:
        score, photo_id = _read_cursor(cursor)
        rows = rows.filter(Q(score__lt=score) | Q(score=score, photo__gt=photo_id))
    page = list(rows.order_by("-score", "photo").select_related("photo")[: limit + 1])
    said = answers(label, [hit.photo_id for hit in page])
    found = [LabelledPhoto(hit.photo, hit.score, said.get(hit.photo_id)) for hit in page[:limit]]
    if len(page) <= limit:
        return found, None
    last = page[limit - 1]
    return found, f"{last.score!r}_{last.photo_id.hex}"


def _read_cursor(cursor: str) -> tuple[float, uuid.UUID]:
    if not _CURSOR.fullmatch(cursor):
        raise BadCursor(str(NOT_GIVEN))
    score, _between, photo_id = cursor.partition("_")
    return float(score), uuid.UUID(photo_id)


def answers(label: Label, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, bool]:
    """Return what a person said of some photos."""
    rows = Verdict.objects.filter(label=label, photo__in=ids)
    return dict(rows.values_list("photo_id", "yes"))


# --- the labels of a photo ------------------------------------------------------------------------


def labels_of(photo: Photo, label_set: LabelSet, model: EmbeddingModel) -> list[PhotoLabel]:
    """Return the labels of a set that a photo has, the surest first.

    Of a one-of set it is one label at most, the innermost of a tree.
    """
    rows = LabelHit.objects.filter(
        photo=photo, projection__model=model, projection__label__set=label_set
    )
    found = {row.projection.label_id: row for row in rows.select_related("projection__label")}
    said = _said(photo, label_set)
    if label_set.kind == Kind.ONE_OF:
        outer = {row.projection.label.parent_id for row in found.values()}
        found = {key: row for key, row in found.items() if key not in outer}
    labels = [
        PhotoLabel(row.projection.label, row.score, said.get(key)) for key, row in found.items()
    ]
    return _falling(labels)


def all_labels_of(photo: Photo, label_set: LabelSet, model: EmbeddingModel) -> list[PhotoLabel]:
    """Return all scored labels of a set for a photo, whether it has them or not."""
    stored = Embedding.objects.filter(photo=photo, model=model).first()
    vector = stored.get_vector() if stored is not None else None
    if vector is None:
        return labels_of(photo, label_set, model)
    rows = LabelProjection.objects.filter(label__set=label_set, model=model, unit__gt=0)
    projections = {row.label_id: row for row in rows.select_related("label")}
    if not projections:
        return []
    keys = list(projections)
    matrix = np.stack([projections[key].get_vector() for key in keys])
    cosines = dict(zip(keys, (matrix @ vector).tolist(), strict=True))
    said = _said(photo, label_set)
    if label_set.kind == Kind.ONE_OF:
        shares = _shares(projections, cosines)
    else:
        shares = {key: _odds(row, cosines[key]) for key, row in projections.items()}
    # What was stored counts: a person's word is in it.
    had = {each.label.pk: each.score for each in labels_of(photo, label_set, model)}
    shares |= {key: float(yes) for key, yes in said.items() if key in shares} | had
    labels = [PhotoLabel(row.label, shares[key], said.get(key)) for key, row in projections.items()]
    return _falling(labels)


def _odds(row: LabelProjection, cosine: float) -> float:
    """Return the probability at a score on the logistic curve through `likely` and `strong`."""
    steepness = np.log(cuts.STRONG / (1 - cuts.STRONG)) / max(row.strong - row.likely, 1e-6)
    return float(1 / (1 + np.exp(-np.clip(steepness * (cosine - row.likely), -30, 30))))


def _shares(
    projections: Mapping[uuid.UUID, LabelProjection], cosines: Mapping[uuid.UUID, float]
) -> dict[uuid.UUID, float]:
    """Return the probability of each label of a one-of set, as `scoring.one_of` has it."""
    wanted = [
        scoring.Wanted(key, row.get_vector(), row.label.parent_id)
        for key, row in projections.items()
    ]
    shares: dict[uuid.UUID | None, float] = {None: 1.0}
    for group in scoring.groups(wanted):
        offsets = [
            projections[key].offset_inside if group.stays(at) else projections[key].offset
            for at, key in enumerate(group.ids)
        ]
        scores = np.array([[cosines[key] for key in group.ids]], np.float32) + offsets
        unit = projections[group.ids[0]].unit
        own = softmax(scores * (PROBABILITY_SHARPNESS / unit))[0].tolist()
        above = shares[group.parent]
        for at, (key, share) in enumerate(zip(group.ids, own, strict=True)):
            if not group.stays(at):
                shares[key] = above * share
    return {key: share for key, share in shares.items() if key is not None}


def _said(photo: Photo, label_set: LabelSet) -> dict[uuid.UUID, bool]:
    rows = Verdict.objects.filter(photo=photo, label__set=label_set)
    return dict(rows.values_list("label_id", "yes"))


def _falling(labels: list[PhotoLabel]) -> list[PhotoLabel]:
    def order(each: PhotoLabel) -> Any:
        return (-each.score, each.label.position, each.label.name)

    return sorted(labels, key=order)
