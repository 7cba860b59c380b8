"""Links: making one, opening it by its secret, its password, changing and revoking it.

The secret is 256 random bits in the address. Only its SHA-256 is kept, so neither a backup nor
somebody who reads the database can open a link; the address is told once, to who makes it.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.core import signing
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery import audit, host_cookies
from gallery.models import Deed, Downloads, ShareAudience, SharedSet, ShareLink, User
from gallery.models.sharing import LABEL_LIMIT
from gallery.names import clean_name
from gallery.user_errors import UserError

MOST_LINKS = 100
"""Links of one shared set."""
PASSWORD_LIMIT = 200
SHORTEST_PASSWORD = 8
MOST_FAILURES = 20
"""Wrong passwords within `PAUSE`, after which a link takes none for as long."""
PAUSE = timedelta(minutes=15)
UNLOCKED = timedelta(days=1)
"""How long a browser may go on after the password."""
_SALT = "gallery.sharing.links"


@dataclass(frozen=True)
class Terms:
    """What a link shows and hands out; everything that a photo tells beside itself is off.

    Without a password it is empty; None keeps the one that a link has.
    """

    label: str = ""
    password: str | None = ""
    expires_at: datetime | None = None
    downloads: str = Downloads.NONE
    places: bool = False
    serials: bool = False
    names: bool = False
    captions: bool = False


class TooManyTries(UserError):
    """Too many wrong passwords."""

    code = "too_many_requests"
    status = 429
    retry_seconds = str(int(PAUSE.total_seconds()))


def make(shared: SharedSet, terms: Terms) -> tuple[ShareLink, str]:
    """Make a link; return it with its secret, which cannot be told again. Raises `UserError`."""
    _check(terms)
    if ShareLink.objects.filter(shared=shared).count() >= MOST_LINKS:
        message = _("There can be %(limit)d links at most.") % {"limit": MOST_LINKS}
        raise UserError(message, code="too_many_shares", status=409)
    secret = secrets.token_urlsafe(32)
    row = ShareLink(shared=shared, digest=digest_of(secret))
    _take(row, terms)
    row.save(force_insert=True)
    audit.note(Deed.SHARED, shared.owner, detail=f"link {row.pk.hex[:8]}")
    return row, secret


def terms_of(row: ShareLink) -> Terms:
    """Return the terms of a link, which keep its password."""
    kept = {name: getattr(row, name) for name in Terms.__dataclass_fields__ if name != "password"}
    return Terms(password=None, **kept)


def change(owner: User, link_id: uuid.UUID, **given: Any) -> ShareLink | None:
    """Change the given terms of a link of this owner; None if there is none. Raises `UserError`.

    Its address stays. Requests that are being answered go on with the former terms, all others
    with these; with a new password, everybody has to give that.
    """
    row = _of(owner, link_id)
    if row is None:
        return None
    terms = replace(terms_of(row), **given)
    _check(terms, row)
    _take(row, terms)
    columns = [*Terms.__dataclass_fields__, "failures", "failing_since"]
    row.save(update_fields=columns)
    audit.note(Deed.SHARED, row.shared.owner, detail=f"link {row.pk.hex[:8]} changed")
    return row


def _take(row: ShareLink, terms: Terms) -> None:
    for name in ("expires_at", "downloads", "places", "serials", "names", "captions"):
        setattr(row, name, getattr(terms, name))
    row.label = clean_name(terms.label, limit=LABEL_LIMIT) if terms.label.strip() else ""
    if terms.password is not None:
        row.password = make_password(terms.password) if terms.password else ""
        row.failures, row.failing_since = 0, None


def _check(terms: Terms, row: ShareLink | None = None) -> None:
    if terms.downloads not in Downloads.values:
        message = _("downloads must be none, pictures or originals.")
        raise UserError(message, code="bad_parameter")
    is_new = row is None or row.expires_at != terms.expires_at
    if is_new and terms.expires_at is not None and terms.expires_at <= timezone.now():
        raise UserError(_("The link would have expired already."), code="bad_parameter")
    length = len(terms.password or "")
    if terms.password and not SHORTEST_PASSWORD <= length <= PASSWORD_LIMIT:
        message = _("A password needs %(least)d to %(most)d characters.")
        told = message % {"least": SHORTEST_PASSWORD, "most": PASSWORD_LIMIT}
        raise UserError(told, code="bad_parameter")


def revoke(owner: User, link_id: uuid.UUID) -> bool:
    """End a link of this owner, at once and for good; return whether there was one."""
    row = _of(owner, link_id)
    if row is None:
        return False
    row.delete()
    audit.note(Deed.SHARE_ENDED, row.shared.owner, detail=f"link {link_id.hex[:8]}")
    return True


def _of(owner: User, link_id: uuid.UUID) -> ShareLink | None:
    if not owner.is_authenticated:
        return None
    links = ShareLink.objects.filter(pk=link_id, shared__owner_id=owner.pk)
    return links.select_related("shared__owner").first()


def open_by(secret: str) -> ShareAudience | None:
    """Return the audience of a link; None if it is unknown, revoked or expired.

    Whether its password was given is another question: `is_unlocked`.
    """
    rows = ShareLink.objects.select_related("shared__album", "shared__owner")
    link = rows.filter(digest=digest_of(secret), shared__owner__is_active=True).first()
    if link is None or link.is_expired:
        return None
    return ShareAudience(link.shared, link=link)


def digest_of(secret: str) -> str:
    """Return the stored form; the secret is 256 random bits, so one SHA-256 is enough."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


# --- passwords ------------------------------------------------------------------------------------


def is_unlocked(request: HttpRequest, link: ShareLink) -> bool:
    """Tell whether this browser gave the password of a link, or it needs none."""
    if not link.password:
        return True
    try:
        given = _signer().unsign(host_cookies.read(request, _cookie(link)), max_age=UNLOCKED)
    except signing.BadSignature:
        return False
    return secrets.compare_digest(given, _mark(link))


def try_password(link: ShareLink, password: str) -> bool:
    """Tell whether this is the password; raise `TooManyTries` after many wrong ones.

    Everybody who has the link shares its tries, as everybody shares its password.
    """
    now = timezone.now()
    since = link.failing_since
    if since is None or now - since > PAUSE:
        ShareLink.objects.filter(pk=link.pk).update(failures=0, failing_since=now)
    # Counted before the work, so that requests at the same time get no further tries.
    rows = ShareLink.objects.filter(pk=link.pk, failures__lt=MOST_FAILURES)
    if not rows.update(failures=F("failures") + 1):
        raise TooManyTries(_("Too many wrong passwords. Try again in 15 minutes."))
    right = check_password(password[:PASSWORD_LIMIT], link.password)
    if right:
        ShareLink.objects.filter(pk=link.pk).update(failures=0, failing_since=None)
    return right


def unlock(response: HttpResponse, link: ShareLink, secret: str) -> None:
    """Let the browser remember that it knows the password; for this link alone."""
    value, path = _signer().sign(_mark(link)), reverse("link", args=[secret])
    host_cookies.keep(response, _cookie(link), value, max_age=UNLOCKED, path=path)


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=_SALT)


def _cookie(link: ShareLink) -> str:
    return f"link-{link.pk.hex}"


def _mark(link: ShareLink) -> str:
    """Return what changes with the password."""
    return hashlib.sha256(f"{link.pk}{link.password}".encode()).hexdigest()
