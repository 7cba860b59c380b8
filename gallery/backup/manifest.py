"""The manifest of a generation: what was backed up, when, and the checksum of every part.

It is written last, so a folder without one is a backup that was cut short, and counts for nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from gallery.backup.marker import FORMAT
from gallery.backup.parts import Part
from gallery.backup.refused import Damaged
from gallery.backup.targets import Target

GENERATIONS = "generations"
MANIFEST = "manifest.json"
RETIRED = "retired.json"
FILE_LIST = "files.jsonl.gz"
SECRET_KEY = "secret_key"  # noqa: S105 - the name of a file


@dataclass(frozen=True)
class Manifest:
    """What one generation holds.

    `migrations` names the last migration of each app; `columns` those of each table, whose rows
    are in the part `database/TABLE.jsonl.gz`; `photos` are those that were not deleted. `files`
    counts the files by what became of them (`gallery.backup.file_list.Outcome`), `bytes` is the
    size of those that can be restored, and `secret_key` says where the key is: "included" or
    "environment".
    """

    gallery: str
    made_at: str
    version: str
    engine: str
    migrations: dict[str, str]
    models: list[str]
    photos: int
    columns: dict[str, list[str]]
    parts: dict[str, Part]
    files: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    secret_key: str = ""
    format: int = FORMAT

    def rows(self, table: str) -> int:
        """Return how many rows of a table there are."""
        return self.parts[part_of(table)].lines


def part_of(table: str) -> str:
    """Return the name of the part with the rows of a table."""
    return f"database/{table}.jsonl.gz"


def table_of(part: str) -> str:
    """Return the table whose rows a part holds, "" for any other part."""
    folder, _, name = part.rpartition("/")
    return name.removesuffix(".jsonl.gz") if folder == "database" else ""


def folder_of(generation: str) -> str:
    """Return the path of a generation in its target."""
    return f"{GENERATIONS}/{generation}"


def write(target: Target, generation: str, manifest: Manifest) -> None:
    """Complete a generation, once everything that it names is on the disk."""
    target.settle()
    content = asdict(manifest)
    sealed = {**content, "checksum": _checksum(content)}
    with target.create(f"{folder_of(generation)}/{MANIFEST}") as file:
        file.write(json.dumps(sealed, indent=2).encode())
    target.settle()


def read(target: Target, generation: str) -> Manifest:
    """Return the manifest of a generation; raise `Damaged` if it is missing or was changed."""
    path = f"{folder_of(generation)}/{MANIFEST}"
    try:
        with target.open(path) as file:
            content: dict[str, Any] = json.load(file)
        if content.pop("checksum") != _checksum(content):
            raise Damaged(f"{path} in {target.name} is not what was written there.")
        parts = {name: Part(**part) for name, part in content.pop("parts").items()}
        return Manifest(**content, parts=parts)
    except FileNotFoundError:
        raise Damaged(f"{path} is missing in {target.name}.") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Damaged(f"{path} in {target.name} is damaged: {error}.") from error


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def generations(target: Target, *, retired: bool = False) -> list[str]:
    """Return the complete generations, oldest first; with `retired`, also those to go soon."""
    found = []
    for name in target.folders(GENERATIONS):
        complete = target.size(f"{folder_of(name)}/{MANIFEST}") is not None
        is_retired = target.size(f"{folder_of(name)}/{RETIRED}") is not None
        if complete and (retired or not is_retired):
            found.append(name)
    return found


def latest(target: Target) -> str | None:
    """Return the newest generation, or None before the first."""
    return next(reversed(generations(target)), None)
