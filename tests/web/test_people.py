"""Roles, invitations and closing accounts."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.utils import timezone

from gallery import audit, invitations, roles
from gallery.models import ApiToken, Deed, Invitation, Role
from gallery.user_errors import UserError
from tests.web.route_matrix import OWN, OWN_FILE, OWN_KEY
from tests.web.test_accounts import is_in
from tests.web.test_api_photos import picture, upload
from tests.web.test_routes import ask, bearing, routes_for

pytestmark = pytest.mark.django_db

GOOD = {"username": "eve", "password": "correct horse battery"}


@pytest.fixture
def root(admin):
    return get_user_model().objects.get(username="root")


def join(secret: str, **values):
    client = Client()
    return client, client.post("/join", {**GOOD, "token": secret, **values})


def link(admin: Client, role: str = "member") -> str:
    page = admin.post("/people/invite", {"role": role}).content.decode()
    (secret,) = re.findall(r"<code>http://testserver/join#([\w-]{43})</code>", page)
    return secret


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_an_invitation_makes_one_account_of_its_role(admin, role):
    secret = link(admin, role)
    assert secret not in repr(Invitation.objects.values())
    client, answer = join(secret)
    assert answer.headers["Location"] == "/"
    assert is_in(client)
    eve = get_user_model().objects.get(username="eve")
    assert roles.role_of(eve) == role
    assert Deed.ACCOUNT_MADE in audit.of(eve).values_list("deed", flat=True)
    assert join(secret, username="mallory")[1].status_code == 403
    assert not get_user_model().objects.filter(username="mallory").exists()


@pytest.mark.parametrize("role", ["owner", "", "root", "member\0"])
def test_nobody_is_invited_as_anything_else(admin, role):
    assert admin.post("/people/invite", {"role": role}).status_code == 400
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("end", ["expired", "withdrawn", "demoted", "deactivated", "unknown"])
def test_an_invitation_that_ended_makes_no_account(admin, root, bob, end):
    secret = link(admin)
    row = Invitation.objects.get()
    if end == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif end == "withdrawn":
        admin.post(f"/people/invitations/{row.pk}/withdraw")
    elif end == "unknown":
        secret = "x" * 43
    else:
        roles.give_role(bob, Role.OWNER)
        roles.give_role(root, Role.MEMBER) if end == "demoted" else roles.deactivate(root)
    assert join(secret)[1].status_code == 403
    assert not get_user_model().objects.filter(username="eve").exists()


@pytest.mark.parametrize(
    ("values", "says"),
    [({"password": "short"}, "too short"), ({"username": "root"}, "already exists"),
     ({"password": "eve-eve-eve", "username": "eve-eve-ev"}, "too similar")],
)  # fmt: skip
def test_a_name_or_password_that_will_not_do_leaves_the_invitation(admin, values, says):
    secret = link(admin)
    answer = join(secret, **values)[1]
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert join(secret)[1].status_code == 302


@pytest.mark.django_db(transaction=True)
def test_an_invitation_taken_up_twice_at_once_makes_one_account(ada):
    roles.give_role(ada, Role.OWNER)
    secret, start = invitations.invite(ada, Role.MEMBER), threading.Barrier(4)

    def take(name: str) -> None:
        start.wait()
        join(secret, username=name)
        connection.close()

    threads = [threading.Thread(target=take, args=(f"eve{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert get_user_model().objects.filter(username__startswith="eve").count() == 1


# --- closing and roles ----------------------------------------------------------------------------


def test_a_closed_account_is_out_at_once_and_comes_back_whole(admin, bob, bob_client, model):
    upload(bob_client, picture())
    program = bearing(ApiToken.issue(bob))
    admin.post(f"/people/{bob.pk}/change", {"deactivate": "1"})
    assert not is_in(bob_client)
    assert program.get("/api/v1/photos").status_code == 401
    page = Client().post("/sign-in", {"username": "bob", "password": "battery staple"})
    assert page.status_code == 401
    admin.post(f"/people/{bob.pk}/change", {"activate": "1"})
    assert len(program.get("/api/v1/photos").json()["photos"]) == 1
    assert not is_in(bob_client)


@pytest.mark.parametrize("how", [{"deactivate": "1"}, {"role": "member"}, {"role": "viewer"}])
def test_the_last_owner_stays_one(admin, root, bob, how):
    answer = admin.post(f"/people/{root.pk}/change", how)
    assert answer.status_code == 409
    assert b"Make another account an owner first" in answer.content
    root.refresh_from_db()
    assert (root.is_active, roles.role_of(root)) == (True, Role.OWNER)
    admin.post(f"/people/{bob.pk}/change", {"role": "owner"})
    assert admin.post(f"/people/{root.pk}/change", how).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_two_owners_cannot_step_down_at_once(ada, bob):
    for user in (ada, bob):
        roles.give_role(user, Role.OWNER)
    start, refused = threading.Barrier(2), []

    def step_down(user) -> None:
        start.wait()
        try:
            roles.give_role(user, Role.MEMBER)
        except UserError as error:
            refused.append(error)
        connection.close()

    threads = [threading.Thread(target=step_down, args=(user,)) for user in (ada, bob)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert get_user_model().objects.filter(is_superuser=True).count() == 1


@pytest.mark.parametrize("path", routes_for(OWN, OWN_FILE, OWN_KEY))
def test_an_owner_of_the_gallery_sees_no_photo_of_others(admin, ada_client, model, path):
    photo = upload(ada_client, picture()).json()["id"]
    assert ask(admin, path, photo).status_code == 404


def test_the_page_of_people_shows_figures_and_no_photos(admin, ada_client, model):
    photo = upload(ada_client, picture()).json()
    page = admin.get("/people").content.decode()
    assert "1 photo," in page
    assert photo["id"] not in page
    assert photo["name"] not in page


def test_changing_accounts_is_written_down_with_who_did_it(admin, bob):
    admin.post(f"/people/{bob.pk}/change", {"role": "viewer"})
    entry = audit.of(bob).get()
    assert (entry.deed, entry.by_name, entry.detail) == (Deed.ACCOUNT_CHANGED, "root", "viewer")


@pytest.mark.parametrize("form", [{}, {"role": ""}, {"role": "king"}, {"role": "member"}])
def test_a_form_that_asks_for_nothing_changes_nothing(admin, bob, form):
    assert admin.post(f"/people/{bob.pk}/change", form).status_code == 302
    assert roles.role_of(bob) == Role.MEMBER
    assert not audit.of(bob).exists()
