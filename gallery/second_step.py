"""The second step after the password: a code of an authenticator app, or a passkey.

The apps' standard (TOTP) and its counting of wrong codes come from django-otp. Each account has one
app at most, and recovery codes for the day when it is lost, of which only hashes are stored. From
its first passkey on, an account has a second step, too.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import SESSION_KEY, get_user_model, login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from gallery.account_backend import BACKEND
from gallery.models import ApiToken, Passkey, RecoveryCode
from gallery.sign_ins import BY_MEANS

PENDING = "pending_sign_in"
PENDING_SECONDS = 5 * 60
_RECOVERY_CODES = 10
_RECOVERY_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Of 5 bits each, without those that are taken for others: i, l, o and u."""
_RECOVERY_LENGTH = 24
_STEPS_OFF = 1
"""By how many steps of 30 s the clock of an app may differ from one code to the next."""


def is_on(user: Any) -> bool:
    """Tell whether the password of an account is not enough."""
    return has_app(user) or Passkey.objects.filter(owner_id=user.pk).exists()


def has_app(user: Any) -> bool:
    """Tell whether an account has an authenticator app."""
    return bool(TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).exists())


# --- signing in -----------------------------------------------------------------------------------


def sign_in(
    request: HttpRequest, user: Any, target: str, *, means: str = "", is_whole: bool = False
) -> HttpResponse:
    """Sign somebody in whose password was right, or ask for the code first.

    `means` is what took the place of the password; with `is_whole`, it had a second step itself.
    """
    if is_whole or not is_on(user):
        complete(request, user, means)
        return redirect(target)
    # Whatever this browser held before belongs to nobody now.
    request.session.flush()
    request.session[PENDING] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "since": time.time(),
        "next": target,
        "means": means,
    }
    return redirect("sign-in-code")


def pending(request: HttpRequest) -> tuple[Any, str] | None:
    """Return who still has to give a code in this browser, and where they go afterwards.

    None after five minutes, and if the account was closed or its password changed meanwhile.
    """
    held = request.session.get(PENDING)
    if not held or not 0 <= time.time() - held["since"] < PENDING_SECONDS:
        return None
    user = get_user_model().objects.filter(pk=held["user"], is_active=True).first()
    if user is None or not secrets.compare_digest(user.get_session_auth_hash(), held["hash"]):
        return None
    return user, held["next"]


def complete(request: HttpRequest, user: Any, means: str = "") -> None:
    """Sign in somebody who has proved all that is asked for."""
    held = request.session.pop(PENDING, None) or {}
    if SESSION_KEY in request.session:
        # What the session of another person holds is not handed on.
        request.session.flush()
    request.session[BY_MEANS] = means or held.get("means", "")
    login(request, user, backend=BACKEND)


def is_right(user: Any, code: str) -> bool:
    """Tell whether a code is right, which uses it up: the app's, or a recovery code.

    After a wrong code of the app, the next one counts after a second, then two, four and so on.
    """
    code = code.replace(" ", "").replace("-", "").lower()
    if not code.isascii() or not code.isalnum():
        return False
    if not code.isdecimal():
        # 120 random bits need no counting of wrong ones.
        return bool(RecoveryCode.objects.filter(user=user, digest=_digest(code)).delete()[0])
    with transaction.atomic():
        device = _devices(user, confirmed=True).select_for_update().first()
        return device is not None and _is_of_now(device, code)


def _is_of_now(device: TOTPDevice, code: str) -> bool:
    """Tell whether an app shows this code now: for its 30 s, and neither before nor after them.

    A code of the step beside shows how much the clock of the app differs. It opens nothing, now
    or later, and the next code is compared with that clock.
    """
    is_looked_at = device.verify_is_allowed()[0]
    device.tolerance = 0
    if device.verify_token(code):
        return True
    clock = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    clock.time = time.time()
    if is_looked_at and clock.verify(int(code), _STEPS_OFF, device.last_t + 1):
        device.drift, device.last_t = clock.drift, clock.t()
        device.save(update_fields=["drift", "last_t"])
    return False


# --- switching it on and off ----------------------------------------------------------------------


def begin(user: Any) -> TOTPDevice:
    """Return a new key for an app; it counts once `confirm` has seen a code of it."""
    _devices(user, confirmed=False).delete()
    return TOTPDevice.objects.create(user=user, name="app", confirmed=False)


def begun(user: Any) -> TOTPDevice | None:
    """Return the key that waits for its first code, if there is one."""
    return _devices(user, confirmed=False).first()


def confirm(user: Any, code: str) -> list[str]:
    """Switch the code on if this is one of the new key; return the recovery codes, [] if not."""
    with transaction.atomic():
        device = _devices(user, confirmed=False).select_for_update().first()
        if device is None or not device.verify_token(code.replace(" ", "")):
            return []
        _devices(user, confirmed=True).delete()
        device.confirmed = True
        device.save()
        return _new_recovery_codes(user)


def new_recovery_codes(user: Any) -> list[str]:
    """Make the recovery codes anew; those from before open nothing any more."""
    with transaction.atomic():
        return _new_recovery_codes(user)


def switch_off(user: Any) -> None:
    """Ask for the password alone, and forget the app, the passkeys and the recovery codes."""
    with transaction.atomic():
        Passkey.objects.filter(owner=user).delete()
        switch_off_app(user)


def switch_off_app(user: Any) -> None:
    """Forget the app; passkeys stay, and are a second step still."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        _forget_needless_codes(user)


def remove_passkey(user: Any, passkey: Passkey) -> None:
    """Forget a passkey."""
    with transaction.atomic():
        passkey.delete()
        _forget_needless_codes(user)


def _forget_needless_codes(user: Any) -> None:
    if not is_on(user):
        RecoveryCode.objects.filter(user=user).delete()


def recovery_codes_left(user: Any) -> int:
    """Return how many recovery codes were not used yet."""
    return RecoveryCode.objects.filter(user=user).count()


def _new_recovery_codes(user: Any) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = [_random_code() for _ in range(_RECOVERY_CODES)]
    rows = (RecoveryCode(user=user, digest=_digest(code)) for code in codes)
    RecoveryCode.objects.bulk_create(rows)
    return [_spaced(code) for code in codes]


def _random_code() -> str:
    """Return 120 random bits as letters and digits, one of which at least is a letter."""
    while True:
        code = "".join(secrets.choice(_RECOVERY_LETTERS) for _ in range(_RECOVERY_LENGTH))
        if not code.isdecimal():
            return code


def _spaced(code: str) -> str:
    return "-".join(_parts(code))


def _parts(code: str) -> Iterable[str]:
    return (code[start : start + 6] for start in range(0, len(code), 6))


def _digest(code: str) -> str:
    """Return the stored form; the code is 120 random bits, so one SHA-256 is enough."""
    return ApiToken.hash(code)


def _devices(user: Any, *, confirmed: bool) -> Any:
    return TOTPDevice.objects.filter(user=user, confirmed=confirmed)
