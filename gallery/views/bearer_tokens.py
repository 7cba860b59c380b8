"""Views that programs may ask as well: a bearer token in place of a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase

from gallery.api.errors import error
from gallery.models import ApiToken
from gallery.permissions import require_scope
from gallery.user_errors import UserError
from gallery.views import PageRequest

_Details = ParamSpec("_Details")


def session_or_token(
    view: Callable[Concatenate[PageRequest, _Details], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, _Details], HttpResponseBase]:
    """Let a view answer programs too: an unknown token gets 401, a stranger the sign-in page.

    It is for views that change nothing, since no CSRF token is asked for.
    """
    with_session = login_required(view)

    @wraps(view)
    def answer(
        request: HttpRequest, /, *args: _Details.args, **kwargs: _Details.kwargs
    ) -> HttpResponseBase:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            found = ApiToken.of(token)
            if found is not None:
                try:
                    require_scope(found, request)
                except UserError as refusal:
                    return error(refusal.status, refusal.code, refusal.message)
                request.user = found.owner
            elif not request.user.is_authenticated:
                return error(401)
        return with_session(cast(PageRequest, request), *args, **kwargs)

    return answer
