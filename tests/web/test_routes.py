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
from tests.web.test_api_photos import picture, upload

pytestmark = pytest.mark.django_db

OPEN = "open"  # answers anybody
SIGN_IN = "sign-in"  # sends a stranger to the sign-in page
KEY = "key"  # answers a stranger with 401
ADMIN = "admin"  # as SIGN_IN, and everybody but an administrator gets 403
ADMIN_KEY = "admin+key"  # as KEY, with the same 403
OWN = "own"  # as SIGN_IN, and another person's photo is the same 404 as an unknown one
OWN_FILE = "own+file"  # as OWN, and a program with a token gets it too, or 401
OWN_KEY = "own+key"  # as KEY, with the same 404

FILE = {"name": "model.safetensors", "size": 9}

# Every route, with the methods it answers and who may use it.
MATRIX: dict[str, tuple[str, str]] = {
    "": ("GET", SIGN_IN),
    "healthz": ("GET", OPEN),
    "readyz": ("GET", OPEN),
    "sign-in": ("GET", OPEN),
    "sign-out": ("POST", OPEN),
    "welcome": ("GET", OPEN),
    "javascript-catalog.js": ("GET", OPEN),
    "settings": ("GET", SIGN_IN),
    "settings/model": ("POST", ADMIN),
    "settings/models": ("GET", ADMIN),
    "settings/models/switch": ("POST", ADMIN),
    "problems": ("GET", SIGN_IN),
    "originals": ("GET", SIGN_IN),
    "status-strip": ("GET", SIGN_IN),
    "upload": ("GET", SIGN_IN),
    "search": ("GET", SIGN_IN),
    "search/by-image": ("POST", SIGN_IN),
    "search/pictures/<uuid:picture_id>": ("GET", OWN),
    "search/facets": ("GET", SIGN_IN),
    "search/filters": ("GET", SIGN_IN),
    "search/suggest": ("GET", SIGN_IN),
    "search/forget": ("POST", SIGN_IN),
    "searches": ("POST", SIGN_IN),
    "searches/<uuid:saved_id>": ("GET", OWN),
    "searches/<uuid:saved_id>/change": ("POST", OWN),
    "photos/<uuid:photo_id>/why": ("GET", OWN),
    "photos/<uuid:photo_id>": ("GET", OWN),
    "photos/<uuid:photo_id>/thumbnail": ("GET", OWN_FILE),
    "photos/<uuid:photo_id>/preview": ("GET", OWN_FILE),
    "photos/<uuid:photo_id>/original": ("GET", OWN_FILE),
    "photos/<uuid:photo_id>/video": ("GET", OWN_FILE),
    "photos/<uuid:photo_id>/companions/<uuid:companion_id>": ("GET", OWN_FILE),
    "photos/<uuid:photo_id>/similar": ("GET", OWN),
    "photos/<uuid:photo_id>/delete": ("POST", OWN),
    "photos/<uuid:photo_id>/retry": ("POST", OWN),
    "photos/<uuid:photo_id>/mark": ("POST", OWN),
    "photos/<uuid:photo_id>/date": ("GET", OWN),
    "photos/dates/undo": ("POST", SIGN_IN),
    "photos/<uuid:photo_id>/duplicates": ("GET", OWN),
    "albums": ("GET", SIGN_IN),
    "albums/<uuid:album_id>": ("GET", OWN),
    "albums/<uuid:album_id>/change": ("POST", OWN),
    "favourites": ("GET", SIGN_IN),
    "tags/<str:name>": ("GET", SIGN_IN),
    "stacks": ("POST", SIGN_IN),
    "stacks/<uuid:stack_id>": ("GET", OWN),
    "stacks/<uuid:stack_id>/unstack": ("POST", OWN),
    "trash": ("GET", SIGN_IN),
    "trash/restore": ("POST", SIGN_IN),
    "trash/empty": ("POST", SIGN_IN),
    "trash/<uuid:photo_id>/thumbnail": ("GET", OWN_FILE),
    "trash/<uuid:photo_id>/preview": ("GET", OWN_FILE),
    "duplicates": ("GET", SIGN_IN),
    "duplicates/progress": ("GET", SIGN_IN),
    "duplicates/find": ("POST", SIGN_IN),
    "duplicates/criteria": ("POST", SIGN_IN),
    "duplicates/resolve": ("POST", SIGN_IN),
    "duplicates/history": ("GET", SIGN_IN),
    "duplicates/history/<uuid:batch>/undo": ("POST", OWN),
    "duplicates/<uuid:group_id>/resolve": ("POST", OWN),
    "api/v1/openapi.json": ("GET", OPEN),
    "api/v1/docs": ("GET", OPEN),
    "api/v1/": ("GET", OPEN),
    "api/v1/photos": ("GET", KEY),
    "api/v1/photos/<uuid:photo_id>": ("GET", OWN_KEY),
    "api/v1/photos/<uuid:photo_id>/why": ("GET", OWN_KEY),
    "api/v1/photos/trash": ("POST", KEY),
    "api/v1/photos/dates": ("POST", KEY),
    "api/v1/photos/dates/preview": ("POST", KEY),
    "api/v1/photos/dates/undo": ("POST", KEY),
    "api/v1/trash": ("GET", KEY),
    "api/v1/trash/restore": ("POST", KEY),
    "api/v1/trash/<uuid:photo_id>": ("DELETE", OWN_KEY),
    "api/v1/photos/<uuid:photo_id>/similar": ("GET", OWN_KEY),
    "api/v1/albums": ("GET", KEY),
    "api/v1/albums/<uuid:album_id>": ("GET", OWN_KEY),
    "api/v1/albums/<uuid:album_id>/photos": ("POST", KEY),
    "api/v1/favourites": ("POST", KEY),
    "api/v1/ratings": ("POST", KEY),
    "api/v1/photos/<uuid:photo_id>/duplicates": ("GET", OWN_KEY),
    "api/v1/duplicates": ("GET", KEY),
    "api/v1/duplicates/skipped": ("GET", KEY),
    "api/v1/duplicates/history": ("GET", KEY),
    "api/v1/duplicates/history/<uuid:batch>/undo": ("POST", OWN_KEY),
    "api/v1/duplicates/criteria": ("GET", KEY),
    "api/v1/duplicates/progress": ("GET", KEY),
    "api/v1/duplicates/find": ("POST", KEY),
    "api/v1/duplicates/resolve": ("POST", KEY),
    "api/v1/duplicates/<uuid:group_id>": ("GET", OWN_KEY),
    "api/v1/duplicates/<uuid:group_id>/resolve": ("POST", OWN_KEY),
    "api/v1/search": ("GET", KEY),
    "api/v1/stacks": ("POST", KEY),
    "api/v1/stacks/<uuid:stack_id>": ("GET", OWN_KEY),
    "api/v1/stacks/<uuid:stack_id>/cover": ("POST", OWN_KEY),
    "api/v1/search/by-image": ("POST", KEY),
    "api/v1/searches": ("GET", KEY),
    "api/v1/searches/recent": ("GET", KEY),
    "api/v1/searches/<uuid:saved_id>": ("GET", OWN_KEY),
    "api/v1/searches/<uuid:saved_id>/photos": ("GET", OWN_KEY),
    "api/v1/search/suggest": ("GET", KEY),
    "api/v1/search/facets": ("GET", KEY),
    "api/v1/session": ("GET", KEY),
    "api/v1/status": ("GET", KEY),
    "api/v1/model": ("PUT", ADMIN_KEY),
    "api/v1/model/uploads": ("POST", ADMIN_KEY),
    "api/v1/model/uploads/<uuid:upload_id>": ("PUT", ADMIN_KEY),
    "api/v1/model/uploads/<uuid:upload_id>/finish": ("POST", ADMIN_KEY),
}


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


def ask(client: Client, path: str, photo_id: object):
    method = MATRIX[path][0]
    filled = re.sub(r"<uuid:\w+>", str(photo_id), path).replace("<str:name>", "sea")
    return client.generic(method, "/" + filled)


@pytest.mark.parametrize("path", routes_for(SIGN_IN, ADMIN, OWN, OWN_FILE))
def test_strangers_are_sent_to_the_sign_in_page(ada, path):
    answer = ask(Client(), path, uuid.uuid4())
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("path", routes_for(KEY, ADMIN_KEY, OWN_KEY))
def test_the_api_asks_strangers_for_a_key(ada, path):
    answer = ask(Client(), path, uuid.uuid4())
    assert answer.status_code == 401
    assert set(answer.json()) == {"code", "message"}


@pytest.mark.parametrize("path", routes_for(OWN, OWN_FILE, OWN_KEY))
def test_anothers_photo_is_the_same_404_as_an_unknown_one(ada_client, bob_client, model, path):
    photo_id = upload(ada_client, picture()).json()["id"]
    theirs, unknown = ask(bob_client, path, photo_id), ask(bob_client, path, uuid.uuid4())
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.content.replace(photo_id.encode(), b"") == unknown.content.replace(
        next(str(value).encode() for value in unknown.wsgi_request.resolver_match.kwargs.values()),
        b"",
    )


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


@pytest.mark.parametrize("path", routes_for(SIGN_IN, OWN, ADMIN))
def test_a_token_opens_no_pages(ada, path):
    """Pages change things by forms, which are safe only with a session's CSRF token."""
    answer = ask(bearing(ApiToken.issue(ada)), path, uuid.uuid4())
    assert answer.headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("path", routes_for(ADMIN, ADMIN_KEY))
def test_what_concerns_everybody_is_left_to_administrators(ada_client, admin, path):
    assert ask_as_asked_for(ada_client, path).status_code == 403


def ask_as_asked_for(client: Client, path: str):
    """Send a request that is well-formed, so that only the right to send it is missing."""
    bodies = {"api/v1/model": {"folder": "/"}, "api/v1/model/uploads": {"files": [FILE]}}
    address = "/" + path.replace("<uuid:upload_id>", str(uuid.uuid4()))
    if "<" in path and "finish" not in path:
        address += "?name=model.safetensors&offset=0"
    body = json.dumps(bodies.get(path, {}))
    return client.generic(MATRIX[path][0], address, body, content_type="application/json")


@pytest.mark.parametrize("path", MATRIX)
def test_every_answer_carries_the_security_headers(ada_client, model, path):
    answer = ask(ada_client, path, uuid.uuid4())
    assert answer.status_code < 500 or answer.status_code == 503
    assert "default-src" in answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"].replace(
        "style-src-attr 'unsafe-inline'", ""
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_looking_changes_nothing(ada_client, model):
    upload(ada_client, picture())
    before = EmbeddingModel.objects.count(), len(ada_client.get("/api/v1/photos").json()["photos"])
    for path, (method, _) in MATRIX.items():
        if method == "GET":
            ask(ada_client, path, uuid.uuid4())
    after = EmbeddingModel.objects.count(), len(ada_client.get("/api/v1/photos").json()["photos"])
    assert before == after
