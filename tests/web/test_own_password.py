"""What asks for the own password although somebody is signed in, and how guesses count."""

from __future__ import annotations

import pytest
from django.test import Client

from gallery import second_step
from gallery.models import ApiToken, Deed, Session
from gallery.sign_in_limits import FAILURES_OF_DEVICE
from tests.web.test_accounts import NEW, OLD, deeds, is_in, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

ASKING = {
    "/account/password": {"new_password1": NEW, "new_password2": NEW},
    "/account/address": {"email": "ada@example.org"},
    "/account/code/begin": {},
    "/account/code/off": {},
    "/account/passkeys/begin": {},
    "/account/sessions/end": {},
    "/account/tokens": {"name": "phone", "scope": "read", "days": 30},
}
"""The addresses, and what they would take beside the password."""


def post(client: Client, path: str, password: str, **headers):
    field = "old_password" if path == "/account/password" else "password"
    return client.post(path, {**ASKING[path], field: password}, **headers)


def changed(ada) -> bool:
    """Tell whether anything that the addresses do was done."""
    ada.refresh_from_db()
    sessions = Session.objects.filter(owner=ada).count()
    new = ada.check_password(NEW) or ada.email or ApiToken.objects.exists()
    return bool(new or second_step.begun(ada) or sessions != 2)


@pytest.mark.parametrize("path", ASKING)
def test_a_session_alone_is_not_enough(ada, settings, path):
    settings.SENDS_MAIL = True
    client = signed_in()
    signed_in()
    for wrong in ("", "wrong", NEW):
        answer = post(client, path, wrong)
        assert answer.status_code in (302, 400)
    assert not changed(ada)
    assert Deed.SIGN_IN_FAILED in deeds(ada)
    page = client.get("/account").content.decode()
    told = answer.content.decode() if answer.status_code == 400 else page
    assert "That is not your password." in told


@pytest.mark.parametrize("path", ASKING)
def test_guesses_are_counted_as_those_of_sign_ins_are(ada, path):
    """Whoever stole a session must not find out the password by it."""
    client = signed_in()
    signed_in()
    # A stolen session comes without the cookie of the known device.
    client.cookies.pop("scry_device", None)
    for _ in range(5):
        answer = post(client, path, "wrong")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert post(client, path, OLD).status_code == 429
    assert not changed(ada)
    assert is_in(client), "looking goes on"


def test_the_same_limit_holds_for_all_of_them_and_for_signing_in(ada):
    client = signed_in()
    client.cookies.pop("scry_device", None)
    for path in [*ASKING][:5]:
        post(client, path, "wrong")
    assert post(client, "/account/tokens", OLD).status_code == 429
    stranger = Client()
    answer = stranger.post("/sign-in", {"username": "ada", "password": OLD})
    assert answer.status_code == 429


def test_on_a_known_device_guesses_have_the_count_of_the_device(ada, settings):
    """Over HTTPS its cookie goes to every address, so that other guessers keep nobody out."""
    settings.SESSION_COOKIE_SECURE = True
    client = Client()
    client.post("/sign-in", {"username": "ada", "password": OLD}, secure=True)
    for _ in range(FAILURES_OF_DEVICE):
        assert post(client, "/account/sessions/end", "wrong", secure=True).status_code == 400
    assert post(client, "/account/sessions/end", OLD, secure=True).status_code == 429


def test_the_right_password_forgives_a_known_device(ada, settings):
    settings.SESSION_COOKIE_SECURE = True
    client = Client()
    client.post("/sign-in", {"username": "ada", "password": OLD}, secure=True)
    for _ in range(2):
        for _ in range(FAILURES_OF_DEVICE - 1):
            post(client, "/account/sessions/end", "wrong", secure=True)
        assert post(client, "/account/sessions/end", OLD, secure=True).status_code == 302


def test_the_name_that_is_counted_is_that_of_the_session(ada, bob):
    """A form may say another name; nobody else is locked out by that, and nobody is let in."""
    client = signed_in()
    client.cookies.pop("scry_device", None)
    for _ in range(5):
        client.post("/account/sessions/end", {"password": "wrong", "username": "bob"})
    assert is_in(signed_in("bob", "battery staple"))
    given = {"username": "bob", "password": "battery staple"}
    answer = client.post("/account/tokens", {**ASKING["/account/tokens"], **given})
    assert answer.status_code == 429
    assert not ApiToken.objects.exists()
