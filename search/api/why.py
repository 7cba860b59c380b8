"""The API of the heat map: where in a photo a query matches."""

from __future__ import annotations

import uuid

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema

from gallery.api.errors import ErrorOut
from gallery.models import Photo
from search import language
from search.engine import explain
from search.language import require_known_parameters

router = Router(tags=["search"])
_ERRORS = frozenset({400, 401, 404, 409, 503})


class WhyOut(Schema):
    """How well a photo and its parts match a query.

    `score` is the cosine similarity that ranks it, null where the filters leave it out. `values`
    has `rows` lists of `columns` numbers from 0 to 1: how well each cell matches, compared with
    the rest of the photo. `box` is the part that matches best, left, top, width and height as
    fractions, and `part_score` its cosine similarity.
    """

    query: str
    model: str
    score: float | None
    band: str | None
    words: str
    rows: int
    columns: int
    values: list[list[float]]
    box: tuple[float, float, float, float]
    part_score: float


@router.get("/photos/{uuid:photo_id}/why", response={200: WhyOut, _ERRORS: ErrorOut})
def why(request: HttpRequest, photo_id: uuid.UUID, q: str = "") -> WhyOut:
    """Say where in a photo a query matches, and how far the photo can be trusted."""
    require_known_parameters(request.GET, "q")
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    found = explain.why(request.user, photo, language.parse(q))
    rows, columns = found.heat.values.shape
    left, top, width, height = (round(side, 4) for side in found.heat.box)
    return WhyOut(
        query=language.to_text(found.query),
        model=found.model,
        score=None if found.score is None else round(found.score, 4),
        band=found.band,
        words=found.words,
        rows=rows,
        columns=columns,
        values=[[round(float(value), 3) for value in row] for row in found.heat.values],
        box=(left, top, width, height),
        part_score=round(found.heat.score, 4),
    )
