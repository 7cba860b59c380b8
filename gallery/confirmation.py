"""Who is signed in proves who they are once more, before what a session alone must not do.

Whoever stole a session, or found it left open, could keep the account otherwise. The password is
asked for; an account that has none needs a sign-in of the last minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from gallery.sign_in_limits import MustWait, knows_password
from gallery.sign_ins import SIGNED_IN_AT

FRESH_SECONDS = 10 * 60

ConfirmedView = Callable[..., HttpResponse]


def asking_for_proof(field: str = "password") -> Callable[[ConfirmedView], ConfirmedView]:
    """Tell a view in `doubt` why who is signed in has not proved it; it is empty if they have.

    `field` of the form holds the password. After too many wrong ones the answer is 429.
    """

    def decorate(view: ConfirmedView) -> ConfirmedView:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                doubt = _doubt(request, request.POST.get(field, ""))
            except MustWait as wait:
                return wait.answer
            return view(request, *args, doubt=doubt, **kwargs)

        return answer

    return decorate


def _doubt(request: HttpRequest, password: str) -> str:
    if not cast(User, request.user).has_usable_password():
        since = time.time() - request.session.get(SIGNED_IN_AT, 0)
        if 0 <= since < FRESH_SECONDS:
            return ""
        return _("Sign out and in again, and do this within ten minutes. Nothing was changed.")
    if knows_password(request, password):
        return ""
    return _("That is not your password. Nothing was changed.")
