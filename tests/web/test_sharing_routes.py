"""The rows and columns that sharing adds to the route matrix: viewers, contributors and links."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client

from gallery.models import ApiToken, Photo, ShareLink, ShareMember, ShareRole
from tests.external import body
from tests.shared import ALL_ON, World, member
from tests.web.route_matrix import ADMIN, ADMIN_KEY, KEY, LINK, MATRIX, MEMBERS, OPEN, SIGN_IN

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

# What each actor gets from a route of each kind, for photos that are shared.
EXPECTED = {
    MEMBERS: {
        "anonymous": 302, "other": 404, "owner": 200, "viewer": 200, "contributor": 200,
        "removed": 404,
    },
    LINK: {"link": 200, "revoked": 404, "expired": 404, "unknown": 404, "closed": 404},
}  # fmt: skip
# POST routes of members, and what their forms do to those who may not.
FORMS = {
    "shared/<uuid:shared_id>/leave": {
        "other": 404, "owner": 404, "viewer": 302, "contributor": 302,
    },
    "shared/<uuid:shared_id>/add": {"other": 404, "owner": 403, "viewer": 403, "contributor": 302},
    "shared/<uuid:shared_id>/take-out": {
        "other": 404, "owner": 302, "viewer": 302, "contributor": 302,
    },
}  # fmt: skip
ONLY_OWNERS = re.compile(
    r"^(api/v1/)?(labels|label-sets|teach|tag|themes|map|evaluations|duplicates|sensitive|best|stacks"
    r"|trash|photos|albums|searches|search|favourites|ratings)"
)


@pytest.fixture
def people(world, ada_client, bob_client) -> dict[str, Client]:
    removed = member(world, "rita")
    ShareMember.objects.all().delete()
    return {
        "anonymous": Client(),
        "other": bob_client,
        "owner": ada_client,
        "viewer": member(world, "vera"),
        "contributor": member(world, "cora", ShareRole.CONTRIBUTOR),
        "removed": removed,
    }


def address(path: str, world: World, secret: str = "", photo: object = None) -> str:
    filled = path.replace("<uuid:shared_id>", str(world.shared.pk)).replace("<str:secret>", secret)
    return "/" + filled.replace("<uuid:photo_id>", str(photo or world.photos["red"].pk))


def test_every_route_of_sharing_is_tried_with_every_actor(world, people):
    for path, (method, kind) in MATRIX.items():
        if kind == MEMBERS:
            for actor, status in EXPECTED[MEMBERS].items():
                answer = people[actor].generic(method, address(path, world))
                body(answer)
                assert answer.status_code == status, (path, actor)


def test_every_route_of_links_is_tried_with_every_link(world, ada):
    paths = [path for path, (_method, kind) in MATRIX.items() if kind == LINK]
    assert len(paths) == 9
    links = {name: world.link(downloads="originals", **ALL_ON) for name in ("link", "revoked")}
    secrets = {name: path.removeprefix("/s/") for name, (_row, path) in links.items()}
    secrets |= {"expired": world.expired_link().removeprefix("/s/"), "unknown": "u" * 43}
    ShareLink.objects.filter(pk=links["revoked"][0].pk).delete()
    for path in paths:
        method = MATRIX[path][0]
        answers = {
            actor: Client().generic(method, address(path, world, secret))
            for actor, secret in secrets.items()
        }
        told = {actor: body(answer) for actor, answer in answers.items()}
        # There is no password to give, so `unlock` opens nothing.
        expected = 404 if path.endswith("unlock") else EXPECTED[LINK]["link"]
        assert answers.pop("link").status_code == expected, path
        assert {answer.status_code for answer in answers.values()} == {404}, path
        assert told["revoked"] == told["expired"] == told["unknown"], path
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)
    for path in paths:
        answer = Client().generic(MATRIX[path][0], address(path, world, secrets["link"]))
        assert answer.status_code == 404, path


@pytest.mark.parametrize("path", FORMS)
def test_the_forms_of_members(world, people, path):
    for actor, status in FORMS[path].items():
        assert people[actor].post(address(path, world)).status_code == status, actor


def test_a_photo_that_is_not_shared_is_the_same_404_as_an_unknown_one(world, people):
    _row, link = world.link(downloads="originals", **ALL_ON)
    rooms = [(people["viewer"], world.room), (Client(), link)]
    lone, unknown = world.photos["lone"].pk, uuid.uuid4()
    for path, (_method, kind) in MATRIX.items():
        if kind == MEMBERS and "photo_id" in path:
            rest = path.removeprefix("shared/<uuid:shared_id>")
            for client, base in rooms:
                first, second = (
                    client.get(base + rest.replace("<uuid:photo_id>", str(pk)))
                    for pk in (lone, unknown)
                )
                assert first.status_code == second.status_code == 404
                assert body(first).replace(str(lone).encode(), b"") == body(second).replace(
                    str(unknown).encode(), b""
                )


def test_members_get_nothing_from_the_routes_of_owners(world, people):
    """Labels, lessons, themes, the map and all the rest stay the owner's alone."""
    photo, viewer = world.photos["red"], people["viewer"]
    tried = 0
    for path, (method, kind) in MATRIX.items():
        if not ONLY_OWNERS.match(path) or kind in {OPEN, ADMIN, ADMIN_KEY}:
            continue
        filled = re.sub(
            r"<uuid:album_id>|<uuid:id>",
            str(world.album.pk),
            re.sub("<str:name>|<name>", "x", path),
        )
        filled = re.sub(r"<uuid:\w+>", str(photo.pk), filled).replace("<int:level>", "0")
        answer = viewer.generic(method, f"/{filled}", content_type="application/json")
        told = body(answer)
        if kind in {SIGN_IN, KEY}:
            assert str(photo.pk).encode() not in told, path
        else:
            assert answer.status_code in {400, 404, 422}, (path, answer.status_code)
        assert b"red.jpg" not in told, path
        tried += 1
    assert tried > 90
    assert Photo.objects.visible_to(photo.owner).filter(pk=photo.pk).exists()


def test_a_link_gives_no_session(world):
    _row, link = world.link(downloads="originals", **ALL_ON)
    visitor = Client()
    visitor.get(link)
    for path, (method, kind) in MATRIX.items():
        if kind in {SIGN_IN, KEY} and "<" not in path:
            answer = visitor.generic(method, f"/{path}", content_type="application/json")
            assert answer.status_code in {302, 401}, path


def test_the_token_of_a_member_opens_pictures_until_they_are_removed(world):
    member(world, "vera")
    row = ShareMember.objects.get()
    program = Client(headers={"Authorization": f"Bearer {ApiToken.issue(row.user)}"})
    for path, (_method, kind) in MATRIX.items():
        if kind == MEMBERS:
            answer = program.get(address(path, world))
            body(answer)
            assert answer.status_code == 200, path
    row.delete()
    for path, (_method, kind) in MATRIX.items():
        if kind == MEMBERS:
            assert program.get(address(path, world)).status_code == 404, path
