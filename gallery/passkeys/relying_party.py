"""The host that passkeys are for. Browsers keep them to HTTPS, and to names of hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from gallery.user_errors import UserError

ALGORITHMS = (-8, -7, -257)
"""EdDSA, ES256 and RS256, as COSE numbers them: what all authenticators have one of."""
_LOCAL = "localhost"


@dataclass(frozen=True)
class RelyingParty:
    """The id that an authenticator keeps a passkey for, and the origin of the pages."""

    id: str
    origin: str

    def server(self) -> Any:
        """Return fido2's server, which checks what browsers send."""
        # Most requests never need it.
        from fido2.server import Fido2Server
        from fido2.webauthn import (
            AttestationConveyancePreference,
            PublicKeyCredentialParameters,
            PublicKeyCredentialRpEntity,
            PublicKeyCredentialType,
        )

        server = Fido2Server(
            PublicKeyCredentialRpEntity(name="Scry", id=self.id),
            attestation=AttestationConveyancePreference.NONE,
            verify_origin=lambda origin: bool(origin == self.origin),
        )
        server.allowed_algorithms = [
            PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=algorithm)
            for algorithm in ALGORITHMS
        ]
        return server


def relying_party(request: HttpRequest) -> RelyingParty | None:
    """Return the host as passkeys know it, None where browsers have none for this address.

    PUBLIC_URL says which host that is; without it, only this machine itself is known for sure.
    """
    asked = request.get_host()
    parts = urlsplit(settings.PUBLIC_URL or f"{request.scheme}://{asked}")
    host = parts.hostname or ""
    is_secure = host == _LOCAL or bool(settings.PUBLIC_URL and parts.scheme == "https")
    if parts.netloc.lower() != asked.lower() or not is_secure or not _is_name(host):
        return None
    return RelyingParty(host, f"{parts.scheme}://{parts.netloc.lower()}")


def required(request: HttpRequest) -> RelyingParty:
    """Return the host as passkeys know it; raise UserError where there are none."""
    party = relying_party(request)
    if party is None:
        raise UserError(unavailable())
    return party


def unavailable() -> str:
    """Return why there are no passkeys at this address."""
    return _("Passkeys need an address that begins with https:// and has a name: see PUBLIC_URL.")


def _is_name(host: str) -> bool:
    """Tell whether a host has a name; numbers are no id of a relying party."""
    return ":" not in host and not host.rpartition(".")[2].isdecimal()
