"""The cursor of a page: where the next page of the same list begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gallery.paging import ID, NOT_GIVEN, TIME
from search.language.query_errors import ErrorCode, QueryError

_KEY, _POSITION = "[0-9a-f]{16}", "[0-9]{1,7}"
CURSOR = rf"(?:(?:{_KEY})?\.)?{_POSITION}(?:\.{ID}(?:\.{TIME})?)?"
"""How a cursor is written, as a regular expression (ECMA 262)."""
_FORM = re.compile(
    rf"(?:(?P<key>{_KEY})?\.)?(?P<position>{_POSITION})"
    rf"(?:\.(?P<last>{ID})(?:\.(?P<micros>{TIME}))?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cursor:
    """A place in a list of results.

    `key` names the list as it was pinned; it is empty where nothing was. `position` counts the
    photos before, and `last` is the last of these. By date, `moment` is the time of that photo.
    """

    position: int = 0
    key: str = ""
    last: UUID | None = None
    moment: datetime | None = None

    def __str__(self) -> str:
        text = f"{self.key}.{self.position}"
        text += f".{self.last.hex}" if self.last else ""
        return text + (f".{_micros(self.moment)}" if self.moment else "")


def read_cursor(text: str) -> Cursor:
    """Return a cursor from its text, the first place for none; raise `QueryError` if made up."""
    if not text:
        return Cursor()
    match = _FORM.fullmatch(text)
    if match is None:
        raise QueryError(ErrorCode.BAD_CURSOR, str(NOT_GIVEN))
    last, micros = match["last"], match["micros"]
    moment = _EPOCH + timedelta(microseconds=int(micros)) if micros and last else None
    return Cursor(int(match["position"]), match["key"] or "", UUID(last) if last else None, moment)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
