"""What must hold after the faults: what was promised over HTTP, and the invariants of `fsck`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing
from typing import Any

from tests.crash.galleries import Gallery
from tests.crash.load import GONE, LIVE, TRASHED, Kept, NoAnswer, Person
from tests.server.processes import ROOT

PATIENCE = 60.0
"""Seconds after a lease within which everything settles."""

LATE = ("point without a searchable photo", "file without a photo")
"""What a killed worker may leave: points that the index took, and thumbnails that were made, after
the photo was removed."""
SWEEP_SECONDS = 50.0
"""Within which a sweep has removed these: there are two a minute."""

UNFINISHED = (
    "SELECT count(*) FROM gallery_embedding row JOIN gallery_photo photo ON photo.id = row.photo_id"
    " WHERE photo.deleted_at IS NULL AND ((photo.trashed_at IS NULL"
    " AND row.state NOT IN ('indexed', 'failed'))"
    " OR (photo.trashed_at IS NOT NULL AND row.indexed_at IS NOT NULL))"
)
DOOMED = "SELECT count(*) FROM gallery_photo WHERE deleted_at IS NOT NULL"
FAILED = (
    "SELECT count(*) FROM gallery_embedding row JOIN gallery_photo photo ON photo.id = row.photo_id"
    " WHERE photo.deleted_at IS NULL AND row.state = 'failed'"
)


def wait_until_settled(gallery: Gallery, lease: float) -> tuple[float, list[str]]:
    """Return the seconds until nothing was left to do, and a fault if that took too long."""
    began = time.monotonic()
    while time.monotonic() - began < lease + PATIENCE:
        if not gallery.count(UNFINISHED) and not gallery.count(DOOMED):
            return time.monotonic() - began, []
        time.sleep(0.2)
    left = f"{gallery.count(UNFINISHED)} rows and {gallery.count(DOOMED)} deletions"
    return time.monotonic() - began, [f"I9: {left} are left after {lease + PATIENCE:.0f} s"]


def promises(people: list[Person]) -> list[str]:
    """Ask for everything that was promised; return what does not hold."""
    faults: list[str] = []
    models: set[str] = set()
    for person in people:
        with closing(person.http):
            listed = _listed(person, "/api/v1/photos", "photos")
            in_trash = _listed(person, "/api/v1/trash", "photos")
            for kept in person.photos:
                faults += _about(person, kept, listed, in_trash)
            for colour in ("red", "blue", "black"):
                page = person.look_at("search", "/api/v1/search", q=colour)
                if page is None:
                    faults.append(f"I9: search does not answer {person.name} after the faults")
                else:
                    models.add(page["model"])
        faults += person.faults
        person.faults.clear()
        person.photos[:] = [one for one in person.photos if one.may_be != {GONE}]
    if len(models) > 1:
        faults.append(f"I8: several models answered: {sorted(models)}")
    return faults


def _listed(person: Person, path: str, key: str) -> dict[str, str]:
    """Return all photos of a list by id, with their states."""
    found: dict[str, str] = {}
    cursor = ""
    while True:
        parameters = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = person.ask("GET", path, params=parameters).raise_for_status().json()
        found |= {one["id"]: one.get("state", "") for one in page[key]}
        cursor = page.get("next_cursor") or page.get("next") or ""
        if not cursor:
            return found


def _about(
    person: Person, kept: Kept, listed: dict[str, str], in_trash: dict[str, str]
) -> list[str]:
    """Compare a photo with what was promised; afterwards it is known what it is."""
    if not kept.photo_id:
        # Whoever got no answer sends the file again, and has one photo of it then.
        try:
            person.send(kept)
        except NoAnswer:
            return [f"I9: an upload is not taken after the faults: {person.faults[-1:]}"]
        return []
    now = LIVE if kept.photo_id in listed else TRASHED if kept.photo_id in in_trash else GONE
    faults = []
    if now not in kept.may_be:
        broken = "I5" if now == LIVE else "I4"
        faults.append(f"{broken}: {kept.photo_id} is {now}, and was {sorted(kept.may_be)}")
    kept.may_be = {now}
    if now == LIVE:
        answer = person.ask("GET", f"/api/v1/photos/{kept.photo_id}")
        if not answer.is_success:
            return [*faults, f"I4: {kept.photo_id} is listed and answers {answer.status_code}"]
        about = answer.json()
        if about["sha256"] != kept.sha256:
            faults.append(f"I4: {kept.photo_id} has another file")
        if about["state"] not in ("indexed", "failed"):
            faults.append(f"I1: {kept.photo_id} is {about['state']}")
        if about["state"] == "failed" and not about["reason"]:
            faults.append(f"I1: {kept.photo_id} failed without a reason")
    return faults


def sound_at_rest(gallery: Gallery, *, gently: bool) -> list[str]:
    """Stop a gallery that settled, and return what does not hold.

    What came late is no fault before the next sweep, which has to remove it.
    """
    gallery.rest(gently=gently)
    faults = invariants(gallery)
    if not faults or not all(map(_may_be_late, faults)):
        return faults
    gallery.wake()
    time.sleep(SWEEP_SECONDS)
    gallery.rest(gently=True)
    return invariants(gallery)


def _may_be_late(fault: str) -> bool:
    return any(kind in fault for kind in LATE) and fault.count("[") == 1


def invariants(gallery: Gallery) -> list[str]:
    """Return what `fsck` finds in a gallery that settled."""
    command = [sys.executable, ROOT / "manage.py", "fsck"]
    done = subprocess.run(
        [*command, "--deep", "--index", "--settled", "--json"],
        env=gallery.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return [f"fsck failed: {done.stdout[-500:]} {done.stderr[-1500:]}"]
    faults = [f"{', '.join(report['broken'])}: {report['examples']}"] if report["found"] else []
    faults += [f"fsck: {sentence}" for sentence in report["refused"] + report["skipped"]]
    return faults
