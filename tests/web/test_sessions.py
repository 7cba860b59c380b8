"""Which cookies open sessions, what is stored of them, and when they end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from gallery import sign_ins
from gallery.models import AuditEntry, Deed, Session
from gallery.models.sessions import SessionQuerySet
from gallery.sessions import SessionStore, stored

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "key", ["\0abcdefghijkl", "abcdefgh'ijkl", "äbcdefghijkl", "short", "", " " * 32]
)
def test_what_django_never_made_is_no_key(key):
    assert SessionStore(key).session_key is None


def test_a_made_up_cookie_asks_the_database_nothing(django_assert_num_queries):
    client = Client(headers={"cookie": f'{settings.SESSION_COOKIE_NAME}="\\000abcdefghijkl"'})
    with django_assert_num_queries(0):
        assert client.get("/api/v1/photos").status_code == 401


def test_own_keys_are_taken(ada):
    client = Client()
    client.force_login(ada)
    assert client.get("/api/v1/photos").status_code == 200
    assert client.session.session_key.isalnum()


def opens(key: str) -> bool:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client.get("/api/v1/photos").status_code == 200


def test_the_session_that_was_not_used_for_longest_ends_for_one_too_many(ada, bob, monkeypatch):
    monkeypatch.setattr(sign_ins, "MOST_SESSIONS", 3)
    other = Client()
    other.post("/sign-in", {"username": "bob", "password": "battery staple"})
    clients = [Client() for _ in range(5)]
    for number, client in enumerate(clients):
        client.post("/sign-in", {"username": "ada", "password": "correct horse"})
        used = timezone.now() - timedelta(hours=9 - number)
        Session.objects.filter(pk=stored(key_of(client))).update(seen_at=used)
        if number == 2:  # The oldest is used once more.
            Session.objects.filter(pk=stored(key_of(clients[0]))).update(seen_at=timezone.now())
    assert [opens(key_of(client)) for client in clients] == [True, False, False, True, True]
    assert opens(key_of(other))
    assert AuditEntry.objects.filter(owner=ada, deed=Deed.SESSION_ENDED).count() == 2


def test_one_too_many_does_not_end_a_session_that_began_meanwhile(ada):
    Client().force_login(ada)
    too_many = Session.objects.filter(owner=ada).beyond(1)
    meanwhile = Client()
    meanwhile.force_login(ada)
    assert too_many.delete()[0] == 0
    assert opens(key_of(meanwhile))


def key_of(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def rows() -> str:
    """Return the whole table as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM gallery_session")
        return repr(cursor.fetchall())


@pytest.mark.parametrize("steps", ["", "again", "password", "message"])
def test_what_is_stored_opens_no_session(ada, steps):
    client = Client()
    client.post("/sign-in", {"username": "ada", "password": "correct horse"})
    if steps == "again":
        client.force_login(ada)
    if steps == "message":
        client.post("/trash/empty", {})
    if steps == "password":
        session = client.session
        session.cycle_key()
        session.save()
        client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    assert opens(key_of(client))
    assert key_of(client) not in rows()
    assert [opens(row.pk) for row in Session.objects.all()] == [False]


def test_signing_out_leaves_nothing_and_nobody_else_out(ada, ada_client, bob_client):
    former = key_of(ada_client)
    ada_client.post("/sign-out")
    assert (opens(former), opens(key_of(bob_client))) == (False, True)
    assert Session.objects.filter(owner=ada).count() == 0


def test_signing_in_again_gives_another_key(ada):
    client = Client()
    client.force_login(ada)
    former = key_of(client)
    client.post("/sign-out")
    client.force_login(ada)
    assert key_of(client) != former
    assert not opens(former)


LIMITS = {"expire_date": timedelta(0), "seen_at": timedelta(hours=settings.SESSION_IDLE_HOURS)}


@pytest.mark.parametrize("column", LIMITS)
def test_a_session_ends_in_time_and_is_removed(ada_client, column):
    key, at = key_of(ada_client), timezone.now() - LIMITS[column]
    Session.objects.update(**{column: at + timedelta(minutes=1)})
    SessionStore.clear_expired()
    assert opens(key)
    Session.objects.update(**{column: at - timedelta(minutes=1)})
    assert not opens(key)
    SessionStore.clear_expired()
    assert not Session.objects.exists()


def test_using_a_session_keeps_it_but_makes_it_no_younger(ada_client):
    began = Session.objects.get()
    earlier = timezone.now() - timedelta(hours=1)
    Session.objects.update(seen_at=earlier)
    ada_client.post("/trash/empty", {})
    now = Session.objects.get()
    assert now.seen_at > earlier
    assert (now.expire_date, now.created_at) == (began.expire_date, began.created_at)


def test_a_session_opens_though_its_use_cannot_be_noted(ada_client, monkeypatch):
    Session.objects.update(seen_at=timezone.now() - timedelta(hours=1))

    def full(*_, **__):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(SessionQuerySet, "update", full)
    assert ada_client.get("/api/v1/photos").status_code == 200


def test_the_idle_limit_can_be_switched_off(ada_client, settings):
    Session.objects.update(seen_at=timezone.now() - timedelta(days=80))
    settings.SESSION_IDLE_HOURS = 0
    assert opens(key_of(ada_client))
