"""People who upload, delete, restore and search, and remember what they were promised."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from tests.embedders import PALETTE
from tests.server.stack import picture

LIVE, TRASHED, GONE = "live", "trashed", "gone"
PAUSE = 0.05
KEPT = 40
"""Photos of one person; who has more deletes some, so that a long run does not slow down."""


@dataclass
class Kept:
    """A photo, and what may be true of it: more than one thing after a request without answer."""

    data: bytes
    colour: str
    photo_id: str = ""
    may_be: set[str] = field(default_factory=lambda: {LIVE, GONE})

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class NoAnswer(Exception):
    """The request may have been done or not."""


class Person(threading.Thread):
    """One account, which does one thing after another until it is told to stop.

    `faults` are sentences about answers that should never have been given, and `counts` tells how
    many requests of each kind were answered.
    """

    def __init__(self, name: str, url: str, token: str, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self.token, self.url = token, url
        self.chance = random.Random(seed)
        self.photos: list[Kept] = []
        self.known: set[str] = set()
        self.others: set[str] = set()
        self.faults: list[str] = []
        self.uploads = 0
        self.counts: dict[str, int] = {}
        self._marks = self.chance.randrange(1 << 16)
        self._stop_asked = threading.Event()
        self.http = self._client()

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def resume(self) -> Self:
        """Return the same person, in a thread that can be started."""
        again = type(self)(self.name, self.url, self.token, self.chance.randrange(1 << 30))
        again.photos, again.known, again.others = self.photos, self.known, self.others
        again.faults, again.counts, again.uploads = self.faults, self.counts, self.uploads
        return again

    def deeds(self) -> list[tuple[Callable[[], None], int]]:
        """Return what they do, and how often among the others."""
        return [
            (self.upload, 8),
            (self.search, 6),
            (self.trash, 3),
            (self.restore, 1),
            (self.delete, 2),
            (self.browse, 2),
        ]

    def run(self) -> None:
        deeds, weights = zip(*self.deeds(), strict=True)
        while not self._stop_asked.is_set():
            (deed,) = self.chance.choices(deeds, weights)
            with suppress(NoAnswer):
                deed()
            time.sleep(PAUSE)
        self.http.close()

    def stop(self) -> None:
        self._stop_asked.set()
        self.join(30)
        assert not self.is_alive()

    # --- what they do -----------------------------------------------------------------------

    def upload(self) -> None:
        if sum(LIVE in one.may_be for one in self.photos) > KEPT:
            return self.trash()
        self._marks += 1
        colour = self.chance.choice(list(PALETTE))
        kept = Kept(picture(PALETTE[colour], mark=self._marks), colour)
        self.photos.append(kept)
        self.send(kept)

    def send(self, kept: Kept) -> None:
        """Upload a picture, for the first time or again; raise `NoAnswer`."""
        answer = self.ask("POST", "/api/v1/photos", files={"file": ("a.png", kept.data)})
        if answer.status_code not in (200, 201):
            if not _lost_its_decoder(answer):
                self.expect(answer, 429, 503, 507)
            raise NoAnswer
        self.uploads += answer.status_code == 201
        kept.photo_id, kept.may_be = answer.json()["id"], {LIVE}
        self.known.add(kept.photo_id)

    def trash(self) -> None:
        self._change({LIVE}, TRASHED, lambda kept: ("DELETE", f"/api/v1/photos/{kept.photo_id}"))

    def delete(self) -> None:
        self._change({TRASHED}, GONE, lambda kept: ("DELETE", f"/api/v1/trash/{kept.photo_id}"))

    def restore(self) -> None:
        def request(kept: Kept) -> tuple[str, str]:
            return "POST", "/api/v1/trash/restore"

        self._change({TRASHED}, LIVE, request)

    def _change(
        self, before: set[str], after: str, request: Callable[[Kept], tuple[str, str]]
    ) -> None:
        some = [one for one in self.photos if one.photo_id and one.may_be == before]
        if not some:
            return
        kept = self.chance.choice(some)
        method, path = request(kept)
        kept.may_be = before | {after}
        body = {"json": {"ids": [kept.photo_id]}} if method == "POST" else {}
        answer = self.ask(method, path, **body)
        if answer.is_success:
            kept.may_be = {after}
        else:
            self.expect(answer, 429, 503)

    def search(self) -> None:
        """Search, and look for photos that must not be in any answer."""
        colour = self.chance.choice(list(PALETTE))
        self.look_at("search", "/api/v1/search", q=colour)

    def browse(self) -> None:
        self.look_at("browse", "/api/v1/photos", limit="60")

    def look_at(self, what: str, path: str, **parameters: str) -> dict[str, Any] | None:
        away = {one.photo_id for one in self.photos if one.photo_id and LIVE not in one.may_be}
        answer = self.ask("GET", path, params=parameters)
        if not answer.is_success:
            self.expect(answer, 429, 503)
            return None
        page: dict[str, Any] = answer.json()
        shown = {one["id"] for one in page.get("hits", page.get("photos", []))}
        if wrong := shown & away:
            self.faults.append(f"I5: {what} shows deleted photos {sorted(wrong)}")
        if wrong := shown & self.others:
            self.faults.append(f"I6: {what} shows {self.name} photos of others {sorted(wrong)}")
        return page

    # --- requests ---------------------------------------------------------------------------

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Return an answer; raise `NoAnswer` if there is none."""
        try:
            answer = self.http.request(method, path, **more)
        except httpx.HTTPError:
            self.http.close()
            self.http = self._client()
            time.sleep(0.1)
            raise NoAnswer from None
        kind = f"{answer.status_code // 100}xx"
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return answer

    def expect(self, answer: httpx.Response, *statuses: int) -> None:
        """Note an answer that no fault excuses."""
        if answer.status_code not in statuses:
            told = f"{answer.request.method} {answer.request.url.path}: {answer.status_code}"
            self.faults.append(f"{told} {answer.text[:200]}")


def _lost_its_decoder(answer: httpx.Response) -> bool:
    """Tell whether the child that read a picture was killed, which refuses that picture."""
    codes = ("decode_oom", "decoder_crashed")
    return answer.status_code == 400 and answer.json().get("code") in codes
