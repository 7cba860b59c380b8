"""Guessing passwords: what it costs others, and what it does not."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone

from gallery import sign_in_limits
from gallery.logs.once_a_minute import OnceAMinute
from gallery.sign_in_limits import FAILURES_OF_ADDRESS, FAILURES_OF_DEVICE, FAILURES_OF_NAME

pytestmark = pytest.mark.django_db

HOME, AWAY = "192.0.2.1", "203.0.113.9"


@pytest.fixture(autouse=True)
def _fast(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def sign_in(client=None, name="ada", address=HOME, **other):
    values = {"username": name, "password": "correct horse", **other}
    return (client or Client()).post("/sign-in", values, REMOTE_ADDR=address)


def fail(number, name="ada", address=AWAY):
    """Have somebody be wrong with a name from an address, without the time that it takes."""
    AccessAttempt.objects.create(
        username=name, ip_address=address, user_agent=str(number), failures_since_start=number
    )


def assert_must_wait(answer):
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) == 900
    assert b"Too many attempts" in answer.content


def test_who_guesses_from_elsewhere_locks_nobody_out(ada):
    for _ in range(6):
        answer = sign_in(password="nope", address=AWAY)
    assert_must_wait(answer)
    assert sign_in().status_code == 302


def test_who_guesses_from_the_same_address_does_not_lock_a_known_device(ada):
    known = Client()
    assert sign_in(known).status_code == 302
    known.post("/sign-out")
    for _ in range(6):
        answer = sign_in(password="nope")
    assert_must_wait(answer)
    assert_must_wait(sign_in())
    assert sign_in(known).status_code == 302


def test_one_address_tries_few_names(ada, bob):
    for number in range(FAILURES_OF_ADDRESS // 5):
        fail(5, f"name{number}")
    assert_must_wait(sign_in(address=AWAY))
    assert sign_in().status_code == 302


def test_what_failed_long_ago_does_not_count(ada):
    fail(FAILURES_OF_ADDRESS)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert sign_in(address=AWAY).status_code == 302


def test_many_addresses_try_one_name_a_few_times_only(ada, bob):
    known = Client()
    sign_in(known)
    known.post("/sign-out")
    for number in range(FAILURES_OF_NAME // 4):
        fail(4, address=f"198.51.100.{number}")
    assert_must_wait(sign_in(address=AWAY))
    assert sign_in(known, address=AWAY).status_code == 302, "on the device it is known"
    assert sign_in(address=HOME).status_code == 302, "and at the address"
    assert sign_in(name="bob", password="battery staple", address=AWAY).status_code == 302


def test_an_ipv6_network_is_one_address(ada):
    for number in range(6):
        answer = sign_in(password="nope", address=f"2001:db8::{number}")
    assert_must_wait(answer)
    assert sign_in(address="2001:db8:1::1").status_code == 302


def test_a_known_device_has_a_limit_of_its_own(ada, monkeypatch):
    known = Client()
    sign_in(known)
    known.post("/sign-out")
    for _ in range(FAILURES_OF_DEVICE):
        assert sign_in(known, password="nope").status_code == 401
    assert_must_wait(sign_in(known))
    assert sign_in().status_code == 302, "others do not wait"


def test_a_sign_in_forgives_a_known_device(ada):
    known = Client()
    sign_in(known)
    for _ in range(3):
        known.post("/sign-out")
        for _ in range(FAILURES_OF_DEVICE - 1):
            sign_in(known, password="nope")
        assert sign_in(known).status_code == 302


def test_whoever_must_wait_is_one_line_of_the_log_in_a_minute(ada, monkeypatch, caplog):
    monkeypatch.setattr(sign_in_limits, "_told_of", OnceAMinute())
    for _ in range(9):
        sign_in(password="my secret", address=AWAY)
    lines = [record.getMessage() for record in caplog.records if "wrong passwords" in record.msg]
    assert lines == [f"Too many wrong passwords from {AWAY}; it has to wait."]


@pytest.mark.parametrize("cookie", ["", "x", "a:b", "a:b:c:d", "ü"])
def test_a_made_up_device_is_not_known(ada, cookie):
    client = Client()
    client.cookies[sign_in_limits.COOKIE] = cookie
    for _ in range(6):
        answer = sign_in(client, password="nope")
    assert_must_wait(answer)


def test_a_device_is_known_for_its_own_name_only(ada, bob):
    known = Client()
    sign_in(known, name="bob", password="battery staple")
    known.post("/sign-out")
    for _ in range(6):
        answer = sign_in(known, password="nope")
    assert_must_wait(answer)


def test_the_cookie_goes_nowhere_else(ada):
    # The random digits of the cookie may spell "ada".
    type(ada).objects.update(username="grandmother")
    cookie = sign_in(name="grandmother").cookies[sign_in_limits.COOKIE]
    assert cookie["path"] == "/sign-in"
    assert cookie["httponly"]
    assert "grandmother" not in cookie.value
    assert sign_in_limits.COOKIE not in sign_in(name="grandmother", password="nope").cookies


@pytest.mark.django_db(transaction=True)
def test_few_passwords_are_hashed_at_once(ada, monkeypatch):
    """However many ask: each of them would keep a thread and a processor."""
    door, at_work, most = threading.Event(), [], []

    def slowly(request, **credentials):
        at_work.append(1)
        most.append(len(at_work))
        door.wait(60)
        at_work.pop()

    monkeypatch.setattr("django.contrib.auth.forms.authenticate", slowly)
    answers = []

    def ask(number):
        answers.append(sign_in(password="nope", address=f"198.51.100.{number // 7}"))
        from django.db import connection

        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(14)]
    for thread in threads:
        thread.start()
    while len(answers) < 10:
        threads[0].join(0.01)
    assert max(most) == 1
    assert {answer.status_code for answer in answers} == {429}
    assert {answer.headers["Retry-After"] for answer in answers} == {"5"}
    door.set()
    for thread in threads:
        thread.join(60)


@pytest.mark.parametrize(
    ("url", "proxies", "is_told"),
    [("https://photos.example", 0, True), ("https://photos.example", 1, False), ("", 0, False)],
)
def test_a_forgotten_proxy_count_is_told(settings, url, proxies, is_told):
    settings.PUBLIC_URL, settings.PROXY_COUNT = url, proxies
    assert ("scry.W003" in {message.id for message in run_checks()}) is is_told
