"""Sharing over the API, and what the forms refuse."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from gallery.models import ApiToken, ShareLink, ShareMember
from tests.shared import another, member, send

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def program(ada) -> Client:
    return Client(headers={"Authorization": f"Bearer {ApiToken.issue(ada)}"})


def test_a_program_makes_lists_and_revokes_a_link(world, program):
    until = timezone.now() + timedelta(days=2)
    given = {"album": str(world.album.pk), "label": "Grandma", "expires_at": until.isoformat(),
             "downloads": "originals", "password": "open sesame"}  # fmt: skip
    made = send(program, "POST", "/api/v1/shares/links", given)
    assert made.status_code == 201
    told = made.json()
    assert told["url"].startswith("http://testserver/s/")
    assert (told["has_password"], told["gives_originals"], told["places"]) == (True, False, False)
    assert Client().get(told["url"]).status_code == 401
    listed = send(program, "GET", "/api/v1/shares").json()["by_me"]
    assert [row["name"] for row in listed] == ["Trip"]
    assert listed[0]["photos"] == 3
    assert listed[0]["links"] == [{k: v for k, v in told.items() if k != "url"}]
    assert send(program, "DELETE", f"/api/v1/shares/links/{told['id']}").status_code == 204
    assert Client().get(told["url"]).status_code == 404
    assert send(program, "DELETE", f"/api/v1/shares/links/{told['id']}").status_code == 404
    assert send(program, "GET", "/api/v1/shares").json()["by_me"] == []


def test_a_program_shares_with_a_person(world, program, bob, bob_client):
    given = {"album": str(world.album.pk), "name": "bob", "role": "viewer"}
    made = send(program, "POST", "/api/v1/shares/members", given)
    assert (made.status_code, made.json()["role"]) == (201, "viewer")
    send(program, "POST", "/api/v1/shares/members", given | {"role": "contributor"})
    assert ShareMember.objects.get().role == "contributor"
    with_me = bob_client.get("/api/v1/shares").json()["with_me"]
    assert [(row["name"], row["owner"], row["role"], row["photos"]) for row in with_me] == [
        ("Trip", "ada", "contributor", 3)
    ]
    own = another(bob_client, (0, 200, 0))
    here = f"/api/v1/shares/{world.shared.pk}/photos"
    added = send(bob_client, "POST", here, {"ids": [str(own.pk), str(uuid.uuid4())]})
    assert added.json() == {"changed": 1}
    assert send(program, "DELETE", here, {"ids": [str(own.pk)]}).json() == {"changed": 1}
    path = f"/api/v1/shares/members/{made.json()['id']}"
    assert send(bob_client, "DELETE", path).status_code == 404
    assert send(program, "DELETE", path).status_code == 204
    assert bob_client.get("/api/v1/shares").json()["with_me"] == []


WRONG = [
    ("links", {}, 400),
    ("links", {"album": "x"}, 400),
    ("links", {"album": "ALBUM", "search": "ALBUM"}, 400),
    ("links", {"album": "UNKNOWN"}, 404),
    ("links", {"search": "UNKNOWN"}, 404),
    ("links", {"album": "ALBUM", "downloads": "all"}, 400),
    ("links", {"album": "ALBUM", "expires_at": "2001-01-01T00:00:00Z"}, 400),
    ("links", {"album": "ALBUM", "expires_at": "2031-01-01T00:00:00"}, 400),
    ("links", {"album": "ALBUM", "password": "short"}, 400),
    ("links", {"album": "ALBUM", "password": "x" * 201}, 400),
    ("links", {"album": "ALBUM", "label": "\u202egnol"}, 400),
    ("links", {"album": "ALBUM", "gps": True}, 400),
    ("links", {"album": "ALBUM", "places": "yes"}, 400),
    ("members", {"album": "ALBUM", "name": "nobody"}, 404),
    ("members", {"album": "ALBUM", "name": "ada"}, 409),
    ("members", {"album": "ALBUM", "name": "a\x00b"}, 404),
    ("members", {"album": "ALBUM", "name": "bob", "role": "owner"}, 400),
    ("members", {"album": "UNKNOWN", "name": "bob"}, 404),
]


def test_bad_requests_get_a_sentence(world, program, bob, subtests):
    ids = {"ALBUM": str(world.album.pk), "UNKNOWN": str(uuid.uuid4())}
    for path, given, status in WRONG:
        with subtests.test(path, given=given):
            filled = {key: ids.get(value, value) if isinstance(value, str) else value
                      for key, value in given.items()}  # fmt: skip
            answer = send(program, "POST", f"/api/v1/shares/{path}", filled)
            assert answer.status_code == status
            assert set(answer.json()) == {"code", "message"}
            assert not ShareLink.objects.exists()
            assert not ShareMember.objects.exists()


WRONG_FORMS = [
    {"do": "link", "days": "x"},
    {"do": "link", "days": "7", "password": "short"},
    {"do": "link", "days": "7", "downloads": "all"},
    {"do": "member", "name": "nobody", "role": "viewer"},
    {"do": "member", "name": "bob", "role": "owner"},
    {"do": "nonsense"},
    {},
]


def test_forms_say_what_is_wrong(world, ada_client, bob, subtests):
    for form in WRONG_FORMS:
        with subtests.test(form=form):
            answer = ada_client.post(f"/albums/{world.album.pk}/share", form)
            assert answer.status_code in {400, 404}
            assert answer.status_code == 400 or "Nobody here is called" in answer.content.decode()
            assert not ShareLink.objects.exists()


def test_nobody_shares_or_revokes_what_is_anothers(world, bob, bob_client):
    row, _path = world.link()
    given = {"album": str(world.album.pk)}
    assert send(bob_client, "POST", "/api/v1/shares/links", given).status_code == 404
    assert send(bob_client, "DELETE", f"/api/v1/shares/links/{row.pk}").status_code == 404
    page = f"/albums/{world.album.pk}/share"
    assert bob_client.post(page, {"do": "revoke-link", "link": str(row.pk)}).status_code == 404
    viewer = member(world, "vera")
    assert send(viewer, "DELETE", f"/api/v1/shares/links/{row.pk}").status_code == 404
    assert ShareLink.objects.filter(pk=row.pk).exists()


def test_a_program_releases_withheld_photos(world, ada, program):
    from gallery import sensitive
    from gallery.models import Photo

    world.link()
    secret = world.photos["red"]
    sensitive.decide(ada, Photo.objects.filter(pk=secret.pk), "documents", "confirmed")
    listed = send(program, "GET", "/api/v1/shares").json()["by_me"][0]
    assert (listed["photos"], listed["withheld"]) == (2, 1)
    path = f"/api/v1/shares/{world.shared.pk}/release"
    assert send(program, "POST", path, {"ids": [str(secret.pk)]}).json() == {"changed": 1}
    assert send(program, "GET", "/api/v1/shares").json()["by_me"][0]["photos"] == 3
