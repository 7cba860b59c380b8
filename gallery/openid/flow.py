"""The way to the provider and back: the code flow of OpenID Connect with PKCE."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from gallery import ceremonies
from gallery.openid import provider
from gallery.openid.id_tokens import Identity, SignInRefused, identity_of

KIND = "openid"


def begin(request: HttpRequest, goal: str, **values: str) -> str:
    """Return the address at the provider where somebody signs in; raise ProviderAway.

    `goal` and the values come back with `finish`.
    """
    where = provider.discovered()
    state, nonce, verifier = (secrets.token_urlsafe(32) for _number in range(3))
    held = {"goal": goal, "state": state, "nonce": nonce, "verifier": verifier, **values}
    ceremonies.begin(request, KIND, held)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    query = {
        "response_type": "code",
        "client_id": settings.OIDC_CLIENT_ID,
        "redirect_uri": provider.redirect_uri(),
        "scope": "openid profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge.decode(),
        "code_challenge_method": "S256",
    }
    if goal == "link":
        # Whoever is signed in there by chance shall not be linked unasked.
        query["prompt"] = "login"
    joint = "&" if "?" in where.authorization_endpoint else "?"
    return f"{where.authorization_endpoint}{joint}{urlencode(query)}"


def finish(request: HttpRequest) -> tuple[Identity, dict[str, Any]]:
    """Return who came back from the provider, and what was kept of the beginning.

    Raises SignInRefused where it was not begun in this browser, or nothing is proved; ProviderAway.
    """
    held = ceremonies.finish(request, KIND)
    if held is None or not _is_same(request.GET.get("state", ""), held["state"]):
        raise SignInRefused(
            _("This sign-in was not begun in this browser, or took too long. Try again.")
        )
    where, issuer = provider.discovered(), request.GET.get("iss")
    if issuer != where.issuer and (issuer is not None or where.says_issuer):
        raise SignInRefused
    if not (code := request.GET.get("code", "")):
        raise SignInRefused
    given = provider.redeem(code, held["verifier"])
    identity = identity_of(str(given.get("id_token") or ""), held["nonce"])
    return _named(identity, given), held


def _named(identity: Identity, given: dict[str, Any]) -> Identity:
    """Return an identity with its name, which some providers tell only when they are asked."""
    if identity.name:
        return identity
    said = provider.person(str(given.get("access_token") or ""))
    if said.get("sub") != identity.subject:
        return identity
    return replace(identity, name=str(said.get("preferred_username") or ""))


def _is_same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())
