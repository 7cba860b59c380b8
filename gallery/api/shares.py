"""The sharing part of the API: with members, by links, and what is shared with oneself."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from pydantic import AwareDatetime, ConfigDict, Field, StrictBool

from gallery import albums
from gallery.api.albums import ChangedOut
from gallery.api.described import empty_or, exactly_one, given, name_or_none
from gallery.api.errors import ErrorOut, In
from gallery.models import Album, SharedSet, ShareLink, ShareMember
from gallery.models.sharing import LABEL_LIMIT
from gallery.sharing import contributions, links, shared_sets
from gallery.sharing.links import Terms
from gallery.sharing.shared_sets import Listed, Thing
from gallery.user_errors import UserError

router = Router(tags=["sharing"])

_Ids = Annotated[list[uuid.UUID], Field(max_length=albums.PHOTOS_PER_REQUEST)]
_REFUSED = frozenset({400, 401, 403, 404, 409})


_LENGTHS = {"minLength": links.SHORTEST_PASSWORD, "maxLength": links.PASSWORD_LIMIT}
_PASSWORD = empty_or({"type": "string", **_LENGTHS})


class ThingIn(In):
    """What is shared: an album or a saved search, by its id."""

    model_config = ConfigDict(json_schema_extra=exactly_one(given("album"), given("search")))

    album: uuid.UUID | None = None
    search: uuid.UUID | None = None


class MemberChangeIn(In):
    """The terms of a member that change; the others stay."""

    role: Literal["viewer", "contributor"] = "viewer"
    expires_at: AwareDatetime | None = None
    originals: StrictBool = True
    places: StrictBool = True
    names: StrictBool = True
    captions: StrictBool = True


class MemberIn(ThingIn, MemberChangeIn):
    """A person by the name of their account, what they may do and see, and until when.

    Only albums can have contributors.
    """

    model_config = ConfigDict(
        json_schema_extra=exactly_one(
            given("album"),
            given("search", role={"const": "viewer"}),
        )
    )

    name: Annotated[str, Field(max_length=150)]


class LinkChangeIn(In):
    """The terms of a link that change; the others stay. An empty password takes it away."""

    label: Annotated[str, name_or_none(LABEL_LIMIT)] = ""
    password: Annotated[str, _PASSWORD] = ""
    expires_at: AwareDatetime | None = None
    downloads: Literal["none", "pictures", "originals"] = "none"
    places: StrictBool = False
    serials: StrictBool = False
    names: StrictBool = False
    captions: StrictBool = False


class LinkIn(ThingIn, LinkChangeIn):
    """What a link shows and hands out. Everything that a photo tells beside itself is off."""


class ChosenIn(In):
    """Photos by id; those that are unknown or another person's are ignored."""

    ids: _Ids


class MemberOut(Schema):
    """A member of a shared set."""

    id: uuid.UUID
    name: str
    role: str
    expires_at: datetime | None
    originals: bool
    places: bool
    names: bool
    captions: bool
    created_at: datetime
    last_used_at: datetime | None


class LinkOut(Schema):
    """A link, without its secret."""

    id: uuid.UUID
    label: str
    has_password: bool
    expires_at: datetime | None
    downloads: str
    gives_originals: bool
    places: bool
    serials: bool
    names: bool
    captions: bool
    created_at: datetime
    last_used_at: datetime | None
    opened: int


class NewLinkOut(LinkOut):
    """A link just made, with its whole address, which is told this once."""

    url: str


class SharedOut(Schema):
    """Something that is shared: `photos` counts what others see, `url` is the page for members."""

    id: uuid.UUID
    name: str
    owner: str
    album: uuid.UUID | None
    search: uuid.UUID | None
    photos: int
    url: str


class SharedByMeOut(SharedOut):
    """Something that one shares, with whom, and how many of one's photos are withheld."""

    members: list[MemberOut]
    links: list[LinkOut]
    withheld: int


class SharedWithMeOut(SharedOut):
    """Something that another person shares, and what one may do in it."""

    role: str


class SharesOut(Schema):
    """All that one shares, and all that others share with one, by name."""

    by_me: list[SharedByMeOut]
    with_me: list[SharedWithMeOut]


@router.get("/shares", response={200: SharesOut, 401: ErrorOut})
def list_shares(request: HttpRequest) -> dict[str, Any]:
    """List what one shares and what others share with one."""
    return {
        "by_me": [_by_me(request, row) for row in shared_sets.shared_by(request.user)],
        "with_me": [
            {**_shared(row), "role": row.role} for row in shared_sets.shared_with(request.user)
        ],
    }


@router.post("/shares/members", response={201: MemberOut, _REFUSED: ErrorOut})
def share_with_member(request: HttpRequest, body: MemberIn) -> Status[dict[str, Any]]:
    """Let a person open an album or a saved search, or change the terms that are given."""
    shared = shared_sets.find_or_make(_thing(request, body))
    terms = body.dict(exclude={"album", "search", "name"}, exclude_unset=True)
    return Status(201, _member(shared_sets.add_member(shared, body.name, **terms)))


@router.patch("/shares/members/{uuid:member_id}", response={200: MemberOut, _REFUSED: ErrorOut})
def change_member(
    request: HttpRequest, member_id: uuid.UUID, body: MemberChangeIn
) -> dict[str, Any]:
    """Change what a member may do and see, or until when. What is left out stays."""
    terms = body.dict(exclude_unset=True)
    row = shared_sets.change_member(request.user, member_id, **terms)
    if row is None:
        raise Http404
    return _member(row)


@router.delete("/shares/members/{uuid:member_id}", response={204: None, _REFUSED: ErrorOut})
def remove_member(request: HttpRequest, member_id: uuid.UUID) -> HttpResponse:
    """Stop sharing with a person, at once."""
    return _done(shared_sets.remove_member(request.user, member_id))


@router.post("/shares/links", response={201: NewLinkOut, _REFUSED: ErrorOut})
def make_link(request: HttpRequest, body: LinkIn) -> Status[dict[str, Any]]:
    """Make a link. Its address holds the secret and is told in this answer alone."""
    thing = _thing(request, body)
    terms = Terms(**body.dict(exclude={"album", "search"}))
    link, secret = links.make(shared_sets.find_or_make(thing), terms)
    path = reverse("link", args=[secret])
    base = settings.PUBLIC_URL.rstrip("/")
    address = f"{base}{path}" if base else request.build_absolute_uri(path)
    return Status(201, {**_link(link), "url": address})


@router.patch("/shares/links/{uuid:link_id}", response={200: LinkOut, _REFUSED: ErrorOut})
def change_link(request: HttpRequest, link_id: uuid.UUID, body: LinkChangeIn) -> dict[str, Any]:
    """Change what a link shows, hands out and asks for, or until when. What is left out stays."""
    row = links.change(request.user, link_id, **body.dict(exclude_unset=True))
    if row is None:
        raise Http404
    return _link(row)


@router.delete("/shares/links/{uuid:link_id}", response={204: None, _REFUSED: ErrorOut})
def revoke_link(request: HttpRequest, link_id: uuid.UUID) -> HttpResponse:
    """Revoke a link, at once and for good."""
    return _done(links.revoke(request.user, link_id))


@router.post("/shares/{uuid:shared_id}/release", response={200: ChangedOut, _REFUSED: ErrorOut})
def release(request: HttpRequest, shared_id: uuid.UUID, body: ChosenIn) -> dict[str, int]:
    """Have withheld photos of one's own shown all the same: the word of their owner."""
    shared = _opened(request, shared_id)
    return {"changed": shared_sets.release(shared, request.user, body.ids)}


@router.post("/shares/{uuid:shared_id}/photos", response={200: ChangedOut, _REFUSED: ErrorOut})
def add_to_shared(request: HttpRequest, shared_id: uuid.UUID, body: ChosenIn) -> dict[str, int]:
    """Add own photos to an album of another person, as a contributor."""
    audience = shared_sets.open_as(request.user, shared_id)
    if audience is None:
        raise Http404
    return {"changed": contributions.add(audience, request.user, body.ids)}


@router.delete("/shares/{uuid:shared_id}/photos", response={200: ChangedOut, _REFUSED: ErrorOut})
def take_out_of_shared(
    request: HttpRequest, shared_id: uuid.UUID, body: ChosenIn
) -> dict[str, int]:
    """Take added photos out again: own ones, or as the owner of the album."""
    shared = _opened(request, shared_id)
    return {"changed": contributions.take_out(shared, request.user, body.ids)}


def _opened(request: HttpRequest, shared_id: uuid.UUID) -> SharedSet:
    audience = shared_sets.open_as(request.user, shared_id)
    if audience is None:
        raise Http404
    return audience.shared


def _thing(request: HttpRequest, body: ThingIn) -> Thing:
    if body.album is not None and body.search is None:
        own = Album.objects.visible_to(request.user)
        return Thing.of_album(get_object_or_404(own, pk=body.album))
    if body.album is not None or body.search is None:
        raise UserError(_("Give either album or search."), code="bad_parameter")
    for find in shared_sets.saved_searches:
        found = find(request.user, body.search)
        if found is not None:
            return found
    raise Http404


def _done(found: object) -> HttpResponse:
    if not found:
        raise Http404
    return HttpResponse(status=204)


def _shared(row: Listed) -> dict[str, Any]:
    shared = row.shared
    return {
        "id": shared.pk,
        "name": shared.name,
        "owner": shared.owner.get_username(),
        "album": shared.album_id,
        "search": shared.search_id,
        "photos": row.photos,
        "url": shared.get_absolute_url(),
    }


def _by_me(request: HttpRequest, row: Listed) -> dict[str, Any]:
    shared = row.shared
    members = shared.members.select_related("user").order_by("user__username")
    return {
        **_shared(row),
        "members": [_member(each) for each in members],
        "links": [_link(each) for each in shared.links.order_by("-created_at")],
        "withheld": len(shared_sets.withheld(shared, request.user)),
    }


def _member(row: ShareMember) -> dict[str, Any]:
    names = [*MemberOut.model_fields.keys() - {"name"}]
    return {name: getattr(row, name) for name in names} | {"name": row.user.get_username()}


def _link(row: ShareLink) -> dict[str, Any]:
    names = [*LinkOut.model_fields.keys() - {"has_password"}]
    return {name: getattr(row, name) for name in names} | {"has_password": bool(row.password)}
