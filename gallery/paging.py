"""Keyset pagination over photos: stable while new ones arrive, as fast on page 10,000."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from gallery.models import Photo
from gallery.models.photos import PhotoQuerySet


class BadCursor(Exception):
    """A cursor or limit was made up; the message says what is wrong."""

    code = "bad_parameter"

    @property
    def message(self) -> str:
        """The sentence for the caller."""
        return str(self)


def page_after(photos: PhotoQuerySet, cursor: str, limit: int) -> tuple[list[Photo], str | None]:
    """Return up to `limit` photos after `cursor`, newest first, and the next cursor or None."""
    if cursor:
        photos = photos.before(*read_cursor(cursor))
    rows = list(photos.newest_first()[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor_of(rows[limit - 1])


def cursor_of(photo: Photo) -> str:
    """Return the cursor that continues behind `photo`: microseconds and id."""
    since_epoch = photo.shown_at - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000
    return f"{micros + since_epoch.microseconds}_{photo.pk.hex}"


def read_cursor(cursor: str) -> tuple[datetime, uuid.UUID]:
    """Return the position that a cursor stands for; raise `BadCursor` for a made-up one."""
    micros, _, photo_id = cursor.partition("_")
    try:
        shown_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros))
        return shown_at, uuid.UUID(hex=photo_id)
    except (ValueError, OverflowError):
        raise BadCursor("The cursor is not one that this gallery gave.") from None
