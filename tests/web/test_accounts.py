"""One's own account: the password, where one is signed in, and what is written down."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from gallery import audit, trash
from gallery.models import AuditEntry, Deed, Photo, Session
from tests.web.test_api_photos import picture, upload

pytestmark = pytest.mark.django_db

OLD, NEW = "correct horse", "another long one"


def signed_in(name: str = "ada", password: str = OLD, **headers) -> Client:
    client = Client(headers=headers)
    client.post("/sign-in", {"username": name, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/api/v1/session").status_code == 200


def change(client: Client, old: str = OLD, new: str = NEW, again: str | None = None):
    again = new if again is None else again
    data = {"old_password": old, "new_password1": new, "new_password2": again}
    return client.post("/account/password", data)


def deeds(user) -> list[str]:
    return list(audit.of(user).values_list("deed", flat=True))


def test_a_new_password_ends_all_other_sessions(ada):
    here, there = signed_in(), signed_in()
    key = here.cookies["scry_session"].value
    assert change(here).headers["Location"] == "/account"
    assert (is_in(here), is_in(there)) == (True, False)
    assert here.cookies["scry_session"].value != key
    assert is_in(signed_in(password=NEW))
    assert not is_in(signed_in())
    assert Deed.PASSWORD_CHANGED in deeds(ada)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"old": "wrong"}, "That is not your password."),
        ({"new": "short"}, "too short"),
        ({"new": "password1"}, "too common"),
        ({"new": "adalovelace"}, "too similar"),
        ({"again": "something else"}, "match"),
    ],
)
def test_a_password_that_will_not_do_is_explained(ada, values, says):
    get_user_model().objects.filter(pk=ada.pk).update(first_name="adalovelace")
    client = signed_in()
    answer = change(client, **values)
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert is_in(signed_in())


def test_sessions_are_listed_with_where_they_began_and_ended_one_by_one(ada, bob_client):
    here = signed_in(**{"user-agent": "Here/1"})
    there, elsewhere = signed_in(**{"user-agent": "<b>There</b>"}), signed_in()
    page = here.get("/account").content.decode()
    for part in ("Here/1", "&lt;b&gt;There&lt;/b&gt;", "127.0.0.1", "This browser"):
        assert part in page
    row = Session.objects.get(program="<b>There</b>")
    here.post("/account/sessions/end", {"session": row.pk, "password": OLD})
    assert [is_in(one) for one in (here, there, elsewhere, bob_client)] == [True, False, True, True]
    here.post("/account/sessions/end", {"password": OLD})
    assert [is_in(one) for one in (here, elsewhere, bob_client)] == [True, False, True]


def test_nobody_ends_the_session_of_another(ada_client, bob, bob_client):
    row = Session.objects.get(owner=bob)
    ada_client.post("/account/sessions/end", {"session": row.pk, "password": OLD})
    assert is_in(bob_client)


# --- what is written down -------------------------------------------------------------------------


def test_signing_in_and_out_is_written_down_with_the_address(ada, settings):
    settings.PROXY_COUNT = 1
    client = Client(headers={"X-Forwarded-For": "203.0.113.9"})
    for password in ("wrong", OLD):
        client.post("/sign-in", {"username": "ada", "password": password})
    client.post("/sign-out")
    assert deeds(ada) == [Deed.SIGNED_OUT, Deed.SIGNED_IN, Deed.SIGN_IN_FAILED]
    assert set(AuditEntry.objects.values_list("address", flat=True)) == {"203.0.113.9"}


def test_what_was_typed_is_not_written_down(ada):
    client = Client()
    client.post("/sign-in", {"username": "my secret password", "password": "x"})
    client.post("/sign-in", {"username": "ada", "password": "my secret password"})
    assert "secret" not in repr(list(AuditEntry.objects.values()))


def test_strangers_cannot_fill_the_log(ada):
    for number in range(audit._FAILURES_OF_ONE + 5):
        audit.note_failed_sign_in("ada", f"203.0.113.{number}")
    assert AuditEntry.objects.count() == audit._FAILURES_OF_ONE


def test_deletions_and_tokens_are_written_down(ada, ada_client, model):
    upload(ada_client, picture())
    trash.trash(Photo.objects.all())
    trash.empty(Photo.objects.all())
    call_command("create_token", "ada", "--scope", "read")
    entries = dict(audit.of(ada).values_list("deed", "detail"))
    assert entries[Deed.DELETED] == "1"
    assert entries[Deed.TOKEN_MADE] == "create_token (read)"


def test_everybody_reads_their_own_and_an_owner_all(ada, bob, ada_client, admin):
    audit.note(Deed.SHARED, ada, detail="of ada")
    audit.note(Deed.SHARED, bob, detail="of bob")
    own = ada_client.get("/account/activity").content.decode()
    asked = ada_client.get("/account/activity?all").content.decode()
    whole = admin.get("/account/activity?all").content.decode()
    assert ["of ada" in page for page in (own, asked, whole)] == [True, True, True]
    assert ["of bob" in page for page in (own, asked, whole)] == [False, False, True]


@pytest.mark.parametrize("before", ["", "x", "-1", "0", "9" * 30, "²", "1\0"])
def test_a_made_up_place_in_the_log_is_no_error(ada_client, before):
    assert ada_client.get("/account/activity", {"before": before}).status_code == 200


def test_a_long_log_has_pages(ada, ada_client):
    for number in range(250):
        audit.note(Deed.SHARED, ada, detail=f"number {number}.")
    seen, address = 0, "/account/activity"
    while address:
        page = ada_client.get(address)
        seen += page.content.count(b"number ")
        address = f"/account/activity?before={page.context['next']}" if page.context["next"] else ""
    assert seen == 250


def test_the_log_keeps_the_names_of_accounts_that_are_gone(ada, bob):
    audit.note(Deed.SHARED, ada, by=bob)
    ada.delete()
    bob.delete()
    entry = AuditEntry.objects.get()
    assert (entry.owner, entry.owner_name, entry.by_name) == (None, "ada", "bob")
