"""What an id_token proves: who signed in at the provider, for us, just now.

joserfc checks signatures. Only algorithms with a public key are taken: "none", and those that the
client's secret would sign for, are not among them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from gallery.openid import provider
from gallery.user_errors import UserError

logger = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
_KINDS = {"RSA", "EC", "OKP"}
_LEEWAY = 30
"""Seconds by which two clocks may differ."""
_MOST_CHARACTERS = 255
_BROKEN = (ValueError, TypeError, KeyError, OverflowError, RecursionError)
"""What parts that are none raise, besides joserfc's own errors."""


class SignInRefused(UserError):
    """What came back from the provider proves nothing. The log has the reason."""

    status = 403

    def __init__(self, sentence: str = "") -> None:
        told = _("The sign-in by %(name)s did not work. Try again.") % {"name": settings.OIDC_NAME}
        super().__init__(sentence or told)


@dataclass(frozen=True)
class Identity:
    """Who somebody is at the provider. `name` is what they are called there, if it is known.

    `has_second_factor` tells that the provider asked for more than a password.
    """

    issuer: str
    subject: str
    name: str = ""
    has_second_factor: bool = False


def identity_of(token: str, nonce: str) -> Identity:
    """Return whom a token is about; raise SignInRefused unless it is signed, for us and fresh.

    Sources: OpenID Connect Core 1.0, 3.1.3.7; RFC 8176 for `amr`.
    """
    claims = _checked(token, nonce)
    methods = claims.get("amr")
    return Identity(
        issuer=claims["iss"],
        subject=claims["sub"],
        name=str(claims.get("preferred_username") or ""),
        has_second_factor=isinstance(methods, list) and "mfa" in methods,
    )


def _checked(token: str, nonce: str) -> dict[str, Any]:
    from joserfc.errors import JoseError
    from joserfc.jwt import JWTClaimsRegistry

    issuer, client = provider.discovered().issuer, settings.OIDC_CLIENT_ID
    registry = JWTClaimsRegistry(
        leeway=_LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        claims = _signed(token)
        registry.validate(claims)
    except (JoseError, *_BROKEN) as error:
        raise _refused(repr(error)) from None
    audiences = claims["aud"]
    if claims.get("azp", client) != client or (
        isinstance(audiences, list) and len(audiences) > 1 and "azp" not in claims
    ):
        raise _refused("the token was made for another client")
    if claims.get("nonce") != nonce:
        raise _refused("the nonce is another")
    subject = claims["sub"]
    if not (0 < len(subject) <= _MOST_CHARACTERS and subject.isascii() and subject.isprintable()):
        raise _refused("the subject is not what the standard allows")
    return claims


def _signed(token: str) -> dict[str, Any]:
    """Return the claims of a token that one of the provider's keys signed; raise JoseError."""
    from joserfc import jws
    from joserfc.errors import BadSignatureError

    named = jws.extract_compact(token.encode()).headers().get("kid")
    known = provider.keys()
    if named is not None and all(key.get("kid") != named for key in known):
        known = provider.keys(anew=True)
    for key in known:
        if named is None or key.get("kid") == named:
            claims = _signed_by(key, token)
            if claims is not None:
                return claims
    raise BadSignatureError


def _signed_by(key: dict[str, Any], token: str) -> dict[str, Any] | None:
    from joserfc import jwk, jwt
    from joserfc.errors import JoseError

    if key.get("kty") not in _KINDS or key.get("use", "sig") != "sig":
        return None
    try:
        return jwt.decode(token, jwk.import_key(key), algorithms=ALGORITHMS).claims
    except (JoseError, *_BROKEN):
        return None


def _refused(why: str) -> SignInRefused:
    logger.warning("An id_token of the OpenID provider was refused: %s", why)
    return SignInRefused()
