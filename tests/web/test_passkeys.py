"""Passkeys: adding them, signing in with them, and losing them."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command
from django.test import Client

from gallery import password_resets, second_step
from gallery.models import AuditEntry, Deed, Passkey, RecoveryCode
from gallery.passkeys.relying_party import relying_party
from tests.web.passkey_steps import (
    HOST,
    ORIGIN,
    add,
    after_password,
    ask,
    begin,
    browser,
    device,
    second,
    use,
)
from tests.web.test_accounts import NEW, OLD, deeds, is_in
from tests.web.test_second_step import app, clock, code_of, give  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("named_host")]

# --- what works -----------------------------------------------------------------------------------


def test_the_first_passkey_comes_with_recovery_codes_and_the_second_without(ada):
    client = after_password()
    page = add(client, device()).content.decode()
    assert len(re.findall(r"<code>([0-9a-z-]{27})</code>", page)) == 10
    assert add(client, device(), "key").headers["Location"] == "/account"
    page = client.get("/account").content.decode()
    assert "<b>phone</b>" in page
    assert "<b>key</b>" in page
    assert "never used" in page
    assert deeds(ada).count(Deed.PASSKEY_ADDED) == 2
    assert len(set(Passkey.objects.values_list("user_handle"))) == 1


def test_what_is_asked_of_a_device(ada, phone):
    asked = begin(second(phone))["publicKey"]
    assert asked["rp"]["id"] == HOST
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["attestation"] == "none"
    assert [one["alg"] for one in asked["pubKeyCredParams"]] == [-8, -7, -257]
    assert len(asked["excludeCredentials"]) == 1
    assert asked["user"]["name"] == "ada"
    assert str(ada.pk).encode() != Passkey.objects.get().user_handle.encode()
    asked = ask(browser())["publicKey"]
    assert asked["userVerification"] == "required"
    assert not asked.get("allowCredentials")
    assert len(asked["challenge"]) == 43


def test_a_passkey_alone_signs_in_where_one_wanted_to_go(ada, phone):
    client = browser()
    assert use(client, phone, next="/albums").headers["Location"] == "/albums"
    assert is_in(client)
    assert AuditEntry.objects.filter(deed=Deed.SIGNED_IN).latest("pk").detail == "passkey"
    assert Passkey.objects.get().last_used_at is not None
    assert use(browser(), phone, next="https://evil.example").headers["Location"] == "/"


def test_a_passkey_alone_needs_no_code(ada, phone, app):  # noqa: F811
    client = browser()
    use(client, phone)
    assert is_in(client)


@pytest.mark.slow
def test_the_key_of_the_session_changes(ada, phone):
    client = browser()
    ask(client)
    before = client.cookies["scry_session"].value
    use(client, phone)
    assert client.cookies["scry_session"].value != before


def test_after_the_password_a_passkey_is_asked_for(ada, phone):
    client = after_password()
    assert not is_in(client)
    page = client.get("/sign-in/code").content.decode()
    assert "Use a passkey" in page
    asked = ask(client, second="1")["publicKey"]["allowCredentials"]
    assert [one["transports"] for one in asked] == [["internal"]]
    assert use(client, phone, second="1").headers["Location"] == "/"
    assert is_in(client)


def test_a_passkey_stands_in_for_the_code_and_the_code_for_it(ada, phone, app):  # noqa: F811
    assert is_in(second(phone))
    client = after_password()
    give(client, app())
    assert is_in(client)


def test_recovery_codes_stand_in_for_a_lost_passkey_and_can_be_made_anew(ada, phone):
    client = second(phone)
    page = client.post("/account/code/recovery", {"password": OLD}).content.decode()
    codes = re.findall(r"<code>([0-9a-z-]{27})</code>", page)
    again = after_password()
    assert give(again, codes[0]).status_code == 302
    assert is_in(again)
    assert Deed.RECOVERY_CODES_MADE in deeds(ada)
    client.post("/account/code/recovery", {"password": "wrong"})
    assert second_step.recovery_codes_left(ada) == 9


def test_the_name_is_cleaned_and_the_browser_names_what_has_none(ada):
    client = after_password()
    add(client, device(), " a \n b\0" + "x" * 100)
    add(client, device(), "")
    names = set(Passkey.objects.values_list("name", flat=True))
    assert names == {"a b" + "x" * 57, "Passkey"}


# --- taking away ----------------------------------------------------------------------------------


def test_a_removed_passkey_opens_nothing_and_the_last_one_takes_the_codes_along(ada, phone):
    client = second(phone)
    path = f"/account/passkeys/{Passkey.objects.get().pk}/remove"
    client.post(path, {"password": "wrong"})
    assert Passkey.objects.exists()
    client.post(path, {"password": OLD})
    assert Deed.PASSKEY_REMOVED in deeds(ada)
    assert use(browser(), phone).status_code == 401
    assert not RecoveryCode.objects.exists()
    assert is_in(after_password())


def test_nobody_removes_the_passkey_of_another(ada, bob, phone):
    client = after_password("bob", "battery staple")
    path = f"/account/passkeys/{Passkey.objects.get().pk}/remove"
    assert client.post(path, {"password": "battery staple"}).status_code == 404
    assert Passkey.objects.exists()


def test_without_the_app_passkeys_are_still_asked_for(ada, phone, app):  # noqa: F811
    client = second(phone)
    client.post("/account/code/off", {"password": OLD})
    assert not second_step.has_app(ada)
    assert second_step.recovery_codes_left(ada) == 10
    assert not is_in(after_password())


def test_the_command_takes_passkeys_along(ada, phone):
    call_command("switch_off_code", "ada")
    assert not Passkey.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert is_in(after_password())


def test_a_new_password_is_no_way_around(ada, phone):
    password_resets.give_password(ada, NEW)
    client = after_password(password=NEW)
    assert not is_in(client)
    use(client, phone, second="1")
    assert is_in(client)


# --- where there are none -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "host", "works"),
    [
        (ORIGIN, HOST, True), ("https://Photos.example.org", HOST, True),
        ("https://photos.example.org:8443", f"{HOST}:8443", True),
        (ORIGIN, "localhost", False), ("http://photos.example.org", HOST, False),
        ("https://192.0.2.1", "192.0.2.1", False), ("https://[::1]", "[::1]", False),
        ("", "localhost:8000", True), ("http://localhost:8000", "localhost:8000", True),
        ("", "127.0.0.1:8000", False), ("", HOST, False),
    ],
)  # fmt: skip
def test_where_browsers_have_passkeys(ada, settings, rf, url, host, works):
    settings.PUBLIC_URL = url
    assert bool(relying_party(rf.get("/", headers={"host": host}))) == works
    client = Client(headers={"host": host})
    client.force_login(ada)
    page = client.get("/account").content.decode()
    assert ("Passkeys need an address that begins with https://" in page) != works
    assert ("data-passkey" in client.get("/account").content.decode()) == works
    stranger = Client(headers={"host": host})
    assert ("data-passkey" in stranger.get("/sign-in").content.decode()) == works
    if not works:
        assert stranger.post("/sign-in/passkey/begin").status_code == 400
        answer = client.post("/account/passkeys/begin", {"password": OLD})
        assert "https://" in answer.json()["message"]
