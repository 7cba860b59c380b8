"""What browsers do with passkeys, at an address with HTTPS and a name."""

from __future__ import annotations

from django.test import Client

from tests.software_authenticator import Authenticator
from tests.web.test_accounts import OLD

ORIGIN, HOST = "https://photos.example.org", "photos.example.org"


def browser() -> Client:
    return Client(headers={"host": HOST})


def after_password(name: str = "ada", password: str = OLD) -> Client:
    client = browser()
    client.post("/sign-in", {"username": name, "password": password})
    return client


def device(**more) -> Authenticator:
    return Authenticator(**{"origin": ORIGIN, "rp_id": HOST, **more})


def begin(client: Client, password: str = OLD) -> dict:
    answer = client.post("/account/passkeys/begin", {"password": password})
    assert answer.status_code == 200, answer.content
    return answer.json()


def add(client: Client, phone: Authenticator, name: str = "phone", password: str = OLD):
    sent = {"credential": phone.create(begin(client, password)), "name": name}
    return client.post("/account/passkeys", sent)


def ask(client: Client, **more: str) -> dict:
    return client.post("/sign-in/passkey/begin", more).json()


def use(client: Client, phone: Authenticator, **more: str):
    options = ask(client, **more)
    return client.post("/sign-in/passkey", {"credential": phone.get(options), **more})


def second(phone: Authenticator) -> Client:
    """Sign in by password and passkey."""
    client = after_password()
    use(client, phone, second="1")
    return client
