"""The groups of duplicates as a table or as JSON, for scripts."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from typing import IO

from gallery import files
from gallery.models import LIVE_PHOTO
from search.duplicates.models import GroupMember


@dataclass(frozen=True)
class Row:
    """One photo in one group; `closeness` is that to the middle of the group, 0 to 1."""

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


OF_GROUP = ("group", "kind", "owner")
"""What all rows of a group share."""


def rows(owner_id: int | None, kind: str) -> Iterator[Row]:
    """Yield the live photos of all groups, each group's keeper first.

    None stands for all owners and an empty `kind` for both kinds. Groups come by owner and kind,
    those with the most bytes to recover first.
    """
    members = GroupMember.objects.select_related("photo", "group", "group__owner").filter(
        LIVE_PHOTO
    )
    if owner_id is not None:
        members = members.filter(group__owner_id=owner_id)
    if kind:
        members = members.filter(kind=kind)
    ordered = members.order_by(
        "group__owner", "kind", "-group__recoverable", "group", "-closeness", "photo"
    )
    for _, together in groupby(ordered.iterator(), key=lambda member: member.group_id):
        yield from sorted(map(_row, together), key=lambda row: not row.keep)


def _row(member: GroupMember) -> Row:
    photo, group = member.photo, member.group
    return Row(
        group=str(group.pk),
        kind=member.kind,
        keep=group.keeper_id == photo.pk,
        owner=group.owner.get_username(),
        path=str(files.original(photo)),
        name=photo.name,
        bytes=photo.size,
        width=photo.width,
        height=photo.height,
        closeness=round(member.closeness, 4),
        differs=member.how,
        sha256=photo.sha256,
    )


def write_csv(found: Iterable[Row], out: IO[str]) -> int:
    """Write a line per photo below a line of names; return how many photos."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow([field.name for field in fields(Row)])
    count = 0
    for row in found:
        values = asdict(row) | {"keep": "yes" if row.keep else "no"}
        table.writerow(values.values())
        count += 1
    return count


def write_json(found: Iterable[Row], out: IO[str]) -> int:
    """Write a list with an object per group and its photos inside; return how many photos."""
    count = 0
    out.write("[")
    for number, (_, together) in enumerate(groupby(found, key=lambda row: row.group)):
        photos = [asdict(row) for row in together]
        shared = {name: photos[0][name] for name in OF_GROUP}
        own = [{k: v for k, v in photo.items() if k not in shared} for photo in photos]
        out.write(",\n" if number else "\n")
        json.dump(shared | {"photos": own}, out, ensure_ascii=False)
        count += len(photos)
    out.write("\n]\n")
    return count
