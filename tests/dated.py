"""Photos whose dates are known in every way that there is, for tests: rows only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gallery.models import Photo
from gallery.taken_time import TakenTime, unknown_time
from tests.alike import ADDED, photo

WALL = datetime(2024, 5, 31, 18, 30, 15, 250_000)


def dated(
    owner: Any,
    wall: datetime | None = WALL,
    *,
    offset: int = 120,
    source: str = Photo.OffsetSource.CAMERA,
    **fields: Any,
) -> Photo:
    """Return a stored photo that its camera dated so, or one without a date for None."""
    if wall is None:
        columns = unknown_time(ADDED, ZoneInfo("UTC"))
    else:
        columns = TakenTime(wall, offset, Photo.DateSource.CAMERA, source).columns()
    return photo(owner, **(columns | fields))


def assert_consistent(one: Photo) -> None:
    """The six columns of a date say the same."""
    assert one.wall_at.utcoffset() == timedelta()
    if one.taken_at is None:
        assert (one.utc_offset, one.date_source, one.offset_source) == (None, "", "")
        assert one.shown_at == one.created_at
        return
    assert one.taken_at == one.wall_at - timedelta(minutes=one.utc_offset or 0)
    # Names order the photos of one second.
    assert timedelta() <= one.shown_at - one.taken_at < timedelta(seconds=1)
    assert one.utc_offset is not None
    assert one.date_source
    assert one.offset_source


def clock(one: Photo) -> str:
    """Return the local time and the offset of a photo, as in "2024-05-31T18:30:15 +120"."""
    one.refresh_from_db()
    wall = one.wall_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    return f"{wall.isoformat()} {one.utc_offset:+d}" if one.utc_offset is not None else "unknown"
