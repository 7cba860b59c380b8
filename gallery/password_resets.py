"""New passwords for people who forgot theirs: links from a command or by mail.

Nothing of a link is stored. It is signed together with the password and the last sign-in, so that
it works once, and for a day. No owner of the gallery can make one: they would see the photos of
others.
"""

from __future__ import annotations

import logging
import smtplib
import threading
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery import audit
from gallery.models import AuditEntry, Deed, Session

logger = logging.getLogger(__name__)

BETWEEN_MAILS = timedelta(minutes=10)


def secret_of(user: Any) -> str:
    """Return what stands behind the `#` of a link that lets this account have a new password."""
    return f"{user.pk}.{default_token_generator.make_token(user)}"


def owner_of(secret: str) -> User | None:
    """Return whose link it is, or None if it is made up, used or too old."""
    key, _dot, token = secret.partition(".")
    if not (key.isascii() and key.isdecimal() and len(key) < 10):
        return None
    user = User.objects.filter(pk=int(key), is_active=True).first()
    return user if user and default_token_generator.check_token(user, token) else None


def address_of(user: Any, home: str) -> str:
    """Return the whole link; `home` is where the gallery can be reached."""
    return f"{home}/reset#{secret_of(user)}"


def give_password(user: User, password: str, *, address: str = "") -> None:
    """Give an account a new password and end all its sessions."""
    user.set_password(password)
    user.save(update_fields=["password"])
    Session.objects.filter(owner=user).delete()
    audit.note(Deed.PASSWORD_CHANGED, user, address=address, detail="reset")


def ask(name: str, address: str) -> None:
    """Mail a link to whoever has this name or this mail address, and confirmed nothing to others.

    Mails are sent beside the request, so that its time does not tell whether there is an account.
    """
    named = Q(username=name) | Q(email__iexact=name)
    users = get_user_model().objects.filter(named, is_active=True).exclude(email="")
    for user in users[:3]:
        since = timezone.now() - BETWEEN_MAILS
        asked = AuditEntry.objects.filter(owner=user, deed=Deed.RESET_ASKED, at__gt=since)
        if not asked.exists():
            audit.note(Deed.RESET_ASKED, user, address=address)
            text = _message(user)
            threading.Thread(target=_send, args=(user.email, *text), daemon=True).start()


def _message(user: Any) -> tuple[str, str]:
    link = address_of(user, settings.PUBLIC_URL)
    body = _(
        "Somebody asked for a new password for %(name)s. Open this address within a day to "
        "choose one:\n\n%(link)s\n\nIf it was not you, nothing has to be done."
    )
    return _("A new password for Scry"), body % {"name": user.get_username(), "link": link}


def _send(to: str, subject: str, body: str) -> None:
    try:
        send_mail(subject, body, None, [to])
    except (OSError, smtplib.SMTPException) as error:
        logger.error("A mail could not be sent by the server of MAIL_URL: %s", error)
