"""What tokens open: by scope, by role of their owner, until they expire or are revoked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from gallery.models import ApiToken, Scope, Viewer
from tests.external import body
from tests.web.route_matrix import KEY, MATRIX, OWN_FILE, OWN_KEY
from tests.web.test_api_photos import picture, upload
from tests.web.test_routes import ask, bearing, routes_for

pytestmark = pytest.mark.django_db

UPLOAD = "api/v1/photos"
LOOKED_AT_BY_POST = {"api/v1/search/by-image"}
CHANGING = [
    path
    for path in routes_for(KEY, OWN_KEY)
    if MATRIX[path][0] != "GET" and path not in LOOKED_AT_BY_POST
]


def token(owner, scope: str = Scope.ALL, **more) -> Client:
    return bearing(ApiToken.issue(owner, scope=scope, **more))


def test_a_token_that_reads_opens_what_changes_nothing(ada, ada_client, model, subtests):
    photo = upload(ada_client, picture()).json()["id"]
    program = token(ada, Scope.READ)
    for path in routes_for(KEY, OWN_KEY, OWN_FILE):
        with subtests.test(path):
            reads = MATRIX[path][0] == "GET" or path in LOOKED_AT_BY_POST
            answer = ask(program, path, photo)
            body(answer)
            assert (answer.status_code == 403) == (not reads)


def test_a_token_that_uploads_sees_nothing(ada, ada_client, model, subtests):
    photo = upload(ada_client, picture()).json()["id"]
    program = token(ada, Scope.UPLOAD)
    for path in routes_for(KEY, OWN_KEY, OWN_FILE):
        with subtests.test(path):
            answer = ask(program, path, photo)
            # Uploads in pieces are for it, and need headers and an id of theirs.
            taken = {"api/v1/uploads": 412, "api/v1/uploads/<uuid:upload_id>": 404}
            assert answer.status_code == taken.get(path, 403)
            assert path in taken or answer.json()["code"] == "forbidden"


def test_a_token_that_uploads_uploads(ada, model):
    assert upload(token(ada, Scope.UPLOAD), picture()).status_code == 201
    assert upload(token(ada, Scope.READ), picture("blue")).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "x"])
def test_no_odd_method_gets_past_a_scope(ada, model, method):
    for scope in (Scope.READ, Scope.UPLOAD):
        client = token(ada, scope)
        assert client.generic(method, "/api/v1/photos").status_code in (401, 403, 405)
        assert client.generic(method, "/api/v1/albums").status_code in (401, 403, 405)


def test_what_was_made_before_scopes_opens_all(ada, model):
    ApiToken.objects.create(owner=ada, digest=ApiToken.hash("older"))
    assert upload(bearing("older"), picture()).status_code == 201
    assert bearing("older").get("/api/v1/photos").status_code == 200


def test_a_token_opens_nothing_after_its_time(ada):
    soon = timezone.now() + timedelta(minutes=1)
    client = token(ada, expires_at=soon)
    assert client.get("/api/v1/photos").status_code == 200
    ApiToken.objects.update(expires_at=timezone.now())
    assert client.get("/api/v1/photos").status_code == 401


def test_the_token_of_a_viewer_changes_nothing(ada, model, subtests):
    Viewer.objects.create(user=ada)
    program = token(ada)
    for path in CHANGING:
        with subtests.test(path):
            answer = ask(program, path, "0" * 8 + "-0000-4000-8000-" + "0" * 12)
            assert answer.status_code == 403


def make(client: Client, **values):
    given = {"name": "phone", "scope": "read", "days": 30, "password": "correct horse", **values}
    return client.post("/account/tokens", given)


def test_a_token_made_on_the_page_is_shown_once_and_works(ada, ada_client):
    page = make(ada_client).content.decode()
    (secret,) = re.findall(r"<code>([\w-]{43})</code>", page)
    assert bearing(secret).get("/api/v1/photos").status_code == 200
    assert upload(bearing(secret), picture()).status_code == 403
    again = ada_client.get("/account").content.decode()
    assert "phone" in again
    assert secret not in again
    made = ApiToken.objects.get()
    assert timedelta(days=29) < made.expires_at - timezone.now() < timedelta(days=31)
    assert secret not in repr(ApiToken.objects.values())
    ada_client.post(f"/account/tokens/{made.pk}/revoke")
    assert bearing(secret).get("/api/v1/photos").status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "x" * 61}, {"scope": "everything"}, {"days": 7}, {"days": "-1"},
     {"days": "9" * 400}, {"name": "a\0b"}],
)  # fmt: skip
def test_a_token_that_cannot_be_made_is_explained(ada_client, wrong):
    answer = make(ada_client, **wrong)
    assert answer.status_code == 400
    assert b"Give a name" in answer.content
    assert not ApiToken.objects.exists()


def test_nobody_revokes_the_token_of_another(ada, bob_client):
    ApiToken.issue(ada)
    row = ApiToken.objects.get()
    assert bob_client.post(f"/account/tokens/{row.pk}/revoke").status_code == 404
    assert ApiToken.objects.exists()


def test_no_token_makes_tokens(ada):
    assert make(token(ada)).headers["Location"].startswith("/sign-in")
    assert ApiToken.objects.count() == 1
