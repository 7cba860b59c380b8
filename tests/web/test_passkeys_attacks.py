"""Passkeys: what attackers try, and devices that lie."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given, settings as hypothesis_settings, strategies as st

from gallery import ceremonies
from gallery.models import Deed, Passkey
from gallery.passkeys import registration, responses
from tests.software_authenticator import BE, BS, UP, UV, new_key
from tests.web.passkey_steps import (
    HOST,
    add,
    after_password,
    ask,
    begin,
    browser,
    device,
    second,
    use,
)
from tests.web.test_accounts import OLD, deeds, is_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("named_host")]

LIES = {
    "another origin": {"origin": "https://evil.example"},
    "a part of the origin": {"origin": "https://evil.photos.example.org"},
    "no https": {"origin": "http://photos.example.org"},
    "another host": {"rp_id": "example.org"},
    "nobody there": {"flags": UV},
    "nobody verified": {"flags": UP},
    "backed up and cannot be": {"flags": UP | UV | BS},
    "another challenge": {"client": {"challenge": "A" * 43}},
    "no challenge": {"client": {"challenge": ""}},
    "in a frame": {"client": {"crossOrigin": True}},
    "in a frame of": {"client": {"topOrigin": "https://evil.example"}},
    "a payment": {"client": {"type": "payment.get"}},
}


@pytest.mark.parametrize("lie", LIES)
def test_what_proves_nothing_opens_nothing(ada, phone, lie):
    vars(phone).update(LIES[lie])
    client = browser()
    assert use(client, phone).status_code == 401
    assert not is_in(client)
    assert Deed.SIGN_IN_FAILED in deeds(ada)
    client = after_password()
    assert use(client, phone, second="1").status_code == 401
    assert not is_in(client)


@pytest.mark.parametrize("lie", [*LIES, "another algorithm", "a long id", "an empty id"])
def test_what_proves_nothing_is_not_kept(ada, lie):
    more = {
        "another algorithm": {"algorithm": -35}, "a long id": {"credential_id": b"x" * 1024},
        "an empty id": {"credential_id": b""},
    }  # fmt: skip
    client = after_password()
    assert add(client, device(**(LIES | more)[lie])).status_code == 302
    assert not Passkey.objects.exists()
    assert "That passkey did not work." in client.get("/account").content.decode()


@pytest.mark.parametrize(
    "lie",
    [
        {"key": None}, {"user_handle": b"x" * 32}, {"user_handle": None},
        {"flags": UP | UV | BE}, {"flags": UP | UV | BE | BS},
    ],
)  # fmt: skip
def test_what_is_not_the_passkey_opens_nothing(ada, phone, lie):
    """Another key, somebody else's account, nobody's, and one that can be copied all at once."""
    vars(phone).update({"key": new_key()} if "key" in lie else lie)
    client = browser()
    assert use(client, phone).status_code == 401
    assert not is_in(client)


def test_a_device_that_was_asked_for_may_leave_the_account_out(ada, phone):
    phone.user_handle = None
    assert is_in(second(phone))


def test_a_counter_that_goes_back_is_a_copy(ada):
    key = device(counter=5)
    add(after_password(), key)
    for counter, is_right in ((6, True), (6, False), (5, False), (0, False), (7, True)):
        key.counter = counter
        client = browser()
        use(client, key)
        assert is_in(client) == is_right, counter
    assert Passkey.objects.get().sign_count == 7


def test_whether_it_is_backed_up_is_noted_each_time(ada):
    key = device(flags=UP | UV | BE)
    add(after_password(), key)
    assert not Passkey.objects.get().is_backed_up
    key.flags |= BS
    use(browser(), key)
    assert Passkey.objects.get().is_backed_up


def test_what_was_signed_opens_nothing_a_second_time_or_elsewhere_or_later(ada, phone, monkeypatch):
    client, thief = browser(), browser()
    sent = {"credential": phone.get(ask(client))}
    assert thief.post("/sign-in/passkey", sent).status_code == 401
    ask(thief)
    assert thief.post("/sign-in/passkey", sent).status_code == 401
    assert client.post("/sign-in/passkey", sent).status_code == 302
    client.post("/sign-out")
    assert client.post("/sign-in/passkey", sent).status_code == 401
    sent = {"credential": phone.get(ask(client))}
    later = time.time() + ceremonies.SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert client.post("/sign-in/passkey", sent).status_code == 401


def test_one_challenge_is_tried_once(ada, phone):
    client = browser()
    options = ask(client)
    wrong = device(credential_id=phone.credential_id, user_handle=phone.user_handle)
    assert client.post("/sign-in/passkey", {"credential": wrong.get(options)}).status_code == 401
    assert client.post("/sign-in/passkey", {"credential": phone.get(options)}).status_code == 401


def test_a_passkey_of_another_is_no_second_step(ada, bob, phone):
    key = device()
    add(after_password("bob", "battery staple"), key, password="battery staple")
    client = after_password()
    assert use(client, key, second="1").status_code == 401
    assert not is_in(client)
    # What was begun as the second step is none alone, and the other way round.
    options = ask(client, second="1")
    assert client.post("/sign-in/passkey", {"credential": key.get(options)}).status_code == 401
    options = ask(client)
    sent = {"credential": phone.get(options), "second": "1"}
    assert client.post("/sign-in/passkey", sent).status_code == 401


def test_a_session_alone_adds_no_passkey(ada, ada_client):
    for password in ("", "wrong"):
        form = {"password": password}
        answer = ada_client.post("/account/passkeys/begin", form, headers={"host": HOST})
        assert answer.status_code == 400
        assert "not your password" in answer.json()["message"]
    answer = ada_client.post("/account/passkeys", {"credential": "{}"}, headers={"host": HOST})
    assert answer.headers["Location"] == "/account"
    assert not Passkey.objects.exists()


def test_a_passkey_that_another_account_began_is_not_kept(ada, bob):
    client = after_password()
    sent = {"credential": device().create(begin(client))}
    client.force_login(bob)
    client.post("/account/passkeys", sent)
    assert not Passkey.objects.exists()


def test_one_passkey_belongs_to_one_account(ada, bob, phone):
    client = after_password("bob", "battery staple")
    same = device(credential_id=phone.credential_id)
    client.post("/account/passkeys", {"credential": same.create(begin(client, "battery staple"))})
    assert Passkey.objects.get().owner == ada


def test_there_are_not_more_than_somebody_has_devices(ada, monkeypatch):
    monkeypatch.setattr(registration, "MOST", 1)
    client = after_password()
    add(client, device())
    answer = client.post("/account/passkeys/begin", {"password": OLD})
    assert answer.status_code == 400
    assert "1 is the most" in answer.json()["message"]


def test_a_closed_account_stays_closed(ada, phone):
    User.objects.filter(pk=ada.pk).update(is_active=False)
    client = browser()
    assert use(client, phone).status_code == 401
    assert not is_in(client)


def test_a_name_that_changed_leaves_the_second_step_on(ada, phone, settings):
    """Passkeys do not work under another name. The password is not enough for all that."""
    settings.PUBLIC_URL = "https://other.example.org"
    client = Client(headers={"host": "other.example.org"})
    client.post("/sign-in", {"username": "ada", "password": OLD})
    assert not is_in(client)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("AAAA"),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["id", "rawId", "type", "response", "clientDataJSON", "attestationObject",
             "authenticatorData", "signature", "userHandle", "transports"]
        ), inner, max_size=8,
    ),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.slow
@hypothesis_settings(max_examples=60)
@given(JUNK.map(json.dumps) | st.text(max_size=30) | st.just("[" * 15_000))
def test_any_nonsense_is_refused(text):
    from fido2.webauthn import AuthenticationResponse, RegistrationResponse

    for kind in (AuthenticationResponse, RegistrationResponse):
        with suppress(responses.PasskeyRefused), responses.refusing():
            kind.from_dict(responses.parsed(text))


@pytest.mark.parametrize("text", ["", "{}", "[]", "x", '{"rawId": "\\u0000"}', "[" * 15_000])
def test_nonsense_is_no_server_error(ada, phone, text):
    client = browser()
    ask(client)
    assert client.post("/sign-in/passkey", {"credential": text}).status_code == 401
    client = second(phone)
    begin(client)
    assert client.post("/account/passkeys", {"credential": text}).status_code == 302


def test_broken_parts_of_a_right_response_are_no_server_error(ada, phone):
    for part in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
        for value in ("", "AAAA", "!", None, 7, [], "x" * 9000):
            client = browser()
            said = json.loads(phone.get(ask(client)))
            said["response"][part] = value
            answer = client.post("/sign-in/passkey", {"credential": json.dumps(said)})
            assert answer.status_code == 401, (part, value)
