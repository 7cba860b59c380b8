"""Adding a passkey to an account, and taking it away.

Source: WebAuthn Level 3, 7.1. Attestation is not asked for: a household does not choose brands.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from gallery import ceremonies
from gallery.models import Passkey
from gallery.passkeys.relying_party import ALGORITHMS, required
from gallery.passkeys.responses import (
    PasskeyRefused,
    parsed,
    refusing,
    require_own_page,
    require_sound_backup,
)
from gallery.user_errors import UserError

KIND = "new-passkey"
MOST = 20
_MOST_BYTES = 1023
_HANDLE_BYTES = 32
_TRANSPORTS = {"ble", "hybrid", "internal", "nfc", "smart-card", "usb"}


def begin(request: HttpRequest, user: Any) -> dict[str, Any]:
    """Return what the browser has to make a passkey of; raise UserError if there can be none."""
    from fido2.webauthn import (
        PublicKeyCredentialUserEntity,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    party, own = required(request), list(Passkey.objects.filter(owner=user))
    if len(own) >= MOST:
        raise UserError(_("Remove a passkey first: %(number)s is the most.") % {"number": MOST})
    handle = own[0].user_handle if own else secrets.token_hex(_HANDLE_BYTES)
    name = user.get_username()
    options, state = party.server().register_begin(
        PublicKeyCredentialUserEntity(id=bytes.fromhex(handle), name=name, display_name=name),
        credentials=[descriptor(row) for row in own],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    ceremonies.begin(request, KIND, {"state": state, "user": user.pk, "handle": handle})
    return dict(options)


def finish(request: HttpRequest, user: Any, response: str, name: str) -> Passkey:
    """Keep the passkey that the browser made; raise PasskeyRefused unless it was asked for here."""
    held = ceremonies.finish(request, KIND)
    if held is None or held["user"] != user.pk:
        raise PasskeyRefused
    party = required(request)
    with refusing():
        auth_data, transports = _checked(party.server(), held["state"], parsed(response))
    row = Passkey(
        owner=user,
        name=name,
        credential_id=_text(auth_data.credential_data.credential_id),
        data=bytes(auth_data.credential_data),
        user_handle=held["handle"],
        rp_id=party.id,
        transports=transports,
        sign_count=auth_data.counter,
        is_backup_eligible=auth_data.is_backup_eligible(),
        is_backed_up=auth_data.is_backed_up(),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise PasskeyRefused from None
    return row


def _checked(server: Any, state: Any, said: dict[str, Any]) -> tuple[Any, list[str]]:
    from fido2.webauthn import RegistrationResponse

    answer = RegistrationResponse.from_dict(said)
    auth_data = server.register_complete(state, answer)
    require_own_page(answer.response.client_data)
    require_sound_backup(auth_data)
    made = auth_data.credential_data
    if made.public_key[3] not in ALGORITHMS or not 0 < len(made.credential_id) <= _MOST_BYTES:
        raise PasskeyRefused
    named = said["response"].get("transports")
    return auth_data, sorted(_TRANSPORTS.intersection(named if isinstance(named, list) else []))


def descriptor(row: Passkey) -> Any:
    """Return what a browser finds a passkey by."""
    from fido2.server import to_descriptor

    return to_descriptor(credential_of(row), transports=row.transports or None)


def credential_of(row: Passkey) -> Any:
    """Return the id and the public key of a passkey."""
    from fido2.webauthn import AttestedCredentialData

    return AttestedCredentialData(bytes(row.data))


def _text(credential_id: bytes) -> str:
    return urlsafe_b64encode(credential_id).rstrip(b"=").decode()
