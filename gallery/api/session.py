"""The session part of the API: who is signed in."""

from __future__ import annotations

from django.http import HttpRequest
from django.middleware.csrf import get_token
from ninja import Router, Schema

from gallery.api.errors import ErrorOut

router = Router(tags=["session"])


class SessionOut(Schema):
    """The account that is signed in, and the CSRF token that its requests need."""

    user: int
    name: str
    csrf_token: str


@router.get("/session", response={200: SessionOut, 401: ErrorOut})
def session(request: HttpRequest) -> SessionOut:
    """Tell who is signed in; a page that was open meanwhile needs the new CSRF token."""
    user, name = request.user.pk or 0, request.user.get_username()
    return SessionOut(user=user, name=name, csrf_token=get_token(request))
