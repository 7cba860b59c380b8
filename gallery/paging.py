"""Keyset pagination: stable while new rows arrive, as fast on page 10,000."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db.models import Q

from gallery.models import Photo
from gallery.models.photos import PhotoQuerySet
from gallery.user_errors import UserError

MAX_LIMIT = 200
"""Rows that a caller may ask for at once."""
NOT_GIVEN = "The cursor is not one that this gallery gave."

Key = TypeVar("Key")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadCursor(UserError):
    """A cursor or limit was made up; the message says what is wrong."""

    code = "bad_parameter"


def check_limit(limit: int, most: int = MAX_LIMIT) -> None:
    """Raise `BadCursor` when a page of so many would be too much or nothing."""
    if not 1 <= limit <= most:
        raise BadCursor(f"limit must be between 1 and {most}.")


def page_after(
    photos: PhotoQuerySet, cursor: str, limit: int, *, by: str = "shown_at"
) -> tuple[list[Photo], str | None]:
    """Return up to `limit` photos after `cursor`, the latest first, and the next cursor or None.

    `by` names the moment that they are ordered by. Raises `BadCursor` for a made-up cursor.
    """
    if cursor:
        moment, photo_id = read_cursor(cursor, uuid.UUID)
        photos = photos.filter(Q(**{f"{by}__lt": moment}) | Q(**{by: moment, "id__lt": photo_id}))
    rows = list(photos.order_by(f"-{by}", "-id")[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], cursor_of(getattr(last, by), last.pk.hex)


def cursor_of(moment: datetime, key: object) -> str:
    """Return the cursor that continues behind a moment and a key: microseconds since 1970, key."""
    return f"{(moment - _EPOCH) // timedelta(microseconds=1)}_{key}"


def read_cursor(cursor: str, read: Callable[[str], Key]) -> tuple[datetime, Key]:
    """Return what `cursor_of` was given, the key read by `read`; raise `BadCursor` if made up."""
    micros, _, key = cursor.partition("_")
    try:
        return _EPOCH + timedelta(microseconds=int(micros)), read(key)
    except (ValueError, OverflowError):
        raise BadCursor(NOT_GIVEN) from None
