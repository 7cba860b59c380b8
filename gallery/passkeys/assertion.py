"""Signing in with a passkey: alone, or after the password in place of the code.

Source: WebAuthn Level 3, 7.2. The person is always verified by the device (a finger, a face, a
PIN), so a passkey alone is two factors.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from gallery import audit, ceremonies
from gallery.models import Passkey
from gallery.passkeys.registration import credential_of, descriptor
from gallery.passkeys.relying_party import required
from gallery.passkeys.responses import (
    PasskeyRefused,
    parsed,
    refusing,
    require_own_page,
    require_sound_backup,
)
from gallery.sign_in_limits import client_address

logger = logging.getLogger(__name__)

KIND = "passkey"


def begin(request: HttpRequest, user: Any = None) -> dict[str, Any]:
    """Return what the browser has to sign; `user` is whose passkeys count, None for anybody's.

    Raises UserError where there are no passkeys.
    """
    from fido2.webauthn import UserVerificationRequirement

    party = required(request)
    own = [descriptor(row) for row in Passkey.objects.filter(owner=user)] if user else None
    options, state = party.server().authenticate_begin(
        own, user_verification=UserVerificationRequirement.REQUIRED
    )
    ceremonies.begin(request, KIND, {"state": state, "user": user.pk if user else None})
    return dict(options)


def finish(request: HttpRequest, response: str, user: Any = None) -> Any:
    """Return who signed in; raise PasskeyRefused unless a passkey signed what was asked here."""
    held = ceremonies.finish(request, KIND)
    if held is None or held["user"] != (user.pk if user else None):
        raise PasskeyRefused
    party, said = required(request), parsed(response)
    with transaction.atomic():
        rows = Passkey.objects.select_for_update(of=("self",)).select_related("owner")
        row = rows.filter(credential_id=str(said.get("rawId"))[:1400].replace("\0", "")).first()
        if row is None or (user and row.owner_id != user.pk):
            raise PasskeyRefused
        is_right = _is_right(party.server(), held, said, row)
        if is_right:
            row.save(update_fields=["sign_count", "is_backed_up", "last_used_at"])
    if not is_right or not row.owner.is_active:
        audit.note_failed_sign_in(row.owner.get_username(), client_address(request))
        raise PasskeyRefused
    return row.owner


def _is_right(server: Any, held: dict[str, Any], said: dict[str, Any], row: Passkey) -> bool:
    """Tell whether a passkey signed; note in the row what the authenticator says of itself."""
    try:
        with refusing():
            auth_data = _checked(server, held, said, row)
    except PasskeyRefused:
        return False
    if (auth_data.counter or row.sign_count) and auth_data.counter <= row.sign_count:
        logger.warning("A passkey was refused: its counter went back, so it may be a copy.")
        return False
    row.sign_count, row.is_backed_up = auth_data.counter, auth_data.is_backed_up()
    row.last_used_at = timezone.now()
    return True


def _checked(server: Any, held: dict[str, Any], said: dict[str, Any], row: Passkey) -> Any:
    from fido2.webauthn import AuthenticationResponse

    answer = AuthenticationResponse.from_dict(said)
    server.authenticate_complete(held["state"], [credential_of(row)], answer)
    require_own_page(answer.response.client_data)
    auth_data = answer.response.authenticator_data
    require_sound_backup(auth_data)
    # What can be backed up is decided when a passkey is made.
    if auth_data.is_backup_eligible() != row.is_backup_eligible:
        raise PasskeyRefused
    # Where nobody was named before, the handle has to say whose it is; else it may be left out.
    handle, expected = answer.response.user_handle, bytes.fromhex(row.user_handle)
    if handle != expected and (handle or held["user"] is None):
        raise PasskeyRefused
    return auth_data
