"""Signing in with a code after the password: switching it on, giving codes, losing the app."""

from __future__ import annotations

import re
import threading
import time
from base64 import b32decode

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from gallery import password_resets, second_step
from gallery.models import ApiToken, Deed, RecoveryCode
from tests.web.test_accounts import NEW, OLD, deeds, is_in, signed_in
from tests.web.test_routes import bearing

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves on; it stands still otherwise."""
    now = [time.time()]
    monkeypatch.setattr(time, "time", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds
        # What is counted by Django's clock.
        TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)

    return move


@pytest.fixture
def app(ada, clock):
    """Switch the code on for ada; return a function that gives the code of now."""
    device = second_step.begin(ada)
    assert len(second_step.confirm(ada, code_of(device))) == 10
    clock(60)
    return lambda: code_of(device)


def code_of(device) -> str:
    return shown_by(device.bin_key)


def shown_by(key: bytes) -> str:
    """Return what an app shows at this moment."""
    app = TOTP(key)
    app.time = time.time()
    return f"{app.token():06}"


def give(client: Client, code: str):
    return client.post("/sign-in/code", {"code": code})


def test_from_the_page_to_the_first_sign_in(ada, clock):
    client = signed_in()
    page = client.post("/account/code/begin", {"password": OLD}).content.decode()
    assert "<svg" in page
    (key,) = re.findall(r"<code>([A-Z2-7]{32})</code>", page)
    code = shown_by(b32decode(key))
    assert client.post("/account/code/confirm", {"code": "000000"}).status_code == 400
    assert not second_step.is_on(ada)
    clock(0)
    codes = client.post("/account/code/confirm", {"code": f"{code[:3]} {code[3:]}"})
    recovery = re.findall(r"<code>([0-9a-z-]{27})</code>", codes.content.decode())
    assert len(set(recovery)) == 10
    assert recovery[0].replace("-", "") not in repr(RecoveryCode.objects.values())
    assert Deed.CODE_ON in deeds(ada)
    clock(60)
    client = signed_in()
    assert not is_in(client)
    answer = give(client, shown_by(b32decode(key)))
    assert answer.headers["Location"] == "/"
    assert is_in(client)


def test_the_password_alone_opens_nothing(ada_client, ada, app, bob):
    client = signed_in()
    for path in ("/", "/account", "/api/v1/photos", "/albums"):
        assert client.get(path).status_code in (302, 401)
    assert (
        client.post("/account/code/off", {"password": OLD})
        .headers["Location"]
        .startswith("/sign-in")
    )
    assert second_step.is_on(ada)


@pytest.mark.parametrize(
    "wrong",
    ["", "000000", "0", "-1", "٣٣٣٣٣٣", "1e5", "x" * 5000, "\0", "0x1", "12345678901234567890"],
)
def test_wrong_codes_open_nothing_and_are_written_down(ada, app, wrong):
    client = signed_in()
    assert give(client, wrong).status_code == 401
    assert not is_in(client)
    assert Deed.SIGN_IN_FAILED in deeds(ada)


def test_a_code_works_once(ada, app):
    first, second = signed_in(), signed_in()
    code = app()
    assert give(first, code).status_code == 302
    assert give(second, code).status_code == 401
    assert (is_in(first), is_in(second)) == (True, False)


@pytest.mark.parametrize("seconds", [-30, 30])
def test_a_code_counts_for_its_own_thirty_seconds(ada, app, clock, seconds):
    """Neither the code before nor the one after."""
    clock(300 - time.time() % 30)
    clock(seconds)
    code = app()
    clock(-seconds)
    assert give(signed_in(), code).status_code == 401
    assert give(client := signed_in(), app()).status_code in (302, 401)
    assert second_step.is_on(ada)
    clock(29)
    assert not is_in(client) or seconds


@pytest.mark.parametrize("off", [-30, 30])
def test_an_app_whose_clock_is_wrong_is_understood_from_its_second_code(ada, app, clock, off):
    def shown() -> str:
        clock(off)
        code = app()
        clock(-off)
        return code

    clock(300 - time.time() % 30)
    assert give(signed_in(), shown()).status_code == 401
    clock(30)
    assert give(signed_in(), shown()).status_code == 302
    clock(30)
    assert give(signed_in(), shown()).status_code == 302
    clock(30)
    assert give(signed_in(), app()).status_code == 401, "and not both clocks"


def test_a_refused_code_opens_nothing_once_the_clock_is_known(ada, app, clock):
    """Who saw a code too late must not make it count by giving it twice."""
    clock(300 - time.time() % 30)
    code = app()
    clock(30)
    for _ in range(4):
        assert give(signed_in(), code).status_code == 401
        clock(10)


def test_recovery_codes_have_a_hundred_and_twelve_random_bits_at_least(ada, clock):
    codes = "".join(second_step.confirm(ada, code_of(second_step.begin(ada))))
    letters = second_step._RECOVERY_LETTERS
    assert set(codes) - {"-"} <= set(letters)
    assert len(set(letters)) == 32
    assert len(codes.replace("-", "")) / 10 * 5 >= 112


def test_guessing_is_slowed_down(ada, app):
    client = signed_in()
    give(client, "000000")
    assert give(client, app()).status_code == 401  # within the second that follows


@pytest.mark.parametrize("what", ["late", "closed", "changed"])
def test_the_wait_for_a_code_ends(ada, app, clock, what):
    client = signed_in()
    if what == "late":
        clock(second_step.PENDING_SECONDS + 1)
    elif what == "closed":
        type(ada).objects.update(is_active=False)
    else:
        password_resets.give_password(ada, NEW)
    assert give(client, app()).headers["Location"] == "/sign-in"
    assert not is_in(client)


def test_without_the_password_nobody_is_asked_for_a_code(ada, app):
    assert Client().get("/sign-in/code").headers["Location"] == "/sign-in"
    assert give(Client(), app()).headers["Location"] == "/sign-in"


def test_it_goes_where_one_wanted_to_go(ada, app):
    client = Client()
    client.post("/sign-in", {"username": "ada", "password": OLD, "next": "/albums"})
    assert give(client, app()).headers["Location"] == "/albums"


def test_the_key_of_the_session_changes_with_the_code(ada, app):
    client = signed_in()
    before = client.cookies["scry_session"].value
    give(client, app())
    assert client.cookies["scry_session"].value != before


def test_a_recovery_code_works_once_in_any_spelling(ada, clock):
    codes = second_step.confirm(ada, code_of(second_step.begin(ada)))
    client, again = signed_in(), signed_in()
    assert give(client, f" {codes[0].upper()} ").status_code == 302
    assert give(again, codes[0]).status_code == 401
    assert second_step.recovery_codes_left(ada) == 9


def test_recovery_codes_of_another_open_nothing(ada, bob, app, clock):
    codes = second_step.confirm(bob, code_of(second_step.begin(bob)))
    assert give(signed_in(), codes[0]).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_a_code_given_twice_at_once_opens_one_session(ada, clock):
    codes = second_step.confirm(ada, code_of(second_step.begin(ada)))
    clients, start = [signed_in() for _ in range(3)], threading.Barrier(3)

    def take(client: Client) -> None:
        start.wait()
        give(client, codes[0])
        connection.close()

    threads = [threading.Thread(target=take, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(map(is_in, clients)) == 1


@pytest.mark.parametrize("path", ["begin", "off"])
def test_a_session_alone_changes_no_code(ada, app, path):
    client = signed_in()
    give(client, app())
    for password in ("wrong", ""):
        client.post(f"/account/code/{path}", {"password": password})
    assert second_step.is_on(ada)
    assert second_step.begun(ada) is None


def test_switching_off_forgets_the_key_and_the_codes(ada, app):
    client = signed_in()
    give(client, app())
    client.post("/account/code/off", {"password": OLD})
    assert not TOTPDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert is_in(signed_in())
    assert Deed.CODE_OFF in deeds(ada)


def test_another_app_takes_over_when_it_has_shown_a_code(ada, app, clock):
    device = second_step.begin(ada)
    assert give(client := signed_in(), app()).status_code == 302
    assert is_in(client)
    second_step.confirm(ada, code_of(device))
    clock(60)
    assert give(signed_in(), app()).status_code == 401
    clock(60)
    assert give(signed_in(), code_of(device)).status_code == 302


def test_a_new_password_by_a_link_needs_the_code_all_the_same(ada, app):
    password_resets.give_password(ada, NEW)
    client = signed_in(password=NEW)
    assert not is_in(client)
    assert give(client, app()).status_code == 302


def test_tokens_go_on_working(ada, app):
    assert bearing(ApiToken.issue(ada)).get("/api/v1/photos").status_code == 200


def test_the_command_lets_somebody_in_who_lost_everything(ada, app):
    call_command("switch_off_code", "ada")
    assert is_in(signed_in())
    for name in ("ada", "nobody"):
        with pytest.raises(CommandError):
            call_command("switch_off_code", name)
