"""The columns of an evaluation: each style with each model that has vectors, and a linear probe."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from gallery.models import EmbeddingModel
from gallery.models.photo_library import User
from gallery.user_errors import UserError
from search.relevance.background import Vectors
from search.understanding.directions import Style, directions, texts_of
from search.understanding.evaluation import scoring
from search.understanding.evaluation.probe import probe
from search.understanding.evaluation.scoring import Places
from search.understanding.evaluation.truth import NAMED
from search.understanding.labels import exclusive
from search.understanding.library_vectors import LibraryVectors, library_vectors
from search.understanding.models import Kind, LabelSet
from search.understanding.sentences.readiness import answering_model, unit_of
from search.vectors import embedders
from search.vectors.embedders.base import ModelUnavailable

LIBRARY_SAMPLE = 20_000
"""Photos of the library that tell how the labels compare (`labels.exclusive`)."""
_LABELS = 50  # whose texts are embedded before progress is told
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Task:
    """What is evaluated: a set's labels, the photos and the place of the label of each, (n,)."""

    user: User
    exclusive: bool
    style: Style
    names: list[str]
    wordings: list[list[str]]
    photos: list[uuid.UUID]
    truth: Places

    @classmethod
    def of(cls, user: User, label_set: LabelSet, said: Mapping[uuid.UUID, str]) -> Task:
        """Return the task of a set; labels that left it meanwhile are left out."""
        labels = list(label_set.labels.all())
        at = {label.name: place for place, label in enumerate(labels)}
        photos = [photo_id for photo_id, name in said.items() if name in at]
        if not photos:
            raise UserError(_("The set no longer has the labels of the truth."), code="no_truth")
        style = label_set.style if label_set.style in set(Style) else Style.WORDINGS
        return cls(
            user,
            label_set.kind == Kind.ONE_OF,
            Style(style),
            [label.name for label in labels],
            [label.wordings for label in labels],
            photos,
            np.array([at[said[photo_id]] for photo_id in photos], np.intp),
        )

    def texts(self, style: Style) -> list[list[str]]:
        """Return the texts of each label in a style."""
        return [
            texts_of(name, own, style) for name, own in zip(self.names, self.wordings, strict=True)
        ]


def evaluate(
    task: Task, styles: Sequence[Style], on_progress: Progress = lambda share: None
) -> dict[str, Any]:
    """Return the report: columns by style and model, the one as Scry labels, and the probe.

    The active model comes first. Raises `UserError` where it cannot answer, and where it has no
    vector of any of the photos.
    """
    active = answering_model()
    models = [active, *_others(active)]
    report: dict[str, Any] = {
        "labels": task.names,
        "photos": [photo.hex for photo in task.photos],
        "truth": task.truth.tolist(),
        "columns": [],
        "skipped": {},
        "unread": [],
    }
    for number, model in enumerate(models):
        embedders.text_embedder(active.key)  # So that another model takes the place of a third.
        held = _held(task, model)
        if held is None:
            continue
        try:
            told = partial(_tell, on_progress, number, len(models))
            rows = _directions(task, model.key, styles, told)
        except ModelUnavailable as error:
            report["unread"].append({"model": model.key, "reason": str(error)})
            continue
        report["columns"] += [
            column(task, held, held.vectors @ rows[style].T, style.value, model.key)
            for style in styles
        ]
        if model == active:
            _add_extras(task, model, held, rows[task.style], report)
    if not report["columns"]:
        message = _("None of these photos is searchable yet.")
        raise UserError(message, code="not_searchable_yet", status=409)
    return report


@dataclass(frozen=True)
class _Held:
    """What a model has of the photos: which (n,) have vectors, those, and the library."""

    there: np.ndarray[Any, np.dtype[np.bool_]]
    vectors: Vectors
    library: LibraryVectors


def _others(active: EmbeddingModel) -> list[EmbeddingModel]:
    """Return the other models whose vectors are there: the one being built, and former ones."""
    building = EmbeddingModel.objects.building()
    former = [model for model in EmbeddingModel.objects.retired() if not model.is_emptied]
    return [model for model in [building, *former] if model is not None and model != active]


def _held(task: Task, model: EmbeddingModel) -> _Held | None:
    library = library_vectors(task.user, model)
    places = [library.place(photo_id) for photo_id in task.photos]
    there = np.array([place is not None for place in places], bool)
    if not there.any():
        return None
    known = [place for place in places if place is not None]
    return _Held(there, library.vectors(known), library)


def _tell(on_progress: Progress, number: int, models: int, share: float) -> None:
    on_progress((number + share) / models)


def _directions(
    task: Task, key: str, styles: Sequence[Style], on_progress: Progress
) -> dict[Style, Vectors]:
    """Return the directions of the labels in each style and in that of the set, (labels, dim)."""
    wanted = list(dict.fromkeys([*styles, task.style]))
    texts = {style: task.texts(style) for style in wanted}
    parts: dict[Style, list[Vectors]] = {style: [] for style in wanted}
    for start in range(0, len(task.names), _LABELS):
        on_progress(start / len(task.names))
        groups = [texts[style][start : start + _LABELS] for style in wanted]
        # In one call, since styles share texts.
        rows = directions(key, [group for part in groups for group in part])
        for style, part in zip(wanted, np.split(rows, len(wanted)), strict=True):
            parts[style].append(part)
    return {style: np.concatenate(parts[style]) for style in wanted}


def column(task: Task, held: _Held, scores: Vectors, style: str, model_key: str) -> dict[str, Any]:
    """Return one column of the report; -1 stands for what is said of photos without a vector."""
    truth = task.truth[held.there]
    found = scoring.figures(scores, truth)
    said = np.full(len(task.photos), -1)
    said[held.there] = found.predicted
    return {
        "style": style,
        "model": model_key,
        "count": len(truth),
        **{f"top{top}": round(share, 4) for top, share in found.tops.items()},
        "intervals": {
            f"top{top}": [round(end, 4) for end in ends] for top, ends in found.intervals.items()
        },
        "per_label": scoring.by_label(found, truth, len(task.names)),
        "predicted": said.tolist(),
    }


def _add_extras(
    task: Task, model: EmbeddingModel, held: _Held, rows: Vectors, report: dict[str, Any]
) -> None:
    """Add the column as Scry labels, for sets of exclusive labels, the probe, and who is missing.

    `rows` (labels, dim) are the directions in the style of the set.
    """
    pairs = zip(task.photos, held.there, strict=True)
    if missing := [str(photo) for photo, there in pairs if not there]:
        report["skipped"]["without_vectors"] = {"count": len(missing), "names": missing[:NAMED]}
    if task.exclusive:
        cosines = held.vectors @ rows.T
        whole = held.library.sample(LIBRARY_SAMPLE) @ rows.T
        if len(held.library) > LIBRARY_SAMPLE:
            whole = np.concatenate([whole, cosines])
        choice = exclusive.choice(whole, unit_of(task.user, model))
        report["labelled"] = column(task, held, choice.scores(cosines), task.style.value, model.key)
    learnt = probe(held.vectors, task.truth[held.there])
    report["probe"] = vars(learnt) | {"model": model.key} if learnt else None
