"""How often, and how many at once, people may try to sign in.

Hashing a password takes half a second of a processor on purpose, so few are hashed at once. Wrong
passwords count for the name with the address (django-axes), for the address, and for the name.
Nobody can lock others out of a device on which they have signed in before: it is known by a signed
cookie and has a count of its own. Whoever is signed in and is asked for the password again is
counted in the same way.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.auth import authenticate
from django.core import signing
from django.core.cache import cache
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.crypto import salted_hmac

from gallery import host_cookies
from gallery.logs.once_a_minute import OnceAMinute
from gallery.turns import NoTurn, Turns
from gallery.web_server.addresses import first_of_neighbourhood

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=15)
FAILURES_OF_ADDRESS = 50
FAILURES_OF_NAME = 100
"""From all addresses that are new to this name."""
FAILURES_OF_DEVICE = 20
BEGUN_BY_ADDRESS = 100
"""By a provider or a passkey, in the same time."""
KNOWN = timedelta(days=180)
"""How long an address, or a device, is known after a sign-in."""
BUSY_SECONDS = 5

COOKIE = "scry_device"
_SALT = "gallery.known-device"
_told_of = OnceAMinute()
_hashing = Turns(size=1, waiting=3, seconds=5.0, spare=0)

View = Callable[[HttpRequest], HttpResponse]


def limited(view: View) -> View:
    """Limit a view that checks a password when it is posted to: 429 where somebody must wait."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return view(request)
        name = str(request.POST.get("username", ""))
        if _has_failed_too_often(request, name):
            return too_many(request)
        try:
            # Whoever waits for it keeps a thread, as with pictures.
            with _hashing.turn(counted_address(request)):
                response = view(request)
        except NoTurn:
            return _told(request, BUSY_SECONDS)
        _note(request, name, response)
        return response

    return answer


def few_begun(view: View) -> View:
    """Limit how many sign-ins without a password an address begins: each takes a session."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        key = f"sign-ins-begun:{salted_hmac(_SALT, counted_address(request)).hexdigest()}"
        if _count(key) > BEGUN_BY_ADDRESS:
            return too_many(request)
        return view(request)

    return answer


class MustWait(Exception):
    """Too many wrong passwords, or no time to look at another one; `answer` says so."""

    def __init__(self, answer: HttpResponse) -> None:
        super().__init__()
        self.answer = answer


def knows_password(request: HttpRequest, password: str) -> bool:
    """Tell whether this is the password of who is signed in.

    Wrong ones count as those of sign-ins do. Raises `MustWait` after too many.
    """
    name = request.user.get_username()
    if _has_failed_too_often(request, name):
        raise MustWait(too_many(request))
    try:
        with _hashing.turn(counted_address(request)):
            found = authenticate(request, username=name, password=password)
    except NoTurn:
        raise MustWait(_told(request, BUSY_SECONDS)) from None
    device = _device(request, name)
    if found == request.user:
        cache.delete(_key(device))
        return True
    if device:
        _count(_key(device))
    return False


def too_many(request: HttpRequest, *_more: Any) -> HttpResponse:
    """Answer after too many wrong passwords; django-axes calls it, too."""
    return _told(request, int(WINDOW.total_seconds()))


def counted_address(request: HttpRequest) -> str:
    """Return the address that wrong passwords are counted by: of an IPv6 network the first one."""
    return first_of_neighbourhood(client_address(request))


def client_address(request: HttpRequest) -> str:
    """Return the address that a request came from.

    Each proxy appends the address that its request came from, so with PROXY_COUNT of them the
    client is that many entries from the end. The client may have invented the entries before it.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    if settings.PROXY_COUNT and len(forwarded) >= settings.PROXY_COUNT and forwarded[0]:
        return str(forwarded[-settings.PROXY_COUNT])
    return direct


def is_on_known_device(request: HttpRequest, credentials: dict[str, str] | None = None) -> bool:
    """Tell whether somebody signed in with this name on this device; django-axes asks it, too."""
    return bool(_device(request, (credentials or {}).get("username") or ""))


def _device(request: HttpRequest, name: str) -> str:
    """Return the id of a device on which this name is known, or an empty text."""
    signer = signing.TimestampSigner(salt=_SALT)
    try:
        device, digest = signer.unsign(host_cookies.read(request, COOKIE), max_age=KNOWN).split(":")
    except (signing.BadSignature, ValueError):
        return ""
    return device if secrets.compare_digest(digest, _digest(name)) else ""


def _digest(name: str) -> str:
    """Return what stands for a name in the cookie, which others may read on a shared device."""
    return salted_hmac(_SALT, name, algorithm="sha256").hexdigest()[:32]


def _has_failed_too_often(request: HttpRequest, name: str) -> bool:
    if device := _device(request, name):
        return bool(cache.get(_key(device), 0) >= FAILURES_OF_DEVICE)
    address = counted_address(request)
    recent = AccessAttempt.objects.filter(attempt_time__gte=timezone.now() - WINDOW)
    if _failures(recent.filter(ip_address=address)) >= FAILURES_OF_ADDRESS:
        return True
    if _failures(recent.filter(username=name)) < FAILURES_OF_NAME:
        return False
    since = timezone.now() - KNOWN
    known = AccessLog.objects.filter(username=name, ip_address=address, attempt_time__gte=since)
    return not known.exists()


def _failures(attempts: Any) -> int:
    return int(attempts.aggregate(number=Sum("failures_since_start"))["number"] or 0)


def _note(request: HttpRequest, name: str, response: HttpResponse) -> None:
    """Remember the device after a sign-in, or that it failed once more."""
    device = _device(request, name)
    if request.user.is_authenticated:
        if device:
            cache.delete(_key(device))
        value = f"{device or secrets.token_hex(16)}:{_digest(request.user.get_username())}"
        signed, path = signing.TimestampSigner(salt=_SALT).sign(value), resolve_url("sign-in")
        host_cookies.keep(response, COOKIE, signed, max_age=KNOWN, path=path)
    elif device and response.status_code == 401:  # Not while a code is still to be asked for.
        _count(_key(device))


def _count(key: str) -> int:
    """Count one more under a key, and return how many there were within the window."""
    cache.add(key, 0, WINDOW.total_seconds())
    return int(cache.incr(key))


def _key(device: str) -> str:
    return f"sign-in-failures:{device}"


def _told(request: HttpRequest, seconds: int) -> HttpResponse:
    context = {"is_busy": seconds < WINDOW.total_seconds()}
    response = render(request, "gallery/locked_out.html", context, status=429)
    response["Retry-After"] = str(seconds)
    # Expected, so it should not be logged for each request of an attack.
    if not context["is_busy"] and _told_of.is_due(too_many.__name__):
        logger.warning("Too many wrong passwords from %s; it has to wait.", client_address(request))
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
