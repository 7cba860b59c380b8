"""The sentences part of the API: which of some texts describes a photo."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import AfterValidator

from gallery.api.described import items, text
from gallery.api.errors import ErrorOut, In
from gallery.models import Photo
from search.relevance import Band
from search.understanding.sentences import lines
from search.understanding.sentences.matching import match

router = Router(tags=["sentences"])

_ERRORS = frozenset({400, 401, 404, 409, 503})

Rounded = Annotated[float, AfterValidator(lambda number: round(number, 4))]


class MatchIn(In):
    """Sentences to judge, at most 200."""

    texts: Annotated[
        list[Annotated[str, text(most=lines.LONGEST)]],
        items(1, lines.MOST, contains={"pattern": r"\S"}),
    ]


class MatchOut(Schema):
    """A sentence, its share of the certainty, its cosine similarity and its band.

    `reordered` says that another sentence has the same words in another order, which the model
    hardly tells apart.
    """

    text: str
    probability: Rounded
    score: Rounded
    band: Band | None
    reordered: bool


class MatchesOut(Schema):
    """The sentences, the best first, and the model that judged them."""

    model: str
    matches: list[MatchOut]


@router.post("/photos/{uuid:photo_id}/match", response={200: MatchesOut, _ERRORS: ErrorOut})
def match_texts(request: HttpRequest, photo_id: uuid.UUID, body: MatchIn) -> Any:
    """Judge which sentences describe a photo; empty lines and repeated ones are left out."""
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    return match(request.user, photo, body.texts)
