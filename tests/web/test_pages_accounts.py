"""First run, signing in and out."""

from __future__ import annotations

import re
import threading
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from gallery import first_run
from gallery.management.commands.serve import Command

pytestmark = pytest.mark.django_db

GOOD = {"username": "ada", "password": "correct horse battery"}


def test_everything_leads_to_the_first_run_page_while_nobody_has_an_account():
    for address in ("/", "/search?q=dog", "/settings"):
        answer = Client().get(address, follow=True)
        assert answer.redirect_chain[-1][0] == "/welcome"
        assert b"has no owner yet" in answer.content


def test_the_token_makes_the_owner_signs_in_and_is_gone():
    token = first_run.token()
    client = Client()
    assert b"Create my gallery" in client.post("/welcome", {"token": token}).content
    answer = client.post("/welcome", {**GOOD, "token": token}, follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert answer.wsgi_request.user.get_username() == "ada"
    assert not first_run.is_token(token)
    assert client.get("/welcome").headers["Location"] == "/"


@pytest.mark.parametrize("token", ["wrong", "", "ünicode", "x" * 5000])
def test_without_the_token_nobody_becomes_the_owner(token):
    first_run.token()
    answer = Client().post("/welcome", {**GOOD, "token": token})
    assert answer.status_code in {200, 403}
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": "short"}, "too short"),
        ({"password": "password"}, "too common"),
        ({"username": ""}, "required"),
        ({"username": "a b/c"}, "valid username"),
    ],
)
def test_a_bad_name_or_password_is_explained(change, says):
    answer = Client().post("/welcome", {**GOOD, "token": first_run.token(), **change})
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert not get_user_model().objects.exists()


def test_the_token_is_no_part_of_an_address_that_is_sent(capsys):
    assert b"has no owner yet" in Client().get(f"/welcome?token={first_run.token()}").content
    Command()._greet("127.0.0.1", 8000)
    (printed,) = re.findall(r"http\S+welcome\S+", capsys.readouterr().out)
    parts = urlsplit(printed)
    assert (parts.path, parts.query, parts.fragment) == ("/welcome", "", first_run.token())


def test_a_token_that_was_used_up_is_none_and_is_not_made_again():
    token = first_run.token()
    assert first_run.is_token(token)
    assert not first_run.is_token("")
    first_run.remove_token()
    for _ in range(2):
        assert not first_run.is_token(token)


@pytest.mark.django_db(transaction=True)
def test_two_first_runs_at_once_make_one_owner():
    token, start = first_run.token(), threading.Barrier(4)

    def create(name: str) -> None:
        from django.db import connection

        start.wait()
        Client().post("/welcome", {**GOOD, "username": name, "token": token})
        connection.close()

    threads = [threading.Thread(target=create, args=(f"ada{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert get_user_model().objects.count() == 1


def sign_in(client, **values):
    return client.post("/sign-in", {"username": "ada", "password": "correct horse", **values})


def test_signing_in_goes_where_one_wanted_to_go(ada):
    assert sign_in(Client(), next="/search?q=dog").headers["Location"] == "/search?q=dog"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_away(ada, target):
    assert sign_in(Client(), next=target).headers["Location"] == "/"


def test_a_wrong_password_says_neither_which_part_was_wrong(ada):
    wrong = sign_in(Client(), password="nope")
    unknown = sign_in(Client(), username="nobody")
    assert wrong.status_code == unknown.status_code == 401
    assert b"do not match" in wrong.content
    assert b"do not match" in unknown.content


def test_too_many_wrong_passwords_lock_for_a_while(ada):
    client = Client()
    for _ in range(5):
        answer = sign_in(client, password="nope")
    assert answer.status_code == 429
    assert b"Too many attempts" in answer.content
    assert sign_in(client).status_code == 429


def test_signing_out_ends_the_session_and_needs_a_post(ada_client):
    assert ada_client.get("/sign-out").status_code == 405
    assert ada_client.post("/sign-out").headers["Location"] == "/sign-in"
    assert ada_client.get("/").headers["Location"].startswith("/sign-in")


def test_an_unknown_address_says_so(ada_client):
    answer = ada_client.get("/nowhere")
    assert answer.status_code == 404
    assert b"Not found" in answer.content
