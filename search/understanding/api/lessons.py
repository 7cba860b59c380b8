"""The lessons part of the API: examples of a tag, suggestions, and tagging what is sure."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field, StrictBool

from gallery.albums import PHOTOS_PER_REQUEST
from gallery.api.described import TagName, cursor_like, name_or_none, number
from gallery.api.errors import ErrorOut, In
from gallery.api.lists import PageIn
from gallery.models import EmbeddingModel, Tag
from gallery.names import BadName
from search.understanding.lessons import suggestions as listing, tagging, teaching
from search.understanding.lessons.answers import answers_of
from search.understanding.lessons.ranking import Ranking, ranking_of
from search.understanding.models import Lesson, TaggingAct
from search.understanding.models.lessons import WORDS_LIMIT

router = Router(tags=["tags"])

_ERRORS = frozenset({400, 401, 404, 409})
_Ids = Annotated[list[uuid.UUID], Field(max_length=PHOTOS_PER_REQUEST)]
_Box = Annotated[list[Annotated[float, *number()]], Field(min_length=4, max_length=4)]


# --- what the routes take and answer --------------------------------------------------------------


class ExamplesIn(In):
    """Photos that show what the tag means and photos that do not.

    `boxes` names for a photo of `yes` the part that shows it: left, top, width and height as
    fractions of its sides.
    """

    yes: _Ids = []
    no: _Ids = []
    boxes: dict[uuid.UUID, _Box] = {}


class ExampleIdsIn(In):
    """Photos by id."""

    ids: _Ids


class LessonIn(In):
    """What to change of a lesson; fields that are left out stay as they are."""

    words: Annotated[str, name_or_none(WORDS_LIMIT)] = ""
    live: StrictBool = False


class AcceptIn(In):
    """With `preview`, nothing is changed and only counted."""

    preview: StrictBool = False


class SuggestionsIn(PageIn):
    """How many suggestions to list, from where."""

    cursor: Annotated[str, cursor_like(listing.CURSOR)] = ""


class LessonOut(Schema):
    """What was taught, and what follows from it.

    `yes` and `no` count the photos that are known. `sure` and `border` count those that surely
    show it and those around the cut, and of `asked` answers the model agrees with `agreed`;
    all null while there is no model or no vector. `words_count` tells whether the words do.
    """

    tag: str
    words: str
    live: bool
    yes: int
    no: int
    sure: int | None
    border: int | None
    agreed: int | None
    asked: int | None
    words_count: bool | None


class SuggestionOut(Schema):
    """A photo that the tag may belong on; `score` is in deviations from the library's mean."""

    id: uuid.UUID = Field(alias="photo.pk")
    name: str = Field(alias="photo.name")
    url: str = Field(alias="photo.get_absolute_url")
    score: float
    sure: bool


class SuggestionsOut(Schema):
    """A page of suggestions, the best first."""

    hits: list[SuggestionOut]
    next: str | None


class TaggedInBulkOut(Schema):
    """How many photos got the tag, or would get it; `act` undoes it."""

    photos: int
    act: uuid.UUID | None


class ForgottenOut(Schema):
    """How many answers were taken back."""

    forgotten: int


class UntaggedOut(Schema):
    """From how many photos the tag was taken off again."""

    photos: int


class ActOut(Schema):
    """Photos that were tagged together."""

    id: uuid.UUID
    tag: str
    by: str
    done_at: datetime
    photos: int
    undone: bool


class ActsOut(Schema):
    """A page of what was tagged together, newest first."""

    acts: list[ActOut]
    next: str | None


# --- routes ---------------------------------------------------------------------------------------


@router.get("/tags/{str:name}/lesson", response={200: LessonOut, _ERRORS: ErrorOut})
def lesson(request: HttpRequest, name: TagName) -> LessonOut:
    """Return what a tag was taught."""
    return _out(_get_lesson(request, name))


@router.patch("/tags/{str:name}/lesson", response={200: LessonOut, _ERRORS: ErrorOut})
def change_lesson(request: HttpRequest, name: TagName, body: LessonIn) -> LessonOut:
    """Change the words of a tag, or let it put itself on new photos."""
    row = _get_lesson(request, name)
    given = body.dict(exclude_unset=True)
    if "words" in given:
        teaching.describe(row, body.words)
    if "live" in given:
        answers = answers_of(row)
        teaching.set_live(row, live=body.live, yes=len(answers.yes), no=len(answers.no))
    return _out(row)


@router.post("/tags/{str:name}/examples", response={200: LessonOut, _ERRORS: ErrorOut})
def add_examples(request: HttpRequest, name: TagName, body: ExamplesIn) -> LessonOut:
    """Teach a tag, which is made if there is none; later answers replace earlier ones."""
    return _out(teaching.teach(request.user, name, body.yes, body.no, body.boxes))


@router.delete("/tags/{str:name}/examples", response={200: ForgottenOut, _ERRORS: ErrorOut})
def remove_examples(request: HttpRequest, name: TagName, body: ExampleIdsIn) -> dict[str, int]:
    """Take answers back, with what they did to the tag."""
    return {"forgotten": teaching.forget(_get_lesson(request, name), body.ids)}


@router.get("/tags/{str:name}/suggestions", response={200: SuggestionsOut, _ERRORS: ErrorOut})
def suggestions(request: HttpRequest, name: TagName, params: Query[SuggestionsIn]) -> Any:
    """List photos that have neither the tag nor a no, the best first."""
    row = _get_lesson(request, name)
    hits, following = listing.page(request.user, row, _ranking(row), **params.dict())
    return {"hits": hits, "next": following}


@router.post("/tags/{str:name}/accept", response={200: TaggedInBulkOut, _ERRORS: ErrorOut})
def accept(request: HttpRequest, name: TagName, body: AcceptIn) -> dict[str, Any]:
    """Put the tag on all photos that surely show it, or count them."""
    row = _get_lesson(request, name)
    ranking = _ranking(row)
    if ranking is None or body.preview:
        return {"photos": ranking.sure if ranking else 0, "act": None}
    act = tagging.accept_sure(row, ranking)
    return {"photos": act.photos.count() if act else 0, "act": act.pk if act else None}


@router.get("/tag-acts", response={200: ActsOut, _ERRORS: ErrorOut})
def acts(request: HttpRequest, params: Query[PageIn]) -> Any:
    """List what was tagged together, by a person or by live tags."""
    rows, following = tagging.history(request.user, **params.dict())
    return {"acts": rows, "next": following}


@router.post("/tag-acts/{uuid:act_id}/undo", response={200: UntaggedOut, 404: ErrorOut})
def undo(request: HttpRequest, act_id: uuid.UUID) -> dict[str, int]:
    """Take the tag off the photos again; a second time does nothing."""
    try:
        return {"photos": tagging.undo(request.user, act_id)}
    except TaggingAct.DoesNotExist:
        raise Http404 from None


def _get_lesson(request: HttpRequest, name: TagName) -> Lesson:
    try:
        return teaching.find_lesson(request.user, name)
    except (Tag.DoesNotExist, BadName):
        raise Http404 from None


def _ranking(row: Lesson) -> Ranking | None:
    model = EmbeddingModel.objects.active()
    return ranking_of(row, model) if model else None


def _out(row: Lesson) -> LessonOut:
    answers, ranking = answers_of(row), _ranking(row)
    meaning = ranking.meaning if ranking else None
    return LessonOut(
        tag=row.tag.name,
        words=row.text,
        live=row.live,
        yes=len(answers.yes),
        no=len(answers.no),
        sure=ranking.sure if ranking else None,
        border=ranking.border if ranking else None,
        agreed=ranking.agreed if ranking else None,
        asked=ranking.asked if ranking else None,
        words_count=None if meaning is None else meaning >= 0.5,
    )
