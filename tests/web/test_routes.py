"""The route matrix: who gets what from every address. A new route without a line fails."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from gallery.models import ApiToken, EmbeddingModel
from tests.external import body
from tests.web.route_matrix import (
    ADMIN,
    ADMIN_KEY,
    KEY,
    MATRIX,
    MEMBERS,
    OWN,
    OWN_FILE,
    OWN_KEY,
    SIGN_IN,
)
from tests.web.test_api_photos import picture, upload

pytestmark = pytest.mark.django_db

FILE = {"name": "model.safetensors", "size": 9}


def routes_for(*kinds: str) -> list[str]:
    return [path for path, (_, who) in MATRIX.items() if who in kinds]


def routes(resolver: URLResolver | None = None, prefix: str = "") -> list[str]:
    found: list[str] = []
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern).removeprefix("^")
        if isinstance(entry, URLResolver):
            found += routes(entry, path)
        elif isinstance(entry, URLPattern):
            found.append(path.replace("<uuidstr:", "<uuid:"))
    return found


def test_every_route_has_a_line():
    assert set(routes()) == set(MATRIX)


SENT = {
    "api/v1/duplicates/<uuid:group_id>/resolve": {"action": "dismiss", "seen": []},
    "api/v1/photos/<uuid:photo_id>/match": {"texts": ["red"]},
    "api/v1/photos/<uuid:photo_id>/sensitive": {"kind": "nudity", "state": "cleared"},
    "api/v1/stacks/<uuid:stack_id>/cover": {"id": str(uuid.UUID(int=1))},
}
"""Bodies without which nothing is looked up."""


def ask(client: Client, path: str, photo_id: object):
    method = MATRIX[path][0]
    filled = re.sub(r"<int:\w+>", "0", re.sub(r"<uuid:\w+>", str(photo_id), path))
    filled = re.sub(r"<(str:)?name>", "sea", filled).replace("<str:secret>", "s" * 43)
    sent = json.dumps(SENT[path]) if path in SENT else ""
    asked = "?q=red" if path.endswith("/why") else ""
    return client.generic(method, f"/{filled}{asked}", sent, content_type="application/json")


def test_strangers_are_sent_to_the_sign_in_page(ada, subtests):
    for path in routes_for(SIGN_IN, ADMIN, OWN, OWN_FILE, MEMBERS):
        with subtests.test(path):
            answer = ask(Client(), path, uuid.uuid4())
            assert answer.status_code == 302
            assert answer.headers["Location"].startswith("/sign-in")


def test_the_api_asks_strangers_for_a_key(ada, subtests):
    for path in routes_for(KEY, ADMIN_KEY, OWN_KEY):
        with subtests.test(path):
            answer = ask(Client(), path, uuid.uuid4())
            assert answer.status_code == 401
            assert set(answer.json()) == {"code", "message"}


def test_anothers_photo_is_the_same_404_as_an_unknown_one(ada_client, bob_client, model, subtests):
    photo_id = upload(ada_client, picture()).json()["id"]
    ids = (photo_id, str(uuid.uuid4()))
    for path in routes_for(OWN, OWN_FILE, OWN_KEY, MEMBERS):
        with subtests.test(path):
            theirs, unknown = (ask(bob_client, path, pk) for pk in ids)
            assert theirs.status_code == unknown.status_code == 404
            assert theirs.content == unknown.content.replace(ids[1].encode(), ids[0].encode())


def bearing(token: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("path", routes_for(OWN_FILE))
def test_a_token_opens_files_as_a_session_does(ada, bob, ada_client, model, path):
    photo_id = upload(ada_client, picture()).json()["id"]
    own = ask(bearing(ApiToken.issue(ada)), path, photo_id)
    by_session = ask(ada_client, path, photo_id)
    assert own.status_code == by_session.status_code
    assert body(own) == body(by_session)
    token = ApiToken.issue(bob)
    theirs, unknown = (ask(bearing(token), path, pk) for pk in (photo_id, uuid.uuid4()))
    assert theirs.status_code == unknown.status_code == 404
    ApiToken.objects.filter(owner=bob).delete()
    refused = ask(bearing(token), path, photo_id)
    assert (refused.status_code, refused.json()["code"]) == (401, "not_signed_in")


def test_the_token_of_an_account_that_was_closed_opens_nothing(ada, ada_client, model):
    photo_id = upload(ada_client, picture()).json()["id"]
    program = bearing(ApiToken.issue(ada))
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)
    for path in routes_for(OWN_FILE, OWN_KEY):
        assert ask(program, path, photo_id).status_code == 401


def test_a_token_opens_no_pages(ada, subtests):
    """Pages change things by forms, which are safe only with a session's CSRF token."""
    program = bearing(ApiToken.issue(ada))
    for path in routes_for(SIGN_IN, OWN, ADMIN):
        with subtests.test(path):
            answer = ask(program, path, uuid.uuid4())
            assert answer.headers["Location"].startswith("/sign-in")


def test_what_concerns_everybody_is_left_to_administrators(ada_client, admin, subtests):
    for path in routes_for(ADMIN, ADMIN_KEY):
        with subtests.test(path):
            assert ask_as_asked_for(ada_client, path).status_code == 403


def ask_as_asked_for(client: Client, path: str):
    """Send a request that is well-formed, so that only the right to send it is missing."""
    bodies = {"api/v1/model": {"folder": "/"}, "api/v1/model/uploads": {"files": [FILE]}}
    address = "/" + re.sub(r"<uuid:\w+>", str(uuid.uuid4()), path)
    address = re.sub(r"<int:\w+>", "0", address)
    if "<" in path and "finish" not in path:
        address += "?name=model.safetensors&offset=0"
    body = json.dumps(bodies.get(path, {}))
    return client.generic(MATRIX[path][0], address, body, content_type="application/json")


@pytest.mark.slow
def test_looking_changes_nothing(ada_client, model):
    upload(ada_client, picture())
    before = EmbeddingModel.objects.count(), len(ada_client.get("/api/v1/photos").json()["photos"])
    for path, (method, _) in MATRIX.items():
        if method == "GET":
            ask(ada_client, path, uuid.uuid4())
    after = EmbeddingModel.objects.count(), len(ada_client.get("/api/v1/photos").json()["photos"])
    assert before == after
