"""What all lists of the API take: how much to return, from where."""

from __future__ import annotations

from typing import Annotated

from ninja import Schema

from gallery.api.described import cursor_like, up_to
from gallery.paging import BY_ID


class ListIn(Schema):
    """The part of a list to return."""

    limit: Annotated[int, up_to()] = 60
    cursor: Annotated[str, cursor_like(BY_ID)] = ""


class PageIn(ListIn):
    """How much to list, from where."""

    limit: Annotated[int, up_to()] = 50
