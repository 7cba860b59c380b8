"""Lists for scripts and spreadsheets: groups as CSV or JSON, and skipped files as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from typing import IO

from gallery import files
from gallery.models import LIVE_PHOTO, User
from gallery.paths import shown
from search.duplicates.models import GroupMember
from search.duplicates.review.listing import skipped_files

SKIPPED_HEADINGS = ["file", "same as", "address", "source", "bytes", "when"]

_AT_ONCE = 200  # skipped files read at a time


@dataclass(frozen=True)
class Row:
    """One photo in one group; `closeness` is that to the medoid of the group, 0 to 1."""

    group: str
    kind: str
    keep: bool
    owner: str
    path: str
    name: str
    bytes: int
    width: int
    height: int
    closeness: float
    differs: str
    sha256: str


_GROUP_FIELDS = ("group", "kind", "owner")  # the same in all rows of a group


def group_rows(owner_id: int | None, kind: str) -> Iterator[Row]:
    """Yield the live photos of all groups, each group's keeper first.

    None stands for all owners and an empty `kind` for both kinds. Groups come by owner and kind,
    those with the most bytes to recover first.
    """
    members = GroupMember.objects.filter(LIVE_PHOTO).select_related("photo", "group__owner")
    if owner_id is not None:
        members = members.filter(group__owner_id=owner_id)
    if kind:
        members = members.filter(kind=kind)
    order = ("group__owner", "kind", "-group__recoverable", "group", "-closeness", "photo")
    ordered = members.order_by(*order)
    for _, group in groupby(ordered.iterator(), key=lambda member: member.group_id):
        yield from sorted(map(_row, group), key=lambda row: not row.keep)


def _row(member: GroupMember) -> Row:
    photo, group = member.photo, member.group
    return Row(
        group=str(group.pk),
        kind=member.kind,
        keep=group.keeper_id == photo.pk,
        owner=group.owner.get_username(),
        path=shown(files.original(photo)),
        name=photo.name,
        bytes=photo.size,
        width=photo.width,
        height=photo.height,
        closeness=round(member.closeness, 4),
        differs=member.how,
        sha256=photo.sha256,
    )


def write_csv(rows: Iterable[Row], out: IO[str]) -> int:
    """Write a line of names, then a line per photo; return how many photos."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow([field.name for field in fields(Row)])
    count = 0
    for row in rows:
        table.writerow((asdict(row) | {"keep": "yes" if row.keep else "no"}).values())
        count += 1
    return count


def write_json(rows: Iterable[Row], out: IO[str]) -> int:
    """Write a list with an object per group and its photos inside; return how many photos."""
    count = 0
    out.write("[")
    for number, (_, group) in enumerate(groupby(rows, key=lambda row: row.group)):
        photos = [asdict(row) for row in group]
        shared = {name: photos[0][name] for name in _GROUP_FIELDS}
        own = [{k: v for k, v in photo.items() if k not in shared} for photo in photos]
        out.write(",\n" if number else "\n")
        json.dump(shared | {"photos": own}, out, ensure_ascii=False)
        count += len(photos)
    out.write("\n]\n")
    return count


class _Line:
    """Stands in for a file where the CSV writer needs one: returns what is written."""

    def write(self, line: str) -> str:
        return line


def skipped_files_csv(user: User, absolute: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of a CSV file; `absolute` makes a path of the gallery a whole address."""
    writer = csv.writer(_Line())
    yield writer.writerow(SKIPPED_HEADINGS)
    cursor: str | None = ""
    while cursor is not None:
        rows, cursor = skipped_files(user, cursor=cursor, limit=_AT_ONCE)
        for row in rows:
            names = [_harmless(row.name), _harmless(row.photo.name)]
            address = absolute(row.photo.get_absolute_url())
            when = row.skipped_at.isoformat()
            yield writer.writerow([*names, address, row.source, row.photo.size, when])


def _harmless(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in {"=", "+", "-", "@", "\t", "\r"} else name
