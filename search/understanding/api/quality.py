"""The part of the API for sharpness and exposure."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Annotated

from django.db.models import prefetch_related_objects
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema

from gallery.api.described import empty_or, up_to
from gallery.api.errors import ErrorOut
from gallery.api.photos import PhotoOut, photo_out
from gallery.decoding.quality import ENGINE
from gallery.models import Embedding, Photo
from gallery.models.quality import quality_of
from gallery.paging import check_limit
from gallery.quality_words import state_of, words_of
from search.understanding.quality.best import best_of
from search.understanding.quality.scope import scope_of

router = Router(tags=["quality"])


class QualityOut(Schema):
    """How sharp and how well exposed a photo is.

    `state` is measured, waiting (not measured yet: the numbers are null) or none (it cannot be
    measured). Figures of sharpness compare photos of one scene: `sharpness` of the whole, `centre`
    of the inner quarter. `reach` is 0.51 where nothing is finer than a few pixels and 0.6 or more
    where single pixels stand out. `clipped_lights` and `clipped_darks` are shares of the picture,
    `noise` a standard deviation and `light` a mean, both of 255 levels. `words` is what the page
    says.
    """

    state: str
    engine: str = ENGINE
    words: str = ""
    sharpness: float | None = None
    centre: float | None = None
    clipped_lights: float | None = None
    clipped_darks: float | None = None
    noise: float | None = None
    light: float | None = None
    reach: float | None = None


class BestIn(Schema):
    """Of what: an album or a photo's burst by its id, a day like 2024-05-31, or all photos."""

    album: Annotated[str, empty_or({"type": "string", "format": "uuid"})] = ""
    day: Annotated[str, empty_or({"type": "string", "format": "date"})] = ""
    of: Annotated[str, empty_or({"type": "string", "format": "uuid"})] = ""
    limit: Annotated[int, up_to()] = 24


class BestPhotoOut(Schema):
    """A photo, what speaks for it, and the others of its burst, which it stands for."""

    photo: PhotoOut
    reasons: list[str]
    others: list[uuid.UUID]


class TasteOut(Schema):
    """What was learnt from `likes` and tested on `rejects`.

    `agreement` is the share of pairs ranked as the person did, null with too few likes; `used`
    tells whether it counts.
    """

    used: bool
    likes: int
    rejects: int
    agreement: float | None


class BestOut(Schema):
    """The best photos, the best first, of `photos_in_scope`."""

    photos: list[BestPhotoOut]
    photos_in_scope: int
    taste: TasteOut


@router.get("/best", response={200: BestOut, frozenset({400, 404}): ErrorOut})
def best(request: HttpRequest, params: Query[BestIn]) -> BestOut:
    """Return the best photos of an album, a day, a burst or all: one of each burst, varied."""
    check_limit(params.limit)
    user = request.user
    scope = scope_of(user, album=params.album, day=params.day, of=params.of)
    found = best_of(user, scope.photos, params.limit)
    rows = Photo.objects.visible_to(user).in_bulk([one.id for one in found.photos])
    shown = [one for one in found.photos if one.id in rows]
    photos = [rows[one.id] for one in shown]
    states = Embedding.objects.states_of(photos)
    prefetch_related_objects(photos, "tags", "albums", "companions")
    taste = found.taste
    return BestOut(
        photos=[
            BestPhotoOut(
                photo=photo_out(photo, states[photo.pk]),
                reasons=list(one.reasons),
                others=list(one.others),
            )
            for photo, one in zip(photos, shown, strict=True)
        ],
        photos_in_scope=found.looked_at,
        taste=TasteOut(
            used=taste.is_on,
            likes=taste.likes,
            rejects=taste.rejects,
            agreement=taste.agreement,
        ),
    )


@router.get("/photos/{uuid:photo_id}/quality", response={200: QualityOut, 404: ErrorOut})
def quality(request: HttpRequest, photo_id: uuid.UUID) -> QualityOut:
    """Return how sharp and how well exposed a photo is."""
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    measured = quality_of([photo.pk]).get(photo.pk)
    if measured is None:
        return QualityOut(state=state_of(photo))
    numbers = {name: round(value, 4) for name, value in asdict(measured).items()}
    return QualityOut(state="measured", words=words_of(photo).words, **numbers)
