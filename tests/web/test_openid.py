"""Signing in by an OpenID provider: there and back, linking, and a provider that is away."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.test import Client
from joserfc import jwk

from gallery import confirmation, invitations, roles
from gallery.apps import openid_is_whole
from gallery.models import Deed, Invitation, LinkedIdentity, Role
from tests.openid_provider import SECRET
from tests.web.openid_steps import HOME, leaves, linked, sign_in, way_back
from tests.web.test_accounts import OLD, deeds, is_in, signed_in
from tests.web.test_second_step import app, clock, give  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


# --- what works -----------------------------------------------------------------------------------


def test_from_the_account_page_to_the_first_sign_in(ada, provider):
    client = signed_in()
    address = leaves(client, "/account/openid/link", password=OLD)
    assert parse_qs(urlsplit(address).query)["prompt"] == ["login"]
    assert client.get(way_back(address)).headers["Location"] == "/account"
    page = client.get("/account").content.decode()
    assert "From now on you can sign in by Keys." in page
    assert LinkedIdentity.objects.get().subject == "u-1"
    browser = Client()
    assert "Sign in with Keys" in browser.get("/sign-in").content.decode()
    assert sign_in(browser, next="/albums").headers["Location"] == "/albums"
    assert is_in(browser)
    assert LinkedIdentity.objects.get().last_used_at is not None
    assert {Deed.IDENTITY_LINKED, Deed.SIGNED_IN} <= set(deeds(ada))


def test_the_address_asks_for_a_code_with_proofs(provider, ada):
    query = parse_qs(urlsplit(leaves(Client())).query)
    assert query["redirect_uri"] == [f"{HOME}/sign-in/openid/back"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(query[name][0]) == 43
    assert SECRET not in str(query)


def test_the_session_gets_another_key_and_says_how_it_began(ada, provider):
    linked(ada, provider)
    client = Client()
    back = way_back(leaves(client))
    before = client.cookies["scry_session"].value
    client.get(back)
    assert client.cookies["scry_session"].value != before
    assert "OpenID Connect" in client.get("/account/activity").content.decode()


def test_the_secret_goes_into_the_form_where_the_provider_wants_it(ada, provider):
    linked(ada, provider)
    provider.description = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    client = Client()
    sign_in(client)
    assert is_in(client)


def test_what_the_provider_says_is_kept_for_a_while(ada, provider):
    linked(ada, provider)
    for _time in range(3):
        sign_in(Client())
    assert provider.asked.count("openid-configuration") == 1
    assert provider.asked.count("keys") == 1


def test_a_key_that_is_new_is_fetched_and_not_again_and_again(ada, provider):
    linked(ada, provider)
    sign_in(Client())
    provider.key = jwk.RSAKey.generate_key(2048, parameters={"kid": "two"}, auto_kid=False)
    provider.header = {"kid": "two"}
    client = Client()
    sign_in(client)
    assert is_in(client)
    provider.header = {"kid": "three"}
    for _time in range(3):
        assert sign_in(Client()).status_code == 403
    assert provider.asked.count("keys") == 2


def test_a_session_outlives_the_provider(ada, provider):
    linked(ada, provider)
    sign_in(client := Client())
    provider.broken = 503
    assert is_in(client)


# --- who has an account ---------------------------------------------------------------------------


def test_an_unknown_person_gets_no_account_by_default(ada, provider):
    client = Client()
    answer = sign_in(client)
    assert answer.status_code == 403
    assert "No account here belongs to that sign-in." in answer.content.decode()
    assert not is_in(client)
    assert User.objects.count() == 1


@pytest.mark.parametrize("claims", [{"preferred_username": "ada"}, {"email": "ada@example.org"}])
@pytest.mark.parametrize("creates", [False, True])
def test_a_name_or_an_address_leads_to_no_account(ada, provider, settings, claims, creates):
    User.objects.filter(pk=ada.pk).update(email="ada@example.org")
    settings.OIDC_CREATE_ACCOUNTS = creates
    provider.person = {"sub": "u-2", **claims, "email_verified": True}
    client = Client()
    sign_in(client)
    if creates:
        assert client.get("/account").wsgi_request.user != ada
    assert not LinkedIdentity.objects.filter(owner=ada).exists()


def test_accounts_are_made_where_the_settings_say_so(ada, provider, settings):
    settings.OIDC_CREATE_ACCOUNTS = True
    client = Client()
    sign_in(client)
    made = User.objects.get(username="eve")
    assert roles.role_of(made) == Role.MEMBER
    assert not made.has_usable_password()
    assert Deed.ACCOUNT_MADE in deeds(made)
    sign_in(Client())
    assert User.objects.count() == 2


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("ADA", "ADA2"), ("eve smith", "evesmith"), ("<b>", "b"), ("", "asked"),
        ("\0x", "x"), ("é" * 300, "é" * 140),
    ],
)  # fmt: skip
def test_names_of_the_provider_become_names_of_accounts(ada, provider, settings, called, name):
    settings.OIDC_CREATE_ACCOUNTS = True
    provider.person = {"sub": "u-3", "preferred_username": called}
    sign_in(Client())
    assert LinkedIdentity.objects.get().owner.username == name


def test_an_invitation_makes_an_account_without_a_password(ada, provider):
    secret = invitations.invite(get_user_model().objects.create_superuser("root"), Role.VIEWER)
    page = Client().post("/join", {"token": secret}).content.decode()
    assert "Join with Keys" in page
    client = Client()
    back = way_back(leaves(client, "/join/openid", token=secret))
    assert client.get(back).headers["Location"] == "/"
    eve = User.objects.get(username="eve")
    assert roles.role_of(eve) == Role.VIEWER
    assert not Invitation.objects.exists()
    assert Client().post("/join/openid", {"token": secret}).status_code == 403
    sign_in(again := Client())
    assert again.get("/account").wsgi_request.user == eve


def test_an_invitation_is_not_used_up_by_somebody_who_has_an_account(ada, provider):
    linked(ada, provider)
    secret = invitations.invite(get_user_model().objects.create_superuser("root"), Role.MEMBER)
    client = Client()
    answer = client.get(way_back(leaves(client, "/join/openid", token=secret)))
    assert answer.status_code == 409
    assert Invitation.objects.exists()
    assert User.objects.count() == 2


def test_a_closed_account_stays_closed(ada, provider):
    linked(ada, provider)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    client = Client()
    assert sign_in(client).status_code == 403
    assert not is_in(client)
    assert Deed.SIGN_IN_FAILED in deeds(ada)


# --- the second step ------------------------------------------------------------------------------


def test_the_code_is_asked_for_after_the_provider_too(ada, provider, app):  # noqa: F811
    linked(ada, provider)
    client = Client()
    assert sign_in(client, next="/albums").headers["Location"] == "/sign-in/code"
    assert not is_in(client)
    assert give(client, app()).headers["Location"] == "/albums"
    assert "OpenID Connect" in client.get("/account/activity").content.decode()


@pytest.mark.parametrize(
    ("amr", "is_enough"), [(["pwd", "otp", "mfa"], True), (["pwd"], False), ("mfa", False)]
)
def test_the_provider_may_have_asked_for_a_second_factor(ada, provider, app, amr, is_enough):  # noqa: F811
    linked(ada, provider)
    provider.claims = {"amr": amr}
    client = Client()
    sign_in(client)
    assert is_in(client) == is_enough


# --- linking and taking back ----------------------------------------------------------------------


def test_a_session_alone_links_nothing(ada, ada_client, provider):
    for password in ("", "wrong"):
        answer = ada_client.post("/account/openid/link", {"password": password})
        assert answer.headers["Location"] == "/account"
    assert provider.codes == {}


def test_one_identity_belongs_to_one_account(ada, bob, provider):
    linked(ada, provider)
    client = signed_in("bob", "battery staple")
    client.get(way_back(leaves(client, "/account/openid/link", password="battery staple")))
    assert LinkedIdentity.objects.get().owner == ada
    assert "belongs to an account already" in client.get("/account").content.decode()


def test_a_link_that_somebody_else_began_is_not_made(ada, bob, provider):
    client = signed_in()
    back = way_back(leaves(client, "/account/openid/link", password=OLD))
    begun = client.session["ceremony:openid"]
    assert Client().get(back).status_code == 403
    client.force_login(bob)
    session = client.session
    assert "ceremony:openid" not in session, "the session of another person is not handed on"
    session["ceremony:openid"] = begun
    session.save()
    client.get(back)
    assert not LinkedIdentity.objects.exists()


def test_a_link_can_be_taken_back(ada, provider):
    linked(ada, provider)
    client = signed_in()
    client.post("/account/openid/unlink", {"password": "wrong"})
    assert LinkedIdentity.objects.exists()
    client.post("/account/openid/unlink", {"password": OLD})
    assert Deed.IDENTITY_UNLINKED in deeds(ada)
    assert sign_in(Client()).status_code == 403


def test_an_account_without_a_password_needs_a_fresh_sign_in_and_keeps_a_way_in(
    ada, provider, settings, monkeypatch
):
    settings.OIDC_CREATE_ACCOUNTS = True
    sign_in(client := Client())
    page = client.get("/account").content.decode()
    assert "old_password" not in page
    client.post("/account/openid/unlink")
    assert LinkedIdentity.objects.exists()
    assert "Choose a password first" in client.get("/account").content.decode()
    later = time.time() + confirmation.FRESH_SECONDS + 1
    choice = {"new_password1": "another long one", "new_password2": "another long one"}
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: later)
        assert client.post("/account/password", choice).status_code == 400
        assert client.post("/account/code/begin").status_code == 302
    assert client.post("/account/password", choice).status_code == 302
    client.post("/account/openid/unlink", {"password": "another long one"})
    assert not LinkedIdentity.objects.exists()
    assert is_in(signed_in("eve", "another long one"))


# --- a provider that is away ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"broken": 500}, {"broken": 404}, {"description": {"issuer": "https://evil.example"}},
        {"description": {"token_endpoint": "http://evil.example"}},
        {"description": {"issuer": HOME}}, {"description": {"jwks_uri": None}},
        {"description": {"token_endpoint": 7}},
        {"description": {"x": "y" * 600_000}},
    ],
)  # fmt: skip
def test_a_provider_that_makes_no_sense_is_a_sentence(ada, provider, fault):
    vars(provider).update(fault)
    answer = Client().post("/sign-in/openid")
    assert answer.status_code == 503
    assert "Keys cannot be reached now." in answer.content.decode()
    assert is_in(signed_in())
    client = signed_in()
    assert client.post("/account/openid/link", {"password": OLD}).headers["Location"] == "/account"


def test_a_provider_that_is_not_there_is_a_sentence_and_not_asked_each_time(
    ada, provider, settings, monkeypatch
):
    settings.OIDC_ISSUER = "http://127.0.0.1:9/nobody"
    assert Client().post("/sign-in/openid").status_code == 503
    monkeypatch.setattr("gallery.openid.provider._fetch", pytest.fail)
    assert Client().post("/sign-in/openid").status_code == 503
    assert is_in(signed_in())


def test_a_provider_that_goes_away_in_between_is_a_sentence(ada, provider):
    linked(ada, provider)
    client = Client()
    back = way_back(leaves(client))
    provider.broken = 503
    answer = client.get(back)
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


# --- settings -------------------------------------------------------------------------------------


def test_without_settings_there_is_nothing(ada, ada_client):
    for path in ("/sign-in/openid", "/join/openid"):
        assert Client().post(path).status_code == 404
    assert Client().get("/sign-in/openid/back").status_code == 404
    assert ada_client.post("/account/openid/link", {"password": OLD}).status_code == 404
    for page in (Client().get("/sign-in"), ada_client.get("/account")):
        assert "openid" not in page.content.decode()


def test_half_of_the_settings_are_noticed(settings):
    assert openid_is_whole(None) == []
    settings.OIDC_ISSUER = "https://auth.example.org"
    (warning,) = openid_is_whole(None)
    assert warning.id == "scry.W012"
    assert "OIDC_CLIENT_ID and OIDC_CLIENT_SECRET and PUBLIC_URL" in warning.msg
    settings.OIDC_CLIENT_ID = settings.OIDC_CLIENT_SECRET = "x"
    settings.PUBLIC_URL = HOME
    assert openid_is_whole(None) == []
