"""An account that only looks: it changes nothing but itself."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery import roles
from gallery.models import ApiToken, Role, Viewer
from tests.web.route_matrix import ADMIN, ADMIN_KEY, MATRIX
from tests.web.test_api_photos import picture, upload
from tests.web.test_routes import ask

pytestmark = pytest.mark.django_db

OWN_ACCOUNT = ("account", "sign-", "search/forget", "join", "reset")
GUESTS = ("s/<str:secret>/unlock", "shared/<uuid:shared_id>/leave")
SEARCHES = ("search/by-image", "api/v1/search/by-image")


@pytest.fixture
def viewer(admin, ada, ada_client) -> Client:
    # Without the owner of the gallery, the first account would stand in for them.
    Viewer.objects.create(user=ada)
    return ada_client


CHANGES = [
    path
    for path, (method, who) in MATRIX.items()
    if method != "GET" and who not in (ADMIN, ADMIN_KEY)
]
ALLOWED = [path for path in CHANGES if path.startswith(OWN_ACCOUNT) or path in SEARCHES + GUESTS]


def test_a_viewer_changes_nothing_of_the_gallery(viewer, model, subtests):
    for path in CHANGES:
        if path not in ALLOWED:
            with subtests.test(path):
                assert ask(viewer, path, uuid.uuid4()).status_code == 403


@pytest.mark.parametrize("path", ALLOWED)
def test_a_viewer_looks_after_the_own_account(viewer, model, path):
    """Each with a session of its own, which the request may end."""
    assert ask(viewer, path, uuid.uuid4()).status_code != 403


def test_a_viewer_sees_pages_as_members_do(viewer, bob_client, model, subtests):
    for path in (path for path, (method, _) in MATRIX.items() if method == "GET"):
        with subtests.test(path):
            seen, wanted = (ask(who, path, uuid.uuid4()) for who in (viewer, bob_client))
            assert seen.status_code == wanted.status_code


def test_a_viewer_uploads_nothing_and_a_member_again_does(viewer, ada, model):
    assert upload(viewer, picture()).status_code == 403
    Viewer.objects.all().delete()
    assert upload(viewer, picture()).status_code == 201


@pytest.mark.parametrize("by", ["session", "token"])
def test_a_role_is_read_with_the_account(ada, ada_client, model, by):
    client = Client(headers={"Authorization": f"Bearer {ApiToken.issue(ada)}"})
    client = ada_client if by == "session" else client
    with CaptureQueriesContext(connection) as captured:
        assert upload(client, picture()).status_code == 201
    asked = [
        query["sql"] for query in captured.captured_queries if "gallery_viewer" in query["sql"]
    ]
    assert asked
    assert all('JOIN "gallery_viewer"' in sql for sql in asked)


def test_a_role_that_was_given_holds_at_once(ada, admin):
    for role in (Role.VIEWER, Role.MEMBER, Role.VIEWER, Role.OWNER):
        roles.give_role(ada, role)
        assert roles.role_of(ada) == role
