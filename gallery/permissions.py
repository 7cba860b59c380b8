"""What requests a role or the scope of a token allows, before any view is reached.

What somebody may see is not said here: `visible_to` and `editable_by` of the models do that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from gallery.models import ApiToken, Scope
from gallery.user_errors import UserError

_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
_SEARCHES = frozenset({"/search/by-image", "/api/v1/search/by-image"})
"""They are sent as POST because a picture is too long for an address, and change nothing."""
_UPLOADS = re.compile(r"POST /api/v1/(photos|uploads)|(HEAD|PATCH|DELETE) /api/v1/uploads/[^/]+")
"""All that a token can do whose scope is `upload`."""
_OWN_ACCOUNT = ("/account", "/sign-in", "/sign-out", "/reset", "/join", "/search/forget")
"""What everybody may change who has an account."""
_GUESTS = re.compile(r"/s/[^/]+/unlock|/shared/[0-9a-f-]+/leave")
"""The password of a link, and leaving what others share: both change nothing but one's own view."""


def is_viewer(user: Any) -> bool:
    """Tell whether an account only looks at what others share.

    Sessions and tokens read that with the account; for another one the database is asked once.
    """
    return bool(user.is_authenticated and getattr(user, "viewer", None) is not None)


def only_looks(request: HttpRequest) -> bool:
    """Tell whether a request changes nothing but the own account of whoever sends it."""
    path = request.path_info
    own = path.startswith(_OWN_ACCOUNT) or _GUESTS.fullmatch(path) is not None
    return request.method in _LOOKING or path in _SEARCHES or own


def viewers_only_look(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: refuse what changes something if a viewer asks for it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not only_looks(request) and is_viewer(request.user):
            raise PermissionDenied
        return get_response(request)

    return middleware


def require_scope(token: ApiToken, request: HttpRequest) -> None:
    """Raise a 403 if a token, or the role of its owner, does not open what is asked for."""
    if token.scope == Scope.UPLOAD:
        is_open = _UPLOADS.fullmatch(f"{request.method} {request.path_info}") is not None
    else:
        is_open = token.scope == Scope.ALL or only_looks(request)
    if not is_open:
        told = _("This token is not for that: its scope is “%(scope)s”.")
        raise UserError(told % {"scope": token.scope}, code="forbidden", status=403)
    if not only_looks(request) and is_viewer(token.owner):
        raise UserError(_("This account only looks at photos."), code="forbidden", status=403)
