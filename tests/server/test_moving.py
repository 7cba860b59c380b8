"""A gallery moves from one process to services and back, with everything that people made."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.companion_files import xmp
from tests.embedders import PALETTE
from tests.server.processes import Program, eventually, free_port, manage, missing_programs
from tests.server.stack import Owner, Stack, picture
from tests.server.test_duplicates import add_pair

pytestmark = pytest.mark.server

COLOURS = list(PALETTE)
QUERIES = [
    *COLOURS,
    *(f"{one} -{other}" for one, other in itertools.pairwise(COLOURS)),
    *(f"{one} {other}" for one, other in zip(COLOURS, COLOURS[3:], strict=False)),
    *("is:favourite", "rating:3", "tag:sea", "album:Lisbon", "red tag:sea", "blue rating:4"),
    *("IMG_0003", "beach", "sea -red", "2021", "type:png", "date:2021-03", "Lisbon"),
    *("red is:favourite", "-red", "green album:Lisbon", "caption", "format:png", "holiday"),
]
ROUNDING = 1e-5
"""By how much the scores of two engines may differ."""
VOLATILE = {"gallery.galleryidentity": {"marked_at"}}
WORK = {"state", "indexed_at", "generation", "attempts", "lease_token", "lease_until"}


class Embedded:
    """A gallery in one process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "tests.settings_services",
            "DATA_DIR": str(folder / "data"),
            "PORT": str(port),
            "EMBEDDING_MODEL": "colours",
            "MIN_FREE_MB": "1",
        }
        command = [sys.executable, "manage.py", "serve"]
        self.url = f"http://127.0.0.1:{port}"
        self.program = Program(
            "gallery", command, folder=folder, environment=self.environment, port=port
        )

    def start(self) -> None:
        self.program.start()
        self.program.ready()

    def has_all_parts(self) -> bool:
        """Tell whether the parts of all live photos are in the index, which changes scores."""
        database = Path(self.environment["DATA_DIR"]) / "scry.sqlite3"
        with closing(sqlite3.connect(database)) as connection:
            (waiting,) = connection.execute(
                "SELECT count(*) FROM gallery_embedding row JOIN gallery_photo photo"
                " ON photo.id = row.photo_id LEFT JOIN gallery_photoparts parts"
                " ON parts.embedding_id = row.id WHERE parts.indexed_at IS NULL"
                " AND photo.trashed_at IS NULL AND photo.deleted_at IS NULL"
            ).fetchone()
        return bool(waiting == 0)


@contextmanager
def owner_at(url: str, token: str) -> Iterator[Owner]:
    owner = Owner(url, token)
    yield owner
    owner.http.close()


PEOPLE = """
from django.contrib.auth.models import User
from gallery import invitations, roles, second_step
from gallery.models import LinkedIdentity, Passkey, RecoveryCode, Role
invitations.invite(User.objects.first(), Role.MEMBER)
roles.give_role(User.objects.create_user("guest"), Role.VIEWER)
second_step.begin(User.objects.first())
Passkey.objects.create(
    owner=User.objects.first(), name="phone", credential_id="AA", data=b"\\0\\1", rp_id="localhost",
    user_handle="00", transports=["usb"],
)
LinkedIdentity.objects.create(owner=User.objects.first(), issuer="https://a", subject="1")
RecoveryCode.objects.create(user=User.objects.first(), digest="0" * 64)
"""
"""A viewer, an invitation, a sign-in by a provider, a passkey, and an authenticator app."""


def make_everything(owner: Owner, manage_here: Any, folder: Path) -> None:
    """Do everything that a person can do to a gallery."""
    manage_here("shell", "--verbosity=0", "--command", PEOPLE)
    photos = []
    for number, colour in enumerate(COLOURS):
        name = f"IMG_{number:04d}.png"
        photos.append(owner.add(picture(PALETTE[colour], number), name))
    pairs = [*add_pair(owner, 1), *add_pair(owner, 2)]
    owner.wait_until_indexed(*photos, *pairs)

    def post(path: str, **body: Any) -> Any:
        answer = owner.http.post(f"/api/v1/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    album = post("albums", name="Lisbon")["id"]
    post(f"albums/{album}/photos", ids=photos[:4])
    post("favourites", ids=photos[2:5])
    post("ratings", ids=photos[1:6], stars=4)
    for photo in photos[3:8]:
        answer = owner.http.patch(
            f"/api/v1/photos/{photo}", json={"tags": ["sea"], "caption": "a beach, été 北京"}
        )
        assert answer.is_success, answer.text
    post("photos/dates", ids=photos[5:7], set={"local": "2021-03-15T12:00:00", "zone": "UTC"})
    post("stacks", ids=photos[8:10])
    post("photos/trash", ids=photos[10:11])
    post("searches", name="reds", query="red")
    sidecar = {"file": ("IMG_0001.xmp", xmp())}
    answer = owner.http.post("/api/v1/photos", files=sidecar)
    assert answer.is_success, answer.text
    eventually("duplicates are found", lambda: len(groups(owner)) == 2, patience=90)
    group = groups(owner)[0]
    seen = [one["id"] for one in group["members"]]
    post(f"duplicates/{group['id']}/resolve", action="dismiss", seen=seen)
    outside = folder / "outside"
    outside.mkdir()
    (outside / "holiday.png").write_bytes(picture((1, 90, 200), 5))
    (outside / "forgotten.png").write_bytes(picture((90, 1, 200), 6))
    manage_here("import_folder", str(outside), "--owner", "ada", "--in-place")
    eventually("it is searchable", lambda: not owner.http.get("/api/v1/status").json()["pending"])
    listed = owner.http.get("/api/v1/photos", params={"limit": 100}).json()["photos"]
    (forgotten,) = [one["id"] for one in listed if one["name"] == "forgotten.png"]
    post("photos/trash", ids=[forgotten])
    assert owner.http.delete(f"/api/v1/trash/{forgotten}").is_success
    owner.upload(picture(PALETTE["red"], 0), "another name.png")
    criteria = owner.http.get("/api/v1/duplicates/criteria").json()
    owner.http.put("/api/v1/duplicates/criteria", json={**criteria, "pattern": "IMG_*"})
    sent = {"file": ("sent.png", picture(PALETTE["pink"], 9))}
    assert owner.http.post("/api/v1/search/by-image", files=sent).is_success
    decide(post, photos, manage_here)
    note_damage(folder / "first" / "data" / "media" / "originals", photos[7], manage_here)


DECISIONS_BESIDE = """
from django.contrib.auth.models import User
from gallery.models import (
    AccountQuota, Album, Contribution, Photo, Release,
    SharedMatch, SharedSet, ShareLink, ShareMember,
)
from search.understanding.lessons import tagging
from search.understanding.models import EvaluationRun, LabelSet, Lesson, TaggingAct, ThemeName

ada = User.objects.get(username="ada")
photos = list(Photo.objects.visible_to(ada).order_by("created_at")[:3])
tagging._tag(Lesson.objects.get(), [photo.pk for photo in photos], TaggingAct.By.PERSON)
ids = [photo.pk.hex for photo in photos]
ThemeName.objects.create(owner=ada, name="the sea", level=0, photos=ids, size=3)
EvaluationRun.objects.create(
    owner=ada, set=LabelSet.objects.get(), set_name="Hues", source="script", state="done",
    truth=dict.fromkeys(ids, "red"), styles=["bare"],
)
shared = SharedSet.objects.create(owner=ada, album=Album.objects.get(name="Lisbon"))
other = User.objects.exclude(pk=ada.pk).first()
member = ShareMember.objects.create(shared=shared, user=other, role="contributor", captions=False)
ShareLink.objects.create(shared=shared, digest="ab" * 32, downloads="pictures")
Contribution.objects.create(member=member, photo=photos[0])
Release.objects.create(shared=shared, photo=photos[1])
SharedMatch.objects.create(shared=shared, photo=photos[2])
AccountQuota.objects.create(owner=other, files=10)
"""
"""What people decide where the API asks for more photos than there are: large libraries."""


def decide(post: Callable[..., Any], photos: list[str], manage_here: Any) -> None:
    """Decide what a machine may only suggest: labels, lessons, sensitive pictures, themes."""
    labels = [{"name": "red"}, {"name": "rosy", "parent": "red", "wordings": ["pink"]}]
    made = post("label-sets", name="Hues", kind="any_of", labels=labels)
    verdicts = f"label-sets/{made['id']}/labels/{made['labels'][0]['id']}/verdicts"
    post(verdicts, yes=photos[:1], no=photos[1:3])
    box = {photos[4]: [0.1, 0.1, 0.5, 0.5]}
    post("tags/taught/examples", yes=photos[3:5], no=photos[5:6], boxes=box)
    post("sensitive/kinds", name="secret", prompts=["a secret"], harmless=["a joke"])
    post(f"photos/{photos[6]}/sensitive", kind="nudity", state="cleared")
    manage_here("shell", "-c", DECISIONS_BESIDE)


def note_damage(originals: Path, photo: str, manage_here: Any) -> None:
    """Let the gallery find an original that has changed, and put it right before it looks again."""
    (path,) = originals.rglob(f"{photo}.*")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"?")
    with pytest.raises(AssertionError, match="original changed on disk"):
        manage_here("fsck", "--deep")
    path.write_bytes(whole)


def groups(owner: Owner) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = owner.http.get("/api/v1/duplicates").json()["groups"]
    return found


def portrait(owner: Owner) -> dict[str, Any]:
    """Return what people see of a gallery, and what 50 queries answer."""
    seen: dict[str, Any] = {}
    for path in ("photos?limit=200", "trash", "albums", "searches", "duplicates", "stacks"):
        text = owner.http.get(f"/api/v1/{path}").text.replace(str(owner.http.base_url), "")
        # The days of the trash go on only while the gallery runs; `days_left` stays.
        seen[path] = re.sub(r'"kept_until": "[^"]+"', '"kept_until": "later"', text)
    for query in QUERIES:
        answer = owner.http.get("/api/v1/search", params={"q": query, "limit": 100})
        body = answer.json()
        if not answer.is_success:
            seen[f"search {query}"] = answer.status_code, body
            continue
        hits = body["hits"]
        seen[f"search {query}"] = body["total"], body["strong"], body["likely"]
        seen[f"hits of {query}"] = {hit["id"]: (hit["band"], hit["words"]) for hit in hits}
        # One engine adds up in another order than the next. So hits of equal score may change
        # places, while each photo has the same score, and each place too.
        scores = {hit["id"]: hit["score"] for hit in hits if hit["score"] is not None}
        seen[f"scores of {query}"] = pytest.approx(scores, abs=ROUNDING)
        seen[f"order of {query}"] = pytest.approx(list(scores.values()), abs=ROUNDING)
    return seen


def assert_same(seen: dict[str, Any], before: dict[str, Any]) -> None:
    assert seen.keys() == before.keys()
    for what, was in before.items():
        now = seen[what]
        now = now.expected if what.startswith(("scores of", "order of")) else now
        assert now == was, what


def assert_comes_to(seen: dict[str, Any], url: str, token: str, **changed: str) -> None:
    """Assert that a gallery shows and answers the same, once its parts are searchable again."""
    ends_at = time.monotonic() + 90
    while True:
        now = settled_portrait(url, token)
        for what, text in changed.items():
            assert text in now.pop(what)
        try:
            return assert_same(now, {what: was for what, was in seen.items() if what in now})
        except AssertionError:
            if time.monotonic() > ends_at:
                raise
            time.sleep(1)


def rows(target: Path) -> dict[str, list[Any]]:
    """Return the rows of the newest backup by table, without what changes by working."""
    generation = sorted((target / "generations").iterdir())[-1]
    columns = json.loads((generation / "manifest.json").read_text())["columns"]
    found = {}
    for table, names in columns.items():
        out = VOLATILE.get(table, set()) | (WORK if "embedding" in table else set())
        if table.endswith("photoparts"):
            out = {"indexed_at", "tries"}
        with gzip.open(generation / "database" / f"{table}.jsonl.gz", "rt") as lines:
            found[table] = [
                {name: value for name, value in zip(names, json.loads(line), strict=True)
                 if name not in out}
                for line in lines
            ]  # fmt: skip
    return found


@pytest.mark.skipif(bool(missing_programs()), reason="redis-server or postgres is not installed")
def test_a_gallery_moves_to_services_and_back(tmp_path):
    assert len(QUERIES) >= 50
    target = tmp_path / "backup"
    first, last = Embedded(tmp_path / "first"), Embedded(tmp_path / "last")
    stack = Stack(tmp_path)
    try:
        first.start()
        manage(first.environment, "create_owner", "ada", typed="correct horse battery\n")
        token = manage(first.environment, "create_token", "ada").splitlines()[-1]
        with owner_at(first.url, token) as ada:
            make_everything(ada, lambda *line: manage(first.environment, *line), tmp_path)
        eventually("parts are searchable", first.has_all_parts, patience=150)
        # Searches before the last upload have measured a smaller library, which is kept a while.
        assert first.program.stop() == 0
        first.start()
        seen = settled_portrait(first.url, token)
        manage(first.environment, "backup", str(target))
        before = rows(target)
        assert first.program.stop() == 0
        empty = {label for label, kept in before.items() if not kept}
        assert empty <= NOT_MADE_HERE, empty - NOT_MADE_HERE

        stack.start_services()
        manage(stack.environment, "restore", str(target))
        manage(stack.environment, "backup", str(target))
        assert rows(target) == before
        stack.start_gallery()
        assert_comes_to(seen, stack.url, token)
        with owner_at(stack.url, token) as ada:
            assert ada.http.post("/api/v1/albums", json={"name": "new"}).is_success
        assert set(stack.stop().values()) == {0}
        manage(stack.environment, "fsck", "--deep")
        manage(stack.environment, "backup", str(target))
        before = rows(target)

        manage(last.environment, "restore", str(target))
        manage(last.environment, "backup", str(target))
        assert rows(target) == before
        last.start()
        assert_comes_to(seen, last.url, token, albums='"name": "new"')
        assert last.program.stop() == 0
        manage(last.environment, "fsck", "--deep")
        manage(last.environment, "verify_backup", str(target))
    finally:
        first.program.kill()
        last.program.kill()
        stack.remove()


NOT_MADE_HERE = {"auth.group", "auth.user_groups", "search.recentsearch"}
"""Tables that stay empty, so that this test says nothing about them."""


def settled_portrait(url: str, token: str) -> dict[str, Any]:
    """Return the portrait once search answers with bands, and no work is left."""
    with owner_at(url, token) as owner:

        def settled() -> bool:
            status = owner.http.get("/api/v1/status").json()
            answer = owner.http.get("/api/v1/search?q=red")
            # The bands are measured in the background after the first start.
            return not status["pending"] and answer.is_success and bool(answer.json()["strong"])

        eventually("search answers", settled, patience=90)
        return portrait(owner)
