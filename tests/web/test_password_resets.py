"""Links to new passwords: who gets one, and what each of them opens."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import tokens
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from gallery import password_resets
from gallery.models import AuditEntry, Deed
from tests.web.test_accounts import NEW, deeds, is_in, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def mails(settings, monkeypatch):
    """A gallery that sends mail, at once."""
    settings.SENDS_MAIL, settings.PUBLIC_URL = True, "https://photos.example.org"

    class AtOnce:
        def __init__(self, target, args, daemon):
            self.start = lambda: target(*args)

    monkeypatch.setattr(password_resets.threading, "Thread", AtOnce)
    return mail.outbox


@pytest.fixture
def reachable(ada):
    ada.email = "ada@example.org"
    ada.save()
    return ada


def printed(name: str = "ada") -> str:
    out = StringIO()
    call_command("reset_password", name, stdout=out)
    return secret_in(out.getvalue())


def secret_in(text: str) -> str:
    (secret,) = re.findall(r"http\S+/reset#(\S+)", text)
    return secret


def use(secret: str, password: str = NEW, again: str | None = None):
    data = {"token": secret, "new_password1": password, "new_password2": again or password}
    return Client().post("/reset", data)


def test_a_link_gives_a_new_password_once_and_ends_all_sessions(ada):
    client, secret = signed_in(), printed()
    assert b"For the account ada" in Client().post("/reset", {"token": secret}).content
    assert use(secret).headers["Location"] == "/sign-in"
    assert not is_in(client)
    assert is_in(signed_in(password=NEW))
    assert not is_in(signed_in())
    assert use(secret, "yet another one").status_code == 403
    assert Deed.PASSWORD_CHANGED in deeds(ada)


@pytest.mark.parametrize("what", ["sign-in", "day", "closed", "key", "changed"])
def test_a_link_opens_nothing_once_something_happened(ada, bob, monkeypatch, what, settings):
    secret = printed()
    if what == "sign-in":
        assert is_in(signed_in())
    elif what == "day":
        generator = tokens.default_token_generator
        later = generator._now() + timedelta(days=1, minutes=1)
        monkeypatch.setattr(generator, "_now", lambda: later)
    elif what == "closed":
        type(ada).objects.update(is_active=False)
    elif what == "key":
        secret = secret.replace(f"{ada.pk}.", f"{bob.pk}.")
    else:
        secret = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    assert use(secret).status_code == 403


@pytest.mark.parametrize(
    "secret",
    ["", ".", "1", "1.", "x.y", "²." + "a" * 30, "9" * 400 + ".a-b", "1.\0", "-1.a-b", "é"],
)
def test_made_up_links_open_nothing(ada, secret):
    assert use(secret).status_code in (200, 403)
    assert not is_in(signed_in(password=NEW))


@pytest.mark.parametrize(
    ("password", "again", "says"),
    [("short", None, "too short"), ("password1", None, "too common"), (NEW, "other", "match")],
)
def test_a_password_that_will_not_do_leaves_the_link(ada, password, again, says):
    secret = printed()
    answer = use(secret, password, again)
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert use(secret).status_code == 302


def test_the_command_knows_open_accounts_only(ada):
    type(ada).objects.update(is_active=False)
    for name in ("ada", "nobody"):
        with pytest.raises(CommandError, match="no active account"):
            call_command("reset_password", name)


@pytest.mark.parametrize("name", ["ada", "ada@example.org", "ADA@example.org", " ada "])
def test_a_mail_leads_to_a_new_password(reachable, mails, name):
    Client().post("/forgot", {"name": name})
    (sent,) = mails
    assert sent.to == ["ada@example.org"]
    assert "https://photos.example.org/reset#" in sent.body
    assert use(secret_in(sent.body)).status_code == 302


@pytest.mark.parametrize(
    "name", ["bob", "nobody", "", "a\0b", "x" * 5000, "@", "ada@example.org,x"]
)
def test_nobody_learns_who_has_an_account(reachable, bob, mails, name):
    answer = Client().post("/forgot", {"name": name})
    assert mails == []
    if name.strip():
        assert answer.content == Client().post("/forgot", {"name": "ada"}).content


def test_mails_do_not_pour(reachable, mails):
    for _ in range(5):
        Client().post("/forgot", {"name": "ada"})
    assert len(mails) == 1
    AuditEntry.objects.update(at=timezone.now() - password_resets.BETWEEN_MAILS)
    Client().post("/forgot", {"name": "ada"})
    assert len(mails) == 2


def test_a_server_that_is_away_is_told_in_the_log(reachable, mails, monkeypatch, caplog):
    def refuse(*_):
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(password_resets, "send_mail", refuse)
    assert Client().post("/forgot", {"name": "ada"}).status_code == 200
    assert "MAIL_URL: refused" in caplog.text


def test_without_mail_none_is_sent_and_the_page_says_so(reachable):
    answer = Client().post("/forgot", {"name": "ada"})
    assert b"sends no mail" in answer.content
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        ({"email": "new@example.org", "password": "correct horse"}, "new@example.org"),
        ({"email": "", "password": "correct horse"}, ""),
        ({"email": "new@example.org", "password": "wrong"}, "ada@example.org"),
        ({"email": "new@example.org"}, "ada@example.org"),
        ({"email": "no address", "password": "correct horse"}, "ada@example.org"),
        ({"email": "a@b.org\nBcc: c@d.org", "password": "correct horse"}, "ada@example.org"),
    ],
)
def test_the_address_changes_with_the_password_alone(reachable, mails, ada_client, data, kept):
    ada_client.post("/account/address", data)
    reachable.refresh_from_db()
    assert reachable.email == kept
