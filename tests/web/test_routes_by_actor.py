"""The whole route matrix: every pattern as each of nine actors, with the things of one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from axes.models import AccessAttempt
from django.test import Client

from gallery.models import ShareLink, ShareRole
from tests.external import body
from tests.shared import ALL_ON, World, member
from tests.web.route_matrix import (
    ADMIN,
    ADMIN_KEY,
    KEY,
    LINK,
    MATRIX,
    MEMBERS,
    OPEN,
    OWN,
    OWN_FILE,
    OWN_KEY,
    SIGN_IN,
)
from tests.web.test_sharing_routes import FORMS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

STRANGERS = ("anonymous", "link", "revoked", "expired")
MEMBERS_OF_THE_GALLERY = ("other", "admin", "viewer", "contributor")
ACTORS = (*STRANGERS, *MEMBERS_OF_THE_GALLERY, "owner")
PAGES, PROGRAMS = {SIGN_IN, ADMIN, OWN, OWN_FILE, MEMBERS}, {KEY, ADMIN_KEY, OWN_KEY}
OWNED = {OWN, OWN_FILE, OWN_KEY}
NOT_FOUND_OR_NONSENSE = {400, 404, 422}
# Well-formed bodies, where a request is looked at before the right to send it.
BODIES: dict[str, object] = {
    "api/v1/model": {"folder": "/"},
    "api/v1/model/uploads": {"files": [{"name": "model.safetensors", "size": 9}]},
}


@pytest.fixture
def secrets(world: World) -> dict[str, str]:
    """What each visitor has behind /s/."""
    rows = {name: world.link(downloads="originals", **ALL_ON) for name in ("link", "revoked")}
    paths = {name: path for name, (_row, path) in rows.items()}
    paths |= {"expired": world.expired_link(), "anonymous": "/s/" + "u" * 43}
    ShareLink.objects.filter(pk=rows["revoked"][0].pk).delete()
    return {name: path.removeprefix("/s/") for name, path in paths.items()}


@pytest.fixture
def browsers(world, secrets, ada, bob, admin) -> dict[str, Callable[[], Client]]:
    """How to get a browser of each actor; some routes sign out, and then a new one is needed."""
    people = {"owner": ada, "other": bob, "admin": user_of(admin)}
    for name, role in (("viewer", ShareRole.VIEWER), ("contributor", ShareRole.CONTRIBUTOR)):
        people[name] = user_of(member(world, name, role))

    def somebody(actor: str) -> Client:
        client = Client()
        if actor in people:
            client.force_login(people[actor])
        else:
            body(client.get(f"/s/{secrets[actor]}"))
        return client

    return {actor: lambda actor=actor: somebody(actor) for actor in ACTORS}


def user_of(client: Client):
    return client.get("/account").wsgi_request.user


def ask(client: Client, path: str, world: World, secret: str):
    """Send a request for what is Ada's."""
    filled = path.replace("<uuid:shared_id>", str(world.shared.pk)).replace("<str:secret>", secret)
    filled = filled.replace("<uuid:album_id>", str(world.album.pk))
    filled = re.sub(r"<uuid:\w+>", str(world.photos["red"].pk), filled)
    filled = re.sub(r"<int:\w+>", "0", re.sub(r"<(str:)?\w+>", "x", filled))
    if "uploads/" in path and "finish" not in path:
        filled += "?name=model.safetensors&offset=0"
    sent = json.dumps(BODIES.get(path, {}))
    return client.generic(MATRIX[path][0], f"/{filled}", sent, content_type="application/json")


def allowed(path: str, actor: str) -> set[int] | None:
    """Return what an actor may get from a route, None if that depends on what is asked for."""
    kind = MATRIX[path][1]
    if kind == LINK:
        return {404} if actor != "link" or path.endswith("unlock") else {200}
    if actor in STRANGERS and kind != OPEN:
        return {302} if kind in PAGES else {401}
    if kind in {ADMIN, ADMIN_KEY}:
        return None if actor == "admin" else {403}
    if kind == MEMBERS:
        if actor == "owner":
            return None  # Routes before may have moved the photo; test_sharing_routes.py asks.
        return {404} if actor in {"other", "admin"} else {200}
    if kind in OWNED and actor in MEMBERS_OF_THE_GALLERY:
        return NOT_FOUND_OR_NONSENSE
    return None


@pytest.mark.parametrize("actor", ACTORS)
def test_every_route_is_tried_with_every_actor(world, browsers, secrets, actor):
    wrong = []
    browser = browsers[actor]()
    for path in MATRIX:
        if path in FORMS:
            continue  # Forms of members: test_sharing_routes.py.
        secret = secrets.get(actor, secrets["anonymous"])
        # Wrong passwords are counted, and each route that asks for one gets one.
        AccessAttempt.objects.all().delete()
        answer = ask(browser, path, world, secret)
        told, expected = body(answer), allowed(path, actor)
        if expected and answer.status_code not in expected:
            wrong.append((path, answer.status_code, expected))
        if path == "sign-out":
            browser = browsers[actor]()
        if actor in STRANGERS and expected == {302}:
            assert answer.headers["Location"].startswith("/sign-in"), path
        if answer.status_code >= 500 and answer.status_code != 503:
            wrong.append((path, answer.status_code, "no error"))
        shown = MATRIX[path][1] in {MEMBERS, LINK} or actor == "owner" or path == "shared"
        if not shown and b"crimson.jpg" in told:
            wrong.append((path, answer.status_code, "shows the name of a photo"))
    assert wrong == []
