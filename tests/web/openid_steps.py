"""The steps of a sign-in by a provider, as a browser takes them."""

from __future__ import annotations

import html
import re

import httpx
from django.contrib.auth.models import User
from django.test import Client

from gallery.openid import id_tokens, identities

HOME = "http://testserver"


def leaves(client: Client, path: str = "/sign-in/openid", **form: str) -> str:
    """Return where a form leads, as a browser reads it from the page."""
    answer = client.post(path, form)
    assert answer.status_code == 200, answer.headers
    (address,) = re.findall(
        r'http-equiv="refresh" content="0; url=([^"]+)"', answer.content.decode()
    )
    return html.unescape(address)


def way_back(address: str) -> str:
    """Return where the provider sends a browser that came by this address."""
    return httpx.get(address).headers["Location"].removeprefix(HOME)


def sign_in(client: Client, **form: str):
    return client.get(way_back(leaves(client, **form)))


def linked(user: User, provider, subject: str = "u-1") -> None:
    identities.link(user, id_tokens.Identity(provider.issuer, subject, "eve"))
