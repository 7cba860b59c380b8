"""The part of the API for sensitive pictures: what is suspected, people's words, the policies."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema, Status
from pydantic import Field, StrictBool

from gallery import sensitive
from gallery.api.described import cursor_like, name_up_to, none_of, one_of, text, up_to
from gallery.api.errors import ErrorOut, In
from gallery.models import Photo
from gallery.models.sensitive import KIND_LIMIT, Kind, Policy
from gallery.paging import BY_NUMBER
from search.understanding.sensitive import review
from search.understanding.sensitive.review import PAGE, Item

router = Router(tags=["sensitive"])

_ERRORS = frozenset({400, 401, 404, 409})


class SensitiveIn(Schema):
    """What to list: suspected, confirmed or cleared photos, of one kind or all."""

    state: Annotated[str, one_of(review.STATES)] = review.SUSPECTED
    kind: str = ""
    limit: Annotated[int, up_to()] = PAGE
    cursor: Annotated[str, cursor_like(review.CURSOR, BY_NUMBER)] = ""


class ItemOut(Schema):
    """A photo with a kind; `score` is 1 at the cut, null where a person spoke."""

    id: uuid.UUID
    name: str
    url: str
    thumbnail: str
    kind: str
    state: str
    score: float | None
    decided_at: datetime | None


class PageOut(Schema):
    """A page of photos, and how many there are in each state, by kind."""

    counts: dict[str, dict[str, int]]
    photos: list[ItemOut]
    next: str | None


class WordIn(In):
    """A person's word on one photo."""

    kind: str
    state: Annotated[str, one_of(review.STATES[1:])]


class WordsIn(WordIn):
    """The same word on many photos; those that are unknown or another person's do not count."""

    ids: list[uuid.UUID] = Field(max_length=sensitive.MOST_PHOTOS)


class DecisionOut(Schema):
    """Words given together; `batch` undoes them."""

    batch: uuid.UUID
    changed: int


class WordsUndoIn(In):
    """Which words to take back."""

    batch: uuid.UUID


class UndoneOut(Schema):
    """Of how many photos words were taken back."""

    changed: int


class KindOut(Schema):
    """A kind and what is done with it; own kinds have texts."""

    kind: str
    title: str
    policy: str
    blur_suspected: bool
    own: bool
    prompts: list[str]
    harmless: list[str]


class PolicyIn(In):
    """What to do with confirmed photos: nothing, blur or hidden."""

    policy: Annotated[str, one_of(Policy.values)]
    blur_suspected: StrictBool | None = None


_Texts = Annotated[
    list[Annotated[str, text(most=sensitive.PROMPT_LIMIT)]],
    Field(max_length=sensitive.MOST_PROMPTS),
]


class KindIn(In):
    """An own kind: texts that describe it, and what only looks like it."""

    name: Annotated[str, name_up_to(KIND_LIMIT)]
    prompts: _Texts = []
    harmless: _Texts = []


@router.get("/sensitive", response={200: PageOut, _ERRORS: ErrorOut})
def list_sensitive(request: HttpRequest, params: Query[SensitiveIn]) -> Any:
    """List photos that are suspected, or that a person confirmed or cleared; hidden ones too."""
    items, following = review.page(request.user, **params.dict())
    counts = review.counts(request.user)
    return {"counts": counts, "photos": list(map(_item, items)), "next": following}


def _item(item: Item) -> dict[str, Any]:
    url = item.photo.get_absolute_url()
    told = {name: getattr(item, name) for name in ("kind", "state", "score", "decided_at")}
    named = {"id": item.photo.pk, "name": item.photo.name, "url": url}
    return {**named, "thumbnail": f"{url}/thumbnail", **told}


@router.post("/sensitive", response={200: DecisionOut, _ERRORS: ErrorOut})
def mark_many(request: HttpRequest, body: WordsIn) -> Any:
    """Confirm or clear many photos at once."""
    photos = Photo.objects.visible_to(request.user, hidden=True).filter(pk__in=body.ids)
    return _decision(sensitive.decide(request.user, photos, body.kind, body.state))


@router.post("/sensitive/undo", response={200: UndoneOut, _ERRORS: ErrorOut})
def undo(request: HttpRequest, body: WordsUndoIn) -> Any:
    """Take back words that were given together; a second time does nothing."""
    return {"changed": sensitive.undo(request.user, body.batch)}


@router.get("/sensitive/kinds", response=list[KindOut])
def kinds(request: HttpRequest) -> Any:
    """List the kinds and what is done with each."""
    return sensitive.treatments(request.user)


@router.post("/sensitive/kinds", response={201: KindOut, _ERRORS: ErrorOut})
def add_kind(request: HttpRequest, body: KindIn) -> Any:
    """Add an own kind, or change its texts."""
    return Status(201, sensitive.add_kind(request.user, body.name, body.prompts, body.harmless))


@router.put("/sensitive/kinds/{kind}", response={200: KindOut, _ERRORS: ErrorOut})
def set_policy(request: HttpRequest, kind: str, body: PolicyIn) -> Any:
    """Change what is done with a kind; it holds at once."""
    return sensitive.set_policy(request.user, kind, body.policy, blur_suspected=body.blur_suspected)


@router.delete("/sensitive/kinds/{kind}", response={204: None, _ERRORS: ErrorOut})
def remove_kind(request: HttpRequest, kind: Annotated[str, none_of(Kind)]) -> HttpResponse:
    """Remove an own kind and what was said of it."""
    sensitive.remove_kind(request.user, kind)
    return HttpResponse(status=204)


@router.post("/photos/{uuid:photo_id}/sensitive", response={200: DecisionOut, _ERRORS: ErrorOut})
def mark(request: HttpRequest, photo_id: uuid.UUID, body: WordIn) -> Any:
    """Confirm that a photo is of a kind, or clear it."""
    known = Photo.objects.visible_to(request.user, hidden=True).filter(pk=photo_id)
    get_object_or_404(known)
    return _decision(sensitive.decide(request.user, known, body.kind, body.state))


def _decision(decision: sensitive.Decision) -> dict[str, Any]:
    return {"batch": decision.batch, "changed": decision.photos}
