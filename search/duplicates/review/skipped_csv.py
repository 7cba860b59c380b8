"""The list of files that were not stored because the same bytes were here, for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from search.duplicates.groups import groups

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

_AT_ONCE = 200  # rows read at a time

HEADINGS = ["file", "same as", "address", "source", "bytes", "when"]


class _Line:
    """Stands in for a file where the CSV writer needs one: gives back what is written."""

    def write(self, line: str) -> str:
        return line


def as_csv(user: AbstractBaseUser, absolute: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of a CSV file, read in parts; `absolute` completes the path of a photo."""
    writer = csv.writer(_Line())
    yield writer.writerow(HEADINGS)
    cursor: str | None = ""
    while cursor is not None:
        rows, cursor = groups.skipped(user, cursor=cursor, limit=_AT_ONCE)
        for row in rows:
            photo = row.photo
            address = absolute(photo.get_absolute_url())
            names = [_text(row.name), _text(photo.name)]
            yield writer.writerow(
                [*names, address, row.source, photo.size, row.skipped_at.isoformat()]
            )


def _text(value: str) -> str:
    """Return a name that no spreadsheet takes for a formula."""
    return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
