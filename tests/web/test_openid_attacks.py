"""Signing in by an OpenID provider: what attackers try, and a provider that lies."""

from __future__ import annotations

import json
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from joserfc import jwk, jws, jwt
from joserfc.errors import SecurityWarning

from gallery import ceremonies, sign_in_limits
from gallery.models import Session
from tests.openid_provider import CLIENT, SECRET
from tests.web.openid_steps import leaves, linked, sign_in, way_back
from tests.web.test_accounts import is_in, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def another_key(header: dict, claims: dict) -> str:
    key = jwk.RSAKey.generate_key(2048, parameters={"kid": "one"}, auto_kid=False)
    return jwt.encode(header, claims, key)


def unsigned(header: dict, claims: dict) -> str:
    parts = (json.dumps(part).encode() for part in ({**header, "alg": "none"}, claims))
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def with_secret(header: dict, claims: dict) -> str:
    key = jwk.OctKey.import_key(SECRET.ljust(40, "0"))
    return jwt.encode({**header, "alg": "HS256"}, claims, key)


def broken_off(header: dict, claims: dict) -> str:
    return another_key(header, claims).rsplit(".", 1)[0] + "."


def in_ascii(claims_of_nonsense: dict) -> Callable[[dict, dict], str]:
    """Sign claims that a token has as escapes, such as halves of letters."""
    key = jwk.RSAKey.generate_key(2048, parameters={"kid": "odd"}, auto_kid=False)

    def sign(header: dict, claims: dict) -> str:
        payload = json.dumps({**claims, **claims_of_nonsense}).encode()
        return jws.serialize_compact({**header, "kid": "odd"}, payload, key)

    sign.key = key
    return sign


NOW = int(time.time())
LIES = {
    "another nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"claims": {"nonce": None}},
    "a list of nonces": {"claims": {"nonce": ["a"]}},
    "another audience": {"claims": {"aud": "another"}},
    "no audience": {"claims": {"aud": None}},
    "two audiences": {"claims": {"aud": [CLIENT, "another"]}},
    "for another client": {"claims": {"aud": [CLIENT, "another"], "azp": "another"}},
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "no issuer": {"claims": {"iss": None}},
    "expired": {"claims": {"exp": NOW - 60, "iat": NOW - 120}},
    "no end": {"claims": {"exp": None}},
    "of the future": {"claims": {"iat": NOW + 3600}},
    "no subject": {"claims": {"sub": None}},
    "an empty subject": {"claims": {"sub": ""}},
    "a number": {"claims": {"sub": 1}},
    "a long subject": {"claims": {"sub": "x" * 256}},
    "NUL": {"claims": {"sub": "u\0"}},
    "another key": {"sign": another_key},
    "no signature": {"sign": unsigned},
    "broken off": {"sign": broken_off},
    "signed with the secret": {"sign": with_secret},
    "no token": {"sign": lambda *_: ""},
    "nonsense": {"sign": lambda *_: "a.b.c"},
    "an end in words": {"claims": {"exp": "soon"}},
    "half a letter": {"sign": in_ascii({"nonce": "\ud800"})},
    "half a letter as a name": {"sign": in_ascii({"sub": "\ud800"})},
    "keys are none": {"published": 7},
    "keys are broken": {"published": [{"kty": "RSA", "kid": "one"}, {"kty": "EC"}, 7, {}]},
    "key unknown": {"header": {"kid": "another"}},
    "no keys": {"published": []},
    "issuer of a mix-up": {"answer": {"iss": "https://evil.example"}},
    "issuer left out": {"description": {"authorization_response_iss_parameter_supported": True}},
    "no code": {"answer": {"code": None}},
    "said no": {"answer": {"code": None, "error": "access_denied"}},
    "another code": {"answer": {"code": "made-up"}},
    "no state": {"answer": {"state": None}},
    "another state": {"answer": {"state": "made-up"}},
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_what_proves_nothing_opens_nothing(ada, provider, settings, lie):
    settings.OIDC_CREATE_ACCOUNTS = True
    linked(ada, provider)
    vars(provider).update(LIES[lie])
    if hasattr(provider.sign, "key"):
        provider.published = [provider.sign.key]
    client = Client()
    answer = sign_in(client)
    assert answer.status_code == 403
    assert b"banner danger" in answer.content
    assert not is_in(client)
    assert User.objects.count() == 1
    assert is_in(signed_in()), "the password goes on working"


def test_what_has_no_signature_would_be_taken_by_whoever_allows_it():
    """So it is the list of algorithms that refuses it, and not a mistake of this test."""
    token = unsigned({}, {"sub": "x"})
    key = jwk.OctKey.import_key("x" * 40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        assert jwt.decode(token, key, algorithms=["none"]).claims == {"sub": "x"}


def test_what_came_back_opens_nothing_a_second_time(ada, provider):
    linked(ada, provider)
    client = Client()
    back = way_back(leaves(client))
    assert client.get(back).status_code == 302
    client.post("/sign-out")
    assert client.get(back).status_code == 403
    assert not is_in(client)


def test_a_code_opens_nothing_a_second_time(ada, provider):
    linked(ada, provider)
    first, second = Client(), Client()
    code = parse_qs(urlsplit(back := way_back(leaves(first))).query)["code"][0]
    first.get(back)
    state = parse_qs(urlsplit(leaves(second)).query)["state"][0]
    query = urlencode({"code": code, "state": state})
    assert second.get(f"/sign-in/openid/back?{query}").status_code == 403
    assert not is_in(second)


def test_the_code_of_another_browser_opens_nothing(ada, provider):
    """With the state of its own, too: the verifier and the nonce are those of the other one."""
    linked(ada, provider)
    victim, thief = Client(), Client()
    back = way_back(leaves(victim))
    assert thief.get(back).status_code == 403
    code = parse_qs(urlsplit(back).query)["code"][0]
    state = parse_qs(urlsplit(leaves(thief)).query)["state"][0]
    thief.get(f"/sign-in/openid/back?{urlencode({'code': code, 'state': state})}")
    assert not is_in(thief)


def test_it_takes_ten_minutes_at_most(ada, provider, monkeypatch):
    linked(ada, provider)
    client = Client()
    back = way_back(leaves(client))
    later = time.time() + ceremonies.SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert client.get(back).status_code == 403


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_the_way_back_never_leads_away(ada, provider, next_page):
    linked(ada, provider)
    assert sign_in(Client(), next=next_page).headers["Location"] == "/"


def test_nobody_is_sent_there_by_a_link_of_another_site(ada, provider):
    browser = Client(enforce_csrf_checks=True)
    assert browser.post("/sign-in/openid").status_code == 403
    assert browser.get("/sign-in/openid").status_code == 405


def test_what_is_begun_by_strangers_is_limited_and_goes_away(ada, provider, monkeypatch):
    monkeypatch.setattr(sign_in_limits, "BEGUN_BY_ADDRESS", 2)
    statuses = [Client().post("/sign-in/openid").status_code for _time in range(4)]
    assert statuses == [200, 200, 429, 429]
    assert Session.objects.open().count() == 2
    Session.objects.update(created_at="2026-01-01T00:00:00Z")
    assert Session.objects.open().count() == 0
