"""Keyset pagination: stable while new rows arrive, as fast on page 10,000."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy as _

from gallery.models import Photo, PhotoQuerySet
from gallery.user_errors import UserError

MAX_LIMIT = 200
"""Rows that a caller may ask for at once."""
NOT_GIVEN = _("The cursor is not one that this gallery issued.")

ID, NUMBER = "[0-9a-f]{32}", "[0-9]{1,18}"
"""An id as hex, and a number that columns hold."""
TIME = "(?:-?[0-9]{1,16}|-[1-5][0-9]{16}|[0-9]{17}|1[0-9]{17}|2[0-4][0-9]{16})"
"""Microseconds since 1970: the years 80 to 9860 and some more, all in Python's calendar."""
REAL = "-?[0-9]{1,9}(?:[.][0-9]{1,20})?(?:e-[0-9]{1,3})?"
"""A score, as `repr` writes it."""
BY_ID, BY_NUMBER = f"{TIME}_{ID}", f"{TIME}_{NUMBER}"
"""How cursors are written that begin with a time, as regular expressions (ECMA 262)."""

Key = TypeVar("Key", uuid.UUID, int)
_FORMS = {uuid.UUID: re.compile(BY_ID), int: re.compile(BY_NUMBER)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadCursor(UserError):
    """A cursor or another parameter is invalid; the message says what is wrong."""

    code = "bad_parameter"


def check_limit(limit: int, most: int = MAX_LIMIT) -> None:
    """Raise `BadCursor` for a page size below 1 or above `most`."""
    if not 1 <= limit <= most:
        raise BadCursor(gettext("limit must be between 1 and %(most)d.") % {"most": most})


def page_after(
    photos: PhotoQuerySet, cursor: str, limit: int, *, by: str = "shown_at"
) -> tuple[list[Photo], str | None]:
    """Return up to `limit` photos after `cursor`, the latest first, and the next cursor or None.

    `by` names the time column that orders them. Raises `BadCursor` for a made-up cursor.
    """
    if cursor:
        moment, photo_id = read_cursor(cursor, uuid.UUID)
        photos = photos.filter(Q(**{f"{by}__lt": moment}) | Q(**{by: moment, "id__lt": photo_id}))
    rows = list(photos.order_by(f"-{by}", "-id")[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], cursor_of(getattr(last, by), last.pk.hex)


def page_before(photos: PhotoQuerySet, cursor: str, limit: int) -> tuple[list[Photo], str | None]:
    """Return up to `limit` photos just before `cursor`, newest first, and the cursor before them.

    That is None where they are the newest. Raises `BadCursor` for a made-up cursor.
    """
    moment, photo_id = read_cursor(cursor, uuid.UUID)
    newer = photos.filter(Q(shown_at__gt=moment) | Q(shown_at=moment, id__gt=photo_id))
    rows = list(newer.order_by("shown_at", "id")[: limit + 1])
    first = rows[limit - 1 : limit] if len(rows) > limit else []
    return rows[:limit][::-1], cursor_of(first[0].shown_at, first[0].pk.hex) if first else None


def cursor_from(photo: Photo) -> str:
    """Return the cursor after which a page begins with this photo."""
    return cursor_of(photo.shown_at, uuid.UUID(int=photo.pk.int + 1).hex)


def cursor_of(moment: datetime, key: object) -> str:
    """Return the cursor that continues after a time and a key: microseconds since 1970, key."""
    return f"{(moment - _EPOCH) // timedelta(microseconds=1)}_{key}"


def read_cursor(cursor: str, read: type[Key]) -> tuple[datetime, Key]:
    """Return the time and the key of a cursor, the key read by `read`; raise `BadCursor`."""
    if not _FORMS[read].fullmatch(cursor):
        raise BadCursor(str(NOT_GIVEN))
    micros, _, key = cursor.partition("_")
    return _EPOCH + timedelta(microseconds=int(micros)), read(key)
