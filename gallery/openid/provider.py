"""The OpenID provider of the settings: what it says of itself, its keys, and its answers.

What it says is kept for an hour. One that is away is not asked again for some seconds, and few
requests wait for it at once, so that it holds up nothing but its own sign-ins.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from gallery.decoding import PoolBusy
from gallery.turns import Turns
from gallery.user_errors import UserError

logger = logging.getLogger(__name__)

KEPT_SECONDS = 60 * 60
_AWAY_SECONDS = 5
_BETWEEN_KEYS = 60
"""Before keys are fetched once more because a token names one that is not among them."""
_CONNECT_SECONDS, _READ_SECONDS, _WHOLE_SECONDS = 3.0, 5.0, 10.0
_MOST_BYTES = 512 * 1024
_HERE = {"localhost", "127.0.0.1", "::1"}
_asking = Turns(size=2, waiting=2, seconds=3.0, spare=0)


class ProviderAway(UserError):
    """The provider cannot be reached, or what it says makes no sense. The log has the reason."""

    status = 503

    def __init__(self) -> None:
        sentence = _("%(name)s cannot be reached now. Sign in with your password, or try again.")
        super().__init__(sentence % {"name": settings.OIDC_NAME})


@dataclass(frozen=True)
class Provider:
    """What a provider says of itself. `says_issuer`: it names itself when it sends people back."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    says_issuer: bool = False
    posts_secret: bool = False


def discovered() -> Provider:
    """Return the provider; raise ProviderAway where it does not say what is needed.

    Sources: OpenID Connect Discovery 1.0; RFC 9207 for `says_issuer`.
    """
    kept: dict[str, Any] | None = cache.get("openid-provider")
    if kept is None:
        base = settings.OIDC_ISSUER.rstrip("/")
        _status, kept = ask("GET", f"{base}/.well-known/openid-configuration")
        provider = _understood(kept)
        cache.set("openid-provider", kept, KEPT_SECONDS)
        return provider
    return _understood(kept)


def _understood(said: dict[str, Any]) -> Provider:
    methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    userinfo = said.get("userinfo_endpoint")
    try:
        provider = Provider(
            issuer=str(said["issuer"]),
            authorization_endpoint=_address(said["authorization_endpoint"]),
            token_endpoint=_address(said["token_endpoint"]),
            jwks_uri=_address(said["jwks_uri"]),
            userinfo_endpoint=_address(userinfo) if userinfo else "",
            says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
            posts_secret="client_secret_basic" not in methods,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _away(f"its description lacks something or has a wrong address: {error}") from None
    if provider.issuer != settings.OIDC_ISSUER:
        raise _away(f"it calls itself {provider.issuer[:255]!r}, and OIDC_ISSUER is another")
    return provider


def _address(value: Any) -> str:
    if not isinstance(value, str) or not is_safe(value):
        raise ValueError(f"{value!r} has no https")
    return value


def is_safe(address: str) -> bool:
    """Tell whether nobody on the way to this address can read or change what is said there."""
    parts = urlsplit(address)
    is_here = parts.scheme == "http" and parts.hostname in _HERE
    return bool(parts.hostname) and (parts.scheme == "https" or is_here)


def keys(*, anew: bool = False) -> list[dict[str, Any]]:
    """Return the keys that the provider signs with; `anew` fetches them, at most once a minute."""
    kept: list[dict[str, Any]] | None = cache.get("openid-keys")
    if kept is not None and not (anew and cache.add("openid-keys-asked", 1, _BETWEEN_KEYS)):
        return kept
    _status, said = ask("GET", discovered().jwks_uri)
    listed = said.get("keys")
    found = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
    cache.set("openid-keys", found, KEPT_SECONDS)
    return found


def redeem(code: str, verifier: str) -> dict[str, Any]:
    """Return what the provider gives for a code: the tokens, or {} if it refuses.

    Sources: RFC 6749, 4.1.3 and 2.3.1; RFC 7636 for the verifier.
    """
    provider = discovered()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(),
        "code_verifier": verifier,
    }
    more: dict[str, Any] = {"data": form}
    if provider.posts_secret:
        form |= {"client_id": settings.OIDC_CLIENT_ID, "client_secret": settings.OIDC_CLIENT_SECRET}
    else:
        name, secret = settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET
        more["auth"] = (quote(name, safe=""), quote(secret, safe=""))
    status, said = ask("POST", provider.token_endpoint, **more)
    if status != 200:
        logger.warning("The OpenID provider refused a code: %r", str(said.get("error"))[:100])
        return {}
    return said


def person(access_token: str) -> dict[str, Any]:
    """Return what the provider tells of whom it gave a token for, {} if it tells nothing."""
    address = discovered().userinfo_endpoint
    if not address or not access_token:
        return {}
    status, said = ask("GET", address, headers={"Authorization": f"Bearer {access_token}"})
    return said if status == 200 else {}


def redirect_uri() -> str:
    """Return the address to which the provider sends people back."""
    return f"{settings.PUBLIC_URL}/sign-in/openid/back"


def ask(method: str, address: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON object of an answer; raise ProviderAway if there is none."""
    if cache.get("openid-away"):
        raise ProviderAway
    try:
        with _asking.turn(object()):
            status, body = _fetch(method, address, **more)
    except PoolBusy:
        raise ProviderAway from None
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if status >= 500 or not isinstance(said, dict):
        raise _away(f"it answered {status} and no JSON object")
    if method == "GET" and "headers" not in more and status != 200:
        raise _away(f"it answered {status}")
    return status, said


def _fetch(method: str, address: str, **more: Any) -> tuple[int, bytes]:
    # Most processes never sign anybody in by a provider.
    import httpx

    body, ends_at = b"", time.monotonic() + _WHOLE_SECONDS
    limits = httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
    try:
        with (
            httpx.Client(timeout=limits, follow_redirects=False) as client,
            client.stream(method, address, **more) as answer,
        ):
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > _MOST_BYTES or time.monotonic() > ends_at:
                    raise _away("it sends too much, or too slowly")
            return answer.status_code, body
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise _away(repr(error)) from None


def _away(why: str) -> ProviderAway:
    logger.warning("The OpenID provider cannot be used: %s", why)
    cache.set("openid-away", 1, _AWAY_SECONDS)
    return ProviderAway()
