"""What follows from signing in and out, by whatever page: the session knows where and when."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from gallery import audit
from gallery.models import Deed, Session
from gallery.sessions import BY_PROGRAM, FROM_ADDRESS, stored
from gallery.sign_in_limits import client_address

SIGNED_IN_AT = "signed_in_at"
"""When, in the session: in seconds since 1970."""
BY_MEANS = "signed_in_by"
"""Set in the session just before somebody is signed in by something else than a password."""
MOST_SESSIONS = 50
"""Of one account. Whoever signs in once more ends the one that was not used for longest."""
_PROGRAM_CHARACTERS = 200


@receiver(user_logged_in)
def remember_sign_in(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Note the address and the program in the session and the audit log; limit the sessions."""
    address = client_address(request)
    request.session[FROM_ADDRESS] = address[:45]
    request.session[BY_PROGRAM] = request.META.get("HTTP_USER_AGENT", "")[:_PROGRAM_CHARACTERS]
    request.session[SIGNED_IN_AT] = time.time()
    means = request.session.pop(BY_MEANS, "")
    audit.note(Deed.SIGNED_IN, user, address=address, detail=means)
    others = Session.objects.filter(owner=user).exclude(
        pk=stored(request.session.session_key or "")
    )
    if others.beyond(MOST_SESSIONS - 1).delete()[0]:
        audit.note(Deed.SESSION_ENDED, user, address=address, detail=f"more than {MOST_SESSIONS}")


@receiver(user_login_failed)
def remember_failure(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Note that somebody did not get in."""
    if request is not None:
        name = str(credentials.get("username", ""))
        audit.note_failed_sign_in(name, client_address(request))


@receiver(user_logged_out)
def remember_sign_out(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Note that somebody left."""
    if user is not None:
        audit.note(Deed.SIGNED_OUT, user, address=client_address(request))
