"""Which request, person and photo the code at hand works for, so that lines of the log say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils.functional import LazyObject

if TYPE_CHECKING:
    from django.http import HttpRequest


@dataclass
class _Asked:
    id: str
    request: HttpRequest
    photo: UUID | None = None

    def photo_id(self) -> UUID | None:
        """The photo that was noted, else the one that the address names."""
        if self.photo is not None or self.request.resolver_match is None:
            return self.photo
        named: UUID | None = self.request.resolver_match.kwargs.get("photo_id")
        return named


_asked: ContextVar[_Asked | None] = ContextVar("request", default=None)
_photo: ContextVar[UUID | None] = ContextVar("photo", default=None)


@contextmanager
def about_request(request_id: str, request: HttpRequest) -> Iterator[None]:
    """Mark what is done to answer a request.

    The request remembers it, too, for Django logs some answers when all is done.
    """
    asked = _Asked(request_id, request)
    request.asked = asked  # type: ignore[attr-defined]
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


@contextmanager
def about_photo(photo_id: UUID) -> Iterator[None]:
    """Mark work on one photo."""
    token = _photo.set(photo_id)
    try:
        yield
    finally:
        _photo.reset(token)


def note_photo(photo_id: UUID) -> None:
    """Note that the request at hand is about this photo, which its address does not say."""
    if asked := _asked.get():
        asked.photo = photo_id


def ids(request: HttpRequest | None = None) -> dict[str, str | int]:
    """Return the ids of the request, the user and the photo, as far as there are any.

    Outside of all requests, those of the one that is given.
    """
    asked: _Asked | None = _asked.get() or getattr(request, "asked", None)
    photo = _photo.get() or (asked.photo_id() if asked else None)
    found: dict[str, str | int | None] = {
        "request": asked.id if asked else None,
        "user": user_id(asked.request) if asked else None,
        "photo": str(photo) if photo else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def user_id(request: HttpRequest) -> int | None:
    """Return the id of who is signed in, if that is known already; ask no database for it."""
    user: Any = request.__dict__.get("user")
    if isinstance(user, LazyObject):
        user = request.__dict__.get("_cached_user")
    return getattr(user, "pk", None)
