"""What browsers send of a passkey, as far as anybody may send anything."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext as _

from gallery.user_errors import UserError

_MOST_CHARACTERS = 16_384
_BROKEN = (
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    AssertionError,
    OverflowError,
    RecursionError,
    NotImplementedError,
    struct.error,
)
"""What fido2 raises for responses that are none, besides those that it finds to be wrong."""


class PasskeyRefused(UserError):
    """What came from the browser proves nothing."""

    status = 401

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or _("That passkey did not work. Try again."))


@contextmanager
def refusing() -> Iterator[None]:
    """Turn whatever a broken or forged response raises into PasskeyRefused."""
    try:
        yield
    except UserError:
        raise
    except _BROKEN as error:
        raise PasskeyRefused from error


def parsed(text: str) -> dict[str, Any]:
    """Return a response from JSON; raise PasskeyRefused if it is none."""
    with refusing():
        said = json.loads(text) if len(text) <= _MOST_CHARACTERS else None
        if not isinstance(said, dict):
            raise PasskeyRefused
        return said


def require_own_page(client_data: Any) -> None:
    """Raise PasskeyRefused if another site had this one in a frame when the passkey was asked for.

    Source: WebAuthn Level 3, 7.1 and 7.2, the steps about `crossOrigin` and `topOrigin`.
    """
    said = json.loads(bytes(client_data))
    if said.get("crossOrigin") or "topOrigin" in said:
        raise PasskeyRefused


def require_sound_backup(auth_data: Any) -> None:
    """Raise PasskeyRefused if something is said to be backed up that cannot be.

    Source: WebAuthn Level 3, 6.1.3 and 7.1 and 7.2, the steps about BE and BS.
    """
    if auth_data.is_backed_up() and not auth_data.is_backup_eligible():
        raise PasskeyRefused
