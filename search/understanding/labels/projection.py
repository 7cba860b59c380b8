"""Keeps the hits of label sets in step with their texts, the answers of people, and the photos.

A set is embedded once for each model, scored in one matrix product, and stored as rows that
filters and facets can count. Only rows that changed are written. Small sets are done within the
request that asks; the worker does the others, and all of them after photos came or went.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.models import EmbeddingModel, Photo, User
from gallery.signals import photos_changed
from gallery.slices import slices
from gallery.user_errors import UserError
from search.understanding import directions
from search.understanding.grounds import grounds_of
from search.understanding.labels import scoring
from search.understanding.library_vectors import LibraryVectors, library_vectors
from search.understanding.models import Kind, Label, LabelHit, LabelProjection, LabelSet, Verdict
from search.vectors import embedders
from search.vectors.embedders.base import ModelUnavailable

AT_ONCE = 50
"""Labels that a request embeds itself; larger sets are left to the worker."""
SCORES_AT_ONCE = 20_000_000
"""Photos times labels that a request scores itself: about half a second."""
_METHOD = 1  # counted up whenever labels are scored in another way, so that all are done again
_SLICE = 16  # labels embedded between two looks at whether to stop
_ROWS = 2_000
_HALF = 32
_LOAD_SECONDS = 5.0
_SMALL_CHANGE = 0.005  # of a probability, which is not worth a row

Stop = Callable[[], bool]


class State(StrEnum):
    """How far the hits of a set are."""

    READY = "ready"
    PREPARING = "preparing"


@dataclass(frozen=True)
class Progress:
    """How many labels of a set are embedded, or once all are, have current hits."""

    done: int
    total: int
    state: State


def never() -> bool:
    """Let the work go on until it is done."""
    return False


def active_model() -> EmbeddingModel:
    """Return the model that answers; raises `UserError` while there is none."""
    model = EmbeddingModel.objects.active()
    if model is None:
        message = _("Labels can be compared with photos once the model is loaded.")
        raise UserError(message, code="model_loading", status=503)
    return model


# --- what a projection was made from --------------------------------------------------------------


def _hash(parts: Iterable[object]) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:_HALF]


def texts_of(label: Label) -> list[str]:
    """Return the texts whose mean embedding stands for a label."""
    return directions.texts_of(label.name, label.wordings, directions.Style.WORDINGS)


class Snapshot:
    """A set as it is in SQL: its labels, what people said, and what was projected from it."""

    def __init__(self, label_set: LabelSet, model: EmbeddingModel) -> None:
        self.set, self.model = label_set, model
        self.labels = list(label_set.labels.all())
        rows = LabelProjection.objects.filter(label__set=label_set, model=model)
        self.projections = {row.label_id: row for row in rows}
        self.answers: dict[UUID, dict[UUID, bool]] = {}
        said = Verdict.objects.filter(label__set=label_set)
        for label_id, photo_id, yes in said.values_list("label_id", "photo_id", "yes"):
            self.answers.setdefault(label_id, {})[photo_id] = yes
        self._texts = {label.pk: _hash(texts_of(label)) for label in self.labels}
        self._decisions = self._digests()

    def _digests(self) -> dict[UUID, str]:
        by_id = {label.pk: label for label in self.labels}
        own = {label.pk: self._own(label) for label in self.labels}
        if self.set.kind == Kind.ONE_OF:
            return dict.fromkeys(own, _hash(own.values()))
        parents = {label.pk: label.parent_id for label in self.labels}
        return {key: _hash(own[each] for each in scoring.path(key, parents)) for key in by_id}

    def _own(self, label: Label) -> str:
        said = sorted(
            f"{photo.hex}{yes:d}" for photo, yes in self.answers.get(label.pk, {}).items()
        )
        return _hash(
            [_METHOD, label.pk, self._texts[label.pk], label.parent_id, label.cut_share, *said]
        )

    def digest(self, label: Label) -> str:
        """Return what changes with a label's texts, and with all else that its hits depend on."""
        return self._texts[label.pk] + self._decisions[label.pk]

    def unembedded(self) -> list[Label]:
        """Return the labels whose texts have no embedding yet."""
        return [label for label in self.labels if not self._is_embedded(label)]

    def _is_embedded(self, label: Label) -> bool:
        row = self.projections.get(label.pk)
        return row is not None and row.digest[:_HALF] == self._texts[label.pk]

    def unscored(self, stamp: str) -> list[Label]:
        """Return the labels whose hits are not those of the library with this stamp."""
        return [label for label in self.labels if not self._is_current(label, stamp)]

    def _is_current(self, label: Label, stamp: str) -> bool:
        row = self.projections.get(label.pk)
        return row is not None and (row.digest, row.library) == (self.digest(label), stamp)


# --- doing it -------------------------------------------------------------------------------------


def prepare(user: User, label_set: LabelSet) -> Progress:
    """Bring the hits of a set up to date if that is quick, else ask the worker to.

    Raises `UserError` while there is no model, or its text tower is not loaded.
    """
    model = active_model()
    snapshot = Snapshot(label_set, model)
    library = library_vectors(user, model)
    unembedded = snapshot.unembedded()
    too_many = len(unembedded) > AT_ONCE
    if too_many or len(library) * len(snapshot.unscored(library.stamp)) > SCORES_AT_ONCE:
        _leave_to_worker(snapshot, library)
        return progress(snapshot, library)
    try:
        if unembedded and not embedders.wait_until_loaded(model.key, "text", _LOAD_SECONDS):
            raise ModelUnavailable(_("The model is loading. Try again shortly."))
        embed(snapshot)
        score(snapshot, library)
    except ModelUnavailable as error:
        raise UserError(str(error), code=error.code or "model_loading", status=503) from None
    return progress(Snapshot(label_set, model), library)


def _leave_to_worker(snapshot: Snapshot, library: LibraryVectors) -> None:
    """Mark what is out of date, so that the worker sees it by a glance, and wake the worker."""
    stale = [label.pk for label in snapshot.unscored(library.stamp)]
    for some in slices(stale):
        rows = LabelProjection.objects.filter(label__in=some, model=snapshot.model)
        rows.exclude(library="").update(library="")
    photos_changed.send(sender=Photo)


def progress(snapshot: Snapshot, library: LibraryVectors) -> Progress:
    """Return how far the hits of a set are."""
    waiting = len(snapshot.unscored(library.stamp))
    lacking, total = len(snapshot.unembedded()) or waiting, len(snapshot.labels)
    return Progress(total - lacking, total, State.PREPARING if waiting else State.READY)


def follow(label_set: LabelSet, *, stop: Stop = never) -> int:
    """Bring the hits of a set up to date; return how many labels were done.

    Asks `stop` between slices, and keeps what was done. Raises `ModelUnavailable`, OSError, and
    `UserError` without a model.
    """
    model = active_model()
    snapshot = Snapshot(label_set, model)
    done = embed(snapshot, stop=stop)
    if stop():
        return done
    return done + score(snapshot, library_vectors(label_set.owner, model), stop=stop)


def embed(snapshot: Snapshot, *, stop: Stop = never) -> int:
    """Embed the labels that have no embedding yet; raises `ModelUnavailable`."""
    done = 0
    for some in slices(snapshot.unembedded(), _SLICE):
        if stop():
            break
        vectors = directions.directions(snapshot.model.key, [texts_of(label) for label in some])
        for label, vector in zip(some, vectors, strict=True):
            digest = snapshot.digest(label)[:_HALF]
            _keep(snapshot, label, vector=vector.astype("<f4").tobytes(), digest=digest)
        done += len(some)
    return done


def _keep(snapshot: Snapshot, label: Label, **fields: object) -> None:
    """Write fields of a label's projection, unless the label was deleted meanwhile."""
    try:
        with transaction.atomic():
            row, _made = LabelProjection.objects.update_or_create(
                label=label, model=snapshot.model, defaults=fields
            )
    except IntegrityError:
        return
    snapshot.projections[label.pk] = row


def score(snapshot: Snapshot, library: LibraryVectors, *, stop: Stop = never) -> int:
    """Find the photos of all labels whose hits are out of date, and keep them."""
    stale = {label.pk for label in snapshot.unscored(library.stamp)}
    wanted = [_wanted(snapshot, label, library) for label in _to_score(snapshot, stale)]
    if not wanted:
        return 0
    grounds = grounds_of(snapshot.model.key, library)
    if snapshot.set.kind == Kind.ONE_OF:
        found = scoring.one_of(library, grounds.unit, wanted)
    else:
        found = scoring.any_of(library, grounds, wanted)
    by_id = {label.pk: label for label in snapshot.labels}
    done = 0
    for each in found:
        if each.id in stale:
            _store(snapshot, by_id[each.id], each, library)
            done += 1
        # The labels of a one-of set are found together: they would have to be found again.
        if stop() and snapshot.set.kind != Kind.ONE_OF:
            break
    return done


def _to_score(snapshot: Snapshot, stale: set[UUID]) -> list[Label]:
    """Return the embedded labels that must be scored: all of a one-of set, else with parents."""
    ready = [label for label in snapshot.labels if label.pk in snapshot.projections]
    if not stale or snapshot.set.kind == Kind.ONE_OF:
        # Which label a photo has depends on all of them.
        return ready if stale and len(ready) == len(snapshot.labels) else []
    parents = {label.pk: label.parent_id for label in ready}
    needed = {each for key in stale for each in scoring.path(key, parents)}
    return [label for label in ready if label.pk in needed]


def _wanted(snapshot: Snapshot, label: Label, library: LibraryVectors) -> scoring.Wanted:
    said = snapshot.answers.get(label.pk, {})
    places = ((library.place(photo_id), yes) for photo_id, yes in said.items())
    parent = label.parent_id if label.parent_id in snapshot.projections else None
    return scoring.Wanted(
        label.pk,
        snapshot.projections[label.pk].get_vector(),
        parent,
        {place: yes for place, yes in places if place is not None},
        label.cut_share,
    )


# --- storing --------------------------------------------------------------------------------------


def _store(snapshot: Snapshot, label: Label, found: scoring.Found, library: LibraryVectors) -> None:
    """Write the hits of a label and what they were made from, all or nothing."""
    ids = library.photo_ids(found.places)
    hits = dict(zip(ids, found.scores.tolist(), strict=True))
    row = snapshot.projections[label.pk]
    try:
        _write(row, hits, snapshot.digest(label), found, library)
    except IntegrityError:
        # A photo or the label was deleted meanwhile.
        there = {pk for some in slices(hits) for pk in _existing(some)}
        kept = {photo_id: score for photo_id, score in hits.items() if photo_id in there}
        if LabelProjection.objects.filter(pk=row.pk).exists():
            _write(row, kept, snapshot.digest(label), found, library)


def _existing(ids: Sequence[UUID]) -> list[UUID]:
    return list(Photo.objects.filter(pk__in=ids).values_list("pk", flat=True))


def _write(
    row: LabelProjection,
    hits: dict[UUID, float],
    digest: str,
    found: scoring.Found,
    library: LibraryVectors,
) -> None:
    with transaction.atomic():
        if not LabelProjection.objects.select_for_update().filter(pk=row.pk).exists():
            return
        _write_hits(row, hits)
        LabelProjection.objects.filter(pk=row.pk).update(
            digest=digest, library=library.stamp, cut=found.cut, likely=found.likely,
            strong=found.strong, precision=found.precision, offset=found.offset,
            offset_inside=found.offset_inside, unit=found.unit, made_at=timezone.now(),
        )  # fmt: skip


def _write_hits(row: LabelProjection, hits: dict[UUID, float]) -> None:
    """Make the rows of a projection these hits, writing only those that differ."""
    own = LabelHit.objects.filter(projection=row)
    old = {photo_id: (pk, score) for pk, photo_id, score in own.values_list("pk", "photo", "score")}
    changed = [
        photo_id
        for photo_id, (_pk, score) in old.items()
        if abs(hits.get(photo_id, -1) - score) > _SMALL_CHANGE
    ]
    if changed and len(changed) == len(old):
        own.delete()
    else:
        for some in slices(changed, _ROWS):
            LabelHit.objects.filter(pk__in=[old[photo_id][0] for photo_id in some]).delete()
    moved = set(changed)
    new = (photo_id for photo_id in hits if photo_id not in old or photo_id in moved)
    for some in slices(new, _ROWS):
        LabelHit.objects.bulk_create(
            [LabelHit(projection=row, photo_id=key, score=hits[key]) for key in some]
        )
