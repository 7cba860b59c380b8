"""The marks part of the API: tags, rating, caption, heart and albums of many photos at once."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field, StrictBool

from gallery import marks
from gallery.api.albums import Stars
from gallery.api.described import Caption, TagName
from gallery.api.errors import ErrorOut, In
from gallery.api.trash import IDS_LIMIT
from gallery.mark_photos import Marked, Marking, mark
from gallery.names import TAGS_PER_PHOTO

router = Router(tags=["albums"])

_ALBUMS = 100
_Ids = Annotated[list[uuid.UUID], Field(max_length=IDS_LIMIT)]
_Tags = Annotated[list[TagName], Field(max_length=TAGS_PER_PHOTO)]
_Albums = Annotated[list[uuid.UUID], Field(max_length=_ALBUMS)]


class MarkingIn(In):
    """Photos by id, and what to do with them; fields that are left out or null change nothing.

    A tag or an album that is in both lists is added. Albums that are unknown are ignored.
    """

    ids: _Ids
    favourite: StrictBool | None = None
    rating: Stars | None = None
    caption: Caption | None = None
    add_tags: _Tags = []
    remove_tags: _Tags = []
    add_to_albums: _Albums = []
    take_out_of_albums: _Albums = []


class MarkingsIn(In):
    """Changes, made one after the other."""

    changes: Annotated[list[MarkingIn], Field(max_length=IDS_LIMIT)]


class MarkedOut(Schema):
    """How many photos changed; sent as `changes`, `undo` takes that back.

    `unknown` of the ids are not, or no longer, photos of this person. `full` photos have as many
    tags as a photo can have, and got none.
    """

    changed: int
    unknown: int
    full: int
    undo: list[MarkingIn]


class TagsOut(Schema):
    """Names of tags."""

    tags: list[str]


@router.get("/tags", response={200: TagsOut})
def list_tags(request: HttpRequest) -> TagsOut:
    """List the tags that photos have, by name, at most 500."""
    return TagsOut(tags=marks.tags_in_use(request.user))


@router.post("/photos/marks", response={200: MarkedOut, 400: ErrorOut}, exclude_unset=True)
def mark_photos(request: HttpRequest, body: MarkingsIn) -> dict[str, object]:
    """Change tags, rating, caption, heart and albums of up to 10,000 photos."""
    asked = [(change.ids, _marking(change)) for change in body.changes]
    done = [mark(request.user, ids, marking) for ids, marking in asked]
    # As dictionaries, in which what was not said stays unsaid.
    return {**_sums(done), "undo": [row for result in reversed(done) for row in result.undo]}


def _marking(change: MarkingIn) -> Marking:
    """Return what a change says, checked; raise `BadName`."""
    return Marking(**change.dict(exclude={"ids"}))


def _sums(done: list[Marked]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for result in done:
        counts.update(changed=result.changed, unknown=result.unknown, full=result.full)
    return {name: counts[name] for name in ("changed", "unknown", "full")}
