"""What a gallery holds whose ids made-up requests may name, and making more of it.

Runs in the environment of Schemathesis: no Django, no Pillow.
"""

from __future__ import annotations

import itertools
import os
import struct
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID

import requests

COLOURS = ((220, 30, 30), (30, 160, 40), (30, 60, 220), (240, 220, 40), (130, 30, 160), (8, 8, 8))
PHOTOS = 36
"""A map is drawn once there are 30 that can be searched."""
PATIENCE = 60
"""Seconds within which photos become searchable and alike ones are found."""
LEAST = 3
"""Things of a kind that there always are."""
TAG, KIND = "family", "papers at home"
"""A tag that photos have, and an own kind of sensitive pictures."""

_numbers = itertools.count(1)
_CELL = 16


def png(number: int) -> bytes:
    """Return a picture that no other file is equal to; three in a row show the same."""
    random = Random(number // 3)
    main = COLOURS[number // 3 % len(COLOURS)]
    cells = [[bytes(_near(main, random)) * _CELL for _ in range(8)] for _ in range(8)]
    rows = b"".join(b"\0" + b"".join(row) for row in cells for _ in range(_CELL))
    side = 8 * _CELL
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )
    # What follows the end is not looked at, but makes the file a new one.
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + os.urandom(8)


def _near(colour: tuple[int, int, int], random: Random) -> list[int]:
    return [min(255, max(0, value + random.randint(-60, 60))) for value in colour]


class Stock:
    """The things of one account in a running gallery, by kind."""

    def __init__(self, url: str, token: str, friend: str) -> None:
        self.url, self.token, self.friend = url, token, friend
        self._ids: dict[str, list[str]] = defaultdict(list)
        self._labels: dict[str, str] = {}
        self._members: dict[str, list[str]] = {}
        self._lock = threading.RLock()

    # --- what there is ----------------------------------------------------------------------------

    def one(self, kind: str, number: int) -> str | None:
        """Return a thing of a kind, the same one for the same number while it is there."""
        with self._lock:
            while len(self._ids[kind]) < LEAST:
                if not (made := list(getattr(self, f"_make_{kind}", lambda: ())())):
                    break
                self._ids[kind] += made
            ids = self._ids[kind]
            return ids[number % len(ids)] if ids else None

    def label_of(self, set_id: str) -> str | None:
        """Return a label of a set."""
        return self._labels.get(set_id)

    def members_of(self, thing: str) -> list[str]:
        """Return the photos of a stack or of a group of duplicates."""
        return self._members.get(thing, [])

    def drop(self, gone: str) -> None:
        """Forget a thing that is no longer there."""
        with self._lock:
            for ids in self._ids.values():
                if gone in ids:
                    ids.remove(gone)

    def fill(self) -> None:
        """Make some of everything, and wait until photos are searchable and compared."""
        with self._lock:
            for _each in range(PHOTOS):
                self._ids["photo"] += self._make_photo()
            self._send("POST", f"/tags/{TAG}/photos", json={"ids": self._ids["photo"][:5]})
            self._send("POST", "/sensitive/kinds", json={"name": KIND, "prompts": ["a passport"]})
            self._ids["tag"], self._ids["kind"] = [TAG], [KIND, "private"]
            self._ids["person"] = ["bob"]
            self._ids["run"] = os.environ.get("FUZZ_RUNS", "").split()
            self._ids["act"] = os.environ.get("FUZZ_ACTS", "").split()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not (self._groups() and self._is_mapped()):
            time.sleep(0.5)

    def _is_mapped(self) -> bool:
        answer = requests.get(f"{self.url}/api/v1/map", headers=self._headers(), timeout=30)
        return answer.status_code == 200

    # --- making more ------------------------------------------------------------------------------

    def _headers(self, token: str = "") -> dict[str, str]:
        return {"Authorization": f"Bearer {token or self.token}"}

    def _send(self, method: str, path: str, token: str = "", **sent: Any) -> dict[str, Any]:
        address = f"{self.url}/api/v1{path}"
        answer = requests.request(method, address, headers=self._headers(token), timeout=30, **sent)
        return dict(answer.json()) if answer.ok and answer.content else {}

    def _made(self, path: str, token: str = "", **sent: Any) -> Iterator[str]:
        made = self._send("POST", path, token, json=sent)
        if "id" in made:
            yield made["id"]

    def _make_photo(self, token: str = "") -> list[str]:
        number = next(_numbers)
        name = f"{number}.png"
        file = {"file": (name, png(number), "image/png")}
        made = self._send("POST", "/photos", token, files=file)
        return [made["id"]] if made else []

    def _make_trashed(self) -> list[str]:
        made = self._make_photo()
        self._send("POST", "/photos/trash", json={"ids": made})
        return made

    def _make_album(self) -> Iterator[str]:
        for album in self._made("/albums", name=f"album {next(_numbers)}"):
            photo = self.one("photo", next(_numbers))
            self._send("POST", f"/albums/{album}/photos", json={"ids": [photo]})
            yield album

    def _make_search(self) -> Iterator[str]:
        return self._made("/searches", name=f"search {next(_numbers)}", query="red")

    def _make_stack(self) -> list[str]:
        photos = [*self._make_photo(), *self._make_photo()]
        made = list(self._made("/stacks", ids=photos))
        self._members |= dict.fromkeys(made, photos)
        return made

    def _make_set(self) -> Iterator[str]:
        labels = [{"name": "red"}, {"name": "blue", "wordings": ["the sea"]}]
        sent = {"name": f"set {next(_numbers)}", "kind": "any_of", "labels": labels}
        made = self._send("POST", "/label-sets", json=sent)
        if made:
            self._labels[made["id"]] = made["labels"][0]["id"]
            yield made["id"]

    def _make_member(self) -> Iterator[str]:
        return self._made("/shares/members", album=next(self._make_album()), name="bob")

    def _make_link(self) -> Iterator[str]:
        return self._made("/shares/links", album=self.one("album", 0))

    def _make_shared(self) -> list[str]:
        list(self._make_member())
        return [row["id"] for row in self._send("GET", "/shares")["by_me"]]

    def _make_guest(self) -> list[str]:
        """Be shared something as a contributor."""
        album = next(self._made("/albums", self.friend, name=f"album {next(_numbers)}"))
        sent = {"album": album, "name": "fuzz", "role": "contributor"}
        self._send("POST", "/shares/members", self.friend, json=sent)
        return [row["id"] for row in self._send("GET", "/shares")["with_me"]]

    def _groups(self) -> list[dict[str, Any]]:
        return list(self._send("GET", "/duplicates").get("groups", []))

    def _make_group(self) -> list[str]:
        groups = self._groups()
        self._members |= {row["id"]: [one["id"] for one in row["members"]] for row in groups}
        return [row["id"] for row in groups]

    def _make_decision(self) -> list[str]:
        """Decide a group of duplicates, which can be undone."""
        group = self.one("group", 0)
        if group is None:
            return []
        path, seen = f"/duplicates/{group}/resolve", self.members_of(group)
        made = self._send("POST", path, json={"action": "dismiss", "seen": seen})
        return [made["batch"]] if made else []

    def _make_correction(self) -> list[str]:
        """Correct the dates of photos, which can be undone."""
        ids = [self.one("photo", number) for number in range(LEAST)]
        shift = {"days": next(_numbers) % 5 + 1}
        made = self._send("POST", "/photos/dates", json={"ids": ids, "shift": shift})
        return [made["undo"]] if made.get("undo") else []

    def _make_words(self) -> list[str]:
        """Say that photos are of a kind, which can be undone."""
        sent = {"ids": [self.one("photo", 0)], "kind": KIND, "state": "cleared"}
        made = self._send("POST", "/sensitive", json=sent)
        return [made["batch"]] if made else []


def number_of(text: object) -> int | None:
    """Return the number in an id, None for what is no id."""
    try:
        return UUID(str(text)).int
    except ValueError:
        return None
