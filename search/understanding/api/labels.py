"""The part of the API for labels: sets, the photos of a label, and the labels of a photo."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema, Status
from pydantic import Field

from gallery.api.described import cursor_like, items, name_up_to, number, one_of, text, unique
from gallery.api.errors import ErrorOut, In
from gallery.api.lists import PageIn
from gallery.models import EmbeddingModel, Photo
from gallery.user_errors import UserError
from search.understanding.labels import hits, label_sets, projection, verdicts
from search.understanding.labels.pasting import NewLabel
from search.understanding.labels.projection import State
from search.understanding.models import Kind, Label, LabelSet
from search.understanding.models.labels import (
    LABEL_LIMIT,
    MOST_LABELS,
    MOST_WORDINGS,
    NAME_LIMIT,
    WORDING_LIMIT,
)

router = Router(tags=["labels"])

_ERRORS = frozenset({400, 401, 404, 409, 503})
_LabelName = Annotated[str, name_up_to(LABEL_LIMIT)]
_Wordings = Annotated[list[Annotated[str, text(most=WORDING_LIMIT)]], items(most=MOST_WORDINGS)]


# --- what the routes take and answer --------------------------------------------------------------


class LabelIn(In):
    """A label; `parent` is the name of another label of the set."""

    name: _LabelName
    wordings: _Wordings = []
    parent: str | None = None


_SetName = Annotated[str, name_up_to(NAME_LIMIT)]
_Labels = Annotated[list[LabelIn], items(1, MOST_LABELS)]


class LabelSetIn(In):
    """A set of labels: `one_of` gives each photo one of them, `any_of` any number."""

    name: _SetName
    kind: Annotated[Kind, one_of(Kind)]
    labels: _Labels


class SetChangeIn(In):
    """The fields to change. A label whose name stays keeps its answers."""

    name: _SetName | None = None
    labels: _Labels | None = None


class LabelChangeIn(In):
    """The fields of a label to change."""

    name: _LabelName | None = None
    wordings: _Wordings | None = None


_Photos = Annotated[list[uuid.UUID], items(most=verdicts.MOST), *unique]


class VerdictsIn(In):
    """Photos that have the label, photos that do not, and photos to take answers back from."""

    yes: _Photos = []
    no: _Photos = []
    clear: _Photos = []


class CutIn(In):
    """The share of the library to put above the cut, from 0 to 1; null leaves it to the answers."""

    share: Annotated[float, *number(0, 1)] | None


class LabelledIn(PageIn):
    """How many photos to list, from where."""

    cursor: Annotated[str, cursor_like(hits.CURSOR)] = ""


class WhichIn(Schema):
    """The labels to return: those of one set or of all, and with `all` those it lacks, too."""

    set: uuid.UUID | None = None
    all: bool = False


class LabelOut(Schema):
    """A label; `count` is the number of photos that have it now."""

    id: uuid.UUID
    name: str
    wordings: list[str]
    parent: str | None
    count: int
    cut_share: float | None


class SetRef(Schema):
    """A set by its id and name, with how many labels it has."""

    id: uuid.UUID
    name: str
    kind: str
    size: int


class SetOut(Schema):
    """A set with its labels.

    While `state` is "preparing", hits and counts are incomplete or old; `prepared` labels are
    done. `message` says what is in the way, if something is.
    """

    id: uuid.UUID
    name: str
    kind: str
    state: str
    prepared: int
    message: str
    labels: list[LabelOut]


class SetsOut(Schema):
    """All sets of a person, by name."""

    sets: list[SetRef]


class LabelledOut(Schema):
    """A photo that has a label; `score` is how probable that is, `yes` what a person said."""

    id: uuid.UUID = Field(alias="photo.pk")
    name: str = Field(alias="photo.name")
    url: str = Field(alias="photo.get_absolute_url")
    score: float
    confidence: str
    yes: bool | None


class LabelledPageOut(Schema):
    """A page of photos, the surest first; 202 while the set is being prepared."""

    photos: list[LabelledOut]
    next: str | None
    state: str


class PhotoLabelOut(Schema):
    """A label of a photo; `score` is how probable it is."""

    label: str = Field(alias="label.name")
    id: uuid.UUID = Field(alias="label.pk")
    score: float
    confidence: str
    yes: bool | None


class PhotoLabelsOut(Schema):
    """The labels of a photo, the surest first."""

    labels: list[PhotoLabelOut]
    state: str


# --- sets -----------------------------------------------------------------------------------------


@router.get("/label-sets", response={200: SetsOut, 401: ErrorOut})
def list_sets(request: HttpRequest) -> Any:
    """List the label sets."""
    return {"sets": label_sets.listed(request.user)}


@router.post("/label-sets", response={201: SetOut, _ERRORS: ErrorOut})
def make_set(request: HttpRequest, body: LabelSetIn) -> Any:
    """Make a label set; a large one is prepared in the background."""
    made = label_sets.make(request.user, body.name, body.kind, _new_labels(body.labels))
    return Status(201, _set_out(request, made))


@router.get("/label-sets/{uuid:set_id}", response={200: SetOut, 404: ErrorOut})
def get_set(request: HttpRequest, set_id: uuid.UUID) -> Any:
    """Return a label set with live counts."""
    return _set_out(request, _own_set(request, set_id))


@router.patch("/label-sets/{uuid:set_id}", response={200: SetOut, _ERRORS: ErrorOut})
def change_set(request: HttpRequest, set_id: uuid.UUID, body: SetChangeIn) -> Any:
    """Rename a label set, or change its labels; labels that are left out are removed."""
    label_set = _own_set(request, set_id)
    if body.labels is not None:
        label_sets.change(label_set, _new_labels(body.labels))
    if body.name is not None:
        label_sets.rename(label_set, body.name)
    return _set_out(request, label_set)


@router.delete("/label-sets/{uuid:set_id}", response={204: None, 404: ErrorOut})
def delete_set(request: HttpRequest, set_id: uuid.UUID) -> Any:
    """Delete a label set with its answers; the photos stay."""
    _own_set(request, set_id).delete()
    return Status(204, None)


# --- one label ------------------------------------------------------------------------------------


@router.patch(
    "/label-sets/{uuid:set_id}/labels/{uuid:label_id}", response={200: SetOut, _ERRORS: ErrorOut}
)
def change_label(
    request: HttpRequest, set_id: uuid.UUID, label_id: uuid.UUID, body: LabelChangeIn
) -> Any:
    """Rename a label or give it other wordings; its answers stay."""
    label = _own_label(request, set_id, label_id)
    label_sets.rename_label(
        label,
        label.name if body.name is None else body.name,
        label.wordings if body.wordings is None else body.wordings,
    )
    return _set_out(request, label.set)


@router.get(
    "/label-sets/{uuid:set_id}/labels/{uuid:label_id}/photos",
    response={200: LabelledPageOut, 202: LabelledPageOut, _ERRORS: ErrorOut},
)
def photos_of_label(
    request: HttpRequest, set_id: uuid.UUID, label_id: uuid.UUID, params: Query[LabelledIn]
) -> Any:
    """List the photos of a label, the surest first."""
    label = _own_label(request, set_id, label_id)
    state = projection.prepare(request.user, label.set).state
    model = EmbeddingModel.objects.active()
    photos, following = hits.photos_of(request.user, label, model, **params.dict())
    answer = {"photos": photos, "next": following, "state": state}
    return Status(200 if state == State.READY else 202, answer)


@router.post(
    "/label-sets/{uuid:set_id}/labels/{uuid:label_id}/verdicts",
    response={200: SetOut, _ERRORS: ErrorOut},
)
def answer(request: HttpRequest, set_id: uuid.UUID, label_id: uuid.UUID, body: VerdictsIn) -> Any:
    """Say which photos have a label; an answer counts more than any score."""
    label = _own_label(request, set_id, label_id)
    said: dict[uuid.UUID, bool | None] = dict.fromkeys(body.clear)
    said |= dict.fromkeys(body.no, False) | dict.fromkeys(body.yes, True)
    if len(said) < len(body.clear) + len(body.no) + len(body.yes):
        message = _("A photo can have one answer only.")
        raise UserError(message, code="bad_parameter")
    verdicts.answer(request.user, label, said)
    return _set_out(request, label.set)


@router.post(
    "/label-sets/{uuid:set_id}/labels/{uuid:label_id}/cut",
    response={200: SetOut, _ERRORS: ErrorOut},
)
def set_cut(request: HttpRequest, set_id: uuid.UUID, label_id: uuid.UUID, body: CutIn) -> Any:
    """Put the cut of a label by hand, or leave it to the answers again."""
    label = _own_label(request, set_id, label_id)
    verdicts.set_cut(label, body.share)
    return _set_out(request, label.set)


# --- one photo ------------------------------------------------------------------------------------


@router.get(
    "/photos/{uuid:photo_id}/labels",
    response={200: PhotoLabelsOut, 202: PhotoLabelsOut, _ERRORS: ErrorOut},
)
def labels_of_photo(request: HttpRequest, photo_id: uuid.UUID, params: Query[WhichIn]) -> Any:
    """Return the labels of a photo from one set, or from all sets.

    Of a one-of set it is the label that fits best, with `all` every label.
    """
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    chosen = [_own_set(request, params.set)] if params.set else label_sets.listed(request.user)
    read = hits.all_labels_of if params.all else hits.labels_of
    found, state = [], State.READY
    for label_set in chosen:
        if projection.prepare(request.user, label_set).state != State.READY:
            state = State.PREPARING
        found += read(photo, label_set, projection.active_model())
    found.sort(key=lambda each: -each.score)
    return Status(200 if state == State.READY else 202, {"labels": found, "state": state})


# --- shared ---------------------------------------------------------------------------------------


def _new_labels(labels: list[LabelIn]) -> list[NewLabel]:
    return [NewLabel(each.name, tuple(each.wordings), each.parent or "") for each in labels]


def _own_set(request: HttpRequest, set_id: uuid.UUID) -> LabelSet:
    return get_object_or_404(LabelSet.objects.visible_to(request.user), pk=set_id)


def _own_label(request: HttpRequest, set_id: uuid.UUID, label_id: uuid.UUID) -> Label:
    labels = Label.objects.select_related("set").filter(set=_own_set(request, set_id))
    return get_object_or_404(labels, pk=label_id)


def _set_out(request: HttpRequest, label_set: LabelSet) -> dict[str, Any]:
    """Return a set with its counts; that it cannot be prepared now is no error, as it is kept."""
    labels = list(label_set.labels.all())
    state, prepared, message = State.PREPARING, 0, ""
    try:
        progress = projection.prepare(request.user, label_set)
        state, prepared = progress.state, progress.done
    except UserError as error:
        message = error.message
    counted = hits.counts(label_set, EmbeddingModel.objects.active())
    names = {label.pk: label.name for label in labels}
    return {
        "id": label_set.pk,
        "name": label_set.name,
        "kind": label_set.kind,
        "state": state,
        "prepared": prepared,
        "message": message,
        "labels": [
            {
                "id": label.pk,
                "name": label.name,
                "wordings": label.wordings,
                "parent": names.get(label.parent_id) if label.parent_id else None,
                "count": counted.get(label.pk, 0),
                "cut_share": label.cut_share,
            }
            for label in labels
        ],
    }
