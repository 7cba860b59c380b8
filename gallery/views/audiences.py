"""Letting people in to what is shared: members by their session or token, anybody by a link.

Each address of a shared set stands twice in the route table, once under /shared/ with the id of
the set and once under /s/ with the secret of a link. One view answers both. It gets a `Room`, whose
audience it asks with, and never sees who is behind it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth import get_user_model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from gallery.models import Photo, ShareAudience
from gallery.sharing import links, shared_sets
from gallery.views import PageRequest
from gallery.views.bearer_tokens import session_or_token

BRIEFLY = "private, max-age=60"
"""How long browsers keep pictures of what is shared: it may be revoked at any moment."""
NEVER = "private, no-store"

_Details = ParamSpec("_Details")


@dataclass(frozen=True)
class Room:
    """What is shared, as it was opened: by a link's `secret`, or by the account `user_id`.

    `base` is the address of the page, from which all others of the room begin.
    """

    audience: ShareAudience
    base: str
    secret: str = ""
    user_id: int = 0

    @property
    def is_link(self) -> bool:
        """Whether it was opened by a link."""
        return bool(self.secret)

    def again(self) -> Room | None:
        """Return the room as it is now; None if it was closed to this audience meanwhile."""
        if self.secret:
            return _room_of_link(self.secret)
        user = get_user_model().objects.filter(pk=self.user_id, is_active=True).first()
        audience = user and shared_sets.open_as(user, self.audience.shared.pk)
        return Room(audience, self.base, user_id=self.user_id) if audience else None

    def photo(self, photo_id: uuid.UUID) -> Photo:
        """Return a photo that the audience may see; raise Http404."""
        return get_object_or_404(Photo.objects.visible_to(self.audience), pk=photo_id)


View = Callable[Concatenate[HttpRequest, Room, _Details], HttpResponseBase]


def for_audience(view: View[_Details]) -> Callable[..., HttpResponseBase]:
    """Let a view answer members and links; nobody else learns that there is anything.

    Unknown, revoked and expired links are the same 404. Without its password, a link opens the
    view `locked` alone, if that is a page; everything else is the 404 too.
    """

    @wraps(view)
    def answer(request: HttpRequest, **details: Any) -> HttpResponseBase:
        secret = details.pop("secret", None)
        if secret is None:
            return _for_member(request, view, **details)
        room = _room_of_link(secret)
        link = room.audience.link if room else None
        if room is None or link is None:
            return private(link_gone(request))
        if not links.is_unlocked(request, link):
            is_page = getattr(view, "is_page", False)
            return private(ask_for_password(request, room) if is_page else link_gone(request))
        return _answered(request, view, room, **details)

    return answer


def page_of_a_link(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Mark a view as the one that asks for a link's password where it is wanting."""
    view.is_page = True  # type: ignore[attr-defined]
    return view


def _room_of_link(secret: str) -> Room | None:
    audience = links.open_by(secret)
    return Room(audience, reverse("link", args=[secret]), secret=secret) if audience else None


@session_or_token
def _for_member(
    request: PageRequest,
    /,
    view: Callable[..., HttpResponseBase],
    *,
    shared_id: uuid.UUID,
    **rest: Any,
) -> HttpResponseBase:
    audience = shared_sets.open_as(request.user, shared_id)
    if audience is None:
        raise Http404
    base = reverse("shared", args=[shared_id])
    return _answered(request, view, Room(audience, base, user_id=request.user.pk), **rest)


def _answered(
    request: HttpRequest, view: Callable[..., HttpResponseBase], room: Room, **details: Any
) -> HttpResponseBase:
    opened = getattr(view, "is_page", False) and request.method == "GET"
    shared_sets.note_use(room.audience, opened=opened)
    return private(view(request, room, **details))


def private(response: HttpResponseBase) -> HttpResponseBase:
    """Keep an answer out of search engines and, unless it says otherwise, of caches."""
    response.setdefault("Cache-Control", NEVER)
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response


def link_gone(request: HttpRequest) -> HttpResponse:
    """The one answer to links that open nothing, whatever the reason."""
    response = render(request, "shared/gone.html", status=404)
    # Addresses hold secrets; a line of the log for each would tell nothing either.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def ask_for_password(request: HttpRequest, room: Room, problem: str = "", status: int = 401) -> Any:
    """The page that asks for the password and tells nothing of what is behind it."""
    context = {"room": room, "problem": problem}
    return render(request, "shared/password.html", context, status=status)
