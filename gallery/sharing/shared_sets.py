"""What a person shares and what is shared with them, with members: making, listing, ending."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery import audit
from gallery.models import (
    Album,
    Deed,
    Photo,
    Release,
    ShareAudience,
    SharedSet,
    ShareLink,
    ShareMember,
    ShareRole,
    User,
)
from gallery.permissions import is_viewer
from gallery.sharing.covers import cover_of
from gallery.user_errors import Conflict, UserError

MOST_MEMBERS = 100
"""Members of one shared set."""
_USE_RESOLUTION = timedelta(minutes=1)
"""Between two notes of when a grant was last used."""


@dataclass(frozen=True)
class Thing:
    """What can be shared: an album, or a saved search by its id and name."""

    owner_id: int
    name: str
    album_id: uuid.UUID | None = None
    search_id: uuid.UUID | None = None

    @classmethod
    def of_album(cls, album: Album) -> Thing:
        """Return an album as a thing to share."""
        return cls(album.owner_id, album.name, album_id=album.pk)

    @property
    def which(self) -> Q:
        """The condition on the shared set of the thing."""
        if self.album_id is not None:
            return Q(album_id=self.album_id, owner_id=self.owner_id)
        return Q(search_id=self.search_id, owner_id=self.owner_id)


saved_searches: list[Callable[[Any, uuid.UUID], Thing | None]] = []
"""What returns a saved search of a person as a thing to share, by its id; the app above adds it."""


@dataclass(frozen=True)
class MemberTerms:
    """What a member may do, until when, and what they see beside the pictures."""

    role: str = ShareRole.VIEWER
    expires_at: datetime | None = None
    originals: bool = True
    places: bool = True
    names: bool = True
    captions: bool = True


def find(thing: Thing) -> SharedSet | None:
    """Return the shared set of a thing, None while it was never shared."""
    return SharedSet.objects.filter(thing.which).select_related("album", "owner").first()


def find_or_make(thing: Thing) -> SharedSet:
    """Return the shared set of a thing."""
    if thing.album_id is not None:
        found, _made = SharedSet.objects.get_or_create(
            album_id=thing.album_id, defaults={"owner_id": thing.owner_id}
        )
        return found
    named = {"owner_id": thing.owner_id, "search_name": thing.name}
    found, _made = SharedSet.objects.get_or_create(search_id=thing.search_id, defaults=named)
    return found


# --- members --------------------------------------------------------------------------------------


def add_member(shared: SharedSet, name: str, **terms: Any) -> ShareMember:
    """Let the person of that name open a set, or change the terms on which they do.

    Terms that are not given (those of `MemberTerms`) stay as they are. Raises `UserError` for names
    that nobody has, for the owner, and for roles and ends that cannot be.
    """
    people = get_user_model().objects.filter(is_active=True)
    person = people.filter(username=name.strip().replace("\0", "")[:150]).first()
    if person is None:
        told = _("Nobody here is called %(name)s.") % {"name": name.strip()[:60]}
        raise UserError(told, code="not_found", status=404)
    if person.pk == shared.owner_id:
        raise Conflict(_("It is yours already."))
    others = ShareMember.objects.filter(shared=shared).exclude(user=person)
    if others.count() >= MOST_MEMBERS:
        message = _("There can be %(limit)d members at most.") % {"limit": MOST_MEMBERS}
        raise UserError(message, code="too_many_shares", status=409)
    row = ShareMember.objects.filter(shared=shared, user=person).first()
    wanted = replace(terms_of(row) if row else MemberTerms(), **terms)
    _check(shared, person, wanted, row)
    row, _made = ShareMember.objects.update_or_create(
        shared=shared, user=person, defaults=asdict(wanted)
    )
    audit.note(Deed.SHARED, shared.owner, detail=f"{person.get_username()} ({wanted.role})")
    return row


def terms_of(row: ShareMember) -> MemberTerms:
    """Return the terms of a member."""
    return MemberTerms(row.role, row.expires_at, row.originals, row.places, row.names, row.captions)


def change_member(owner: User, member_id: uuid.UUID, **terms: Any) -> ShareMember | None:
    """Change the terms of a member of this owner's set; None if there is none. Raises `UserError`.

    Requests that are being answered go on with the former terms, all others with these.
    """
    rows = ShareMember.objects.filter(pk=member_id, shared__owner_id=_id(owner))
    row = rows.select_related("shared__owner", "shared__album", "user").first()
    return add_member(row.shared, row.user.get_username(), **terms) if row is not None else None


def _check(shared: SharedSet, person: Any, terms: MemberTerms, row: ShareMember | None) -> None:
    if terms.role not in ShareRole.values:
        raise UserError(_("The role must be viewer or contributor."), code="bad_parameter")
    if terms.role == ShareRole.CONTRIBUTOR and shared.album_id is None:
        raise Conflict(_("Photos cannot be added to a saved search. Share an album for that."))
    if terms.role == ShareRole.CONTRIBUTOR and is_viewer(person):
        told = _("The account of %(name)s only looks at photos.") % {"name": person.get_username()}
        raise Conflict(told)
    is_new = row is None or row.expires_at != terms.expires_at
    if is_new and terms.expires_at is not None and terms.expires_at <= timezone.now():
        raise UserError(_("It would have expired already."), code="bad_parameter")


def remove_member(owner: User, member_id: uuid.UUID) -> bool:
    """End a member's place in a set of this owner, at once and with what they added."""
    rows = ShareMember.objects.filter(pk=member_id, shared__owner_id=_id(owner))
    row = rows.select_related("shared__owner", "user").first()
    if row is None:
        return False
    row.delete()
    audit.note(Deed.SHARE_ENDED, row.shared.owner, detail=row.user.get_username())
    return True


def leave(user: User, shared_id: uuid.UUID) -> bool:
    """End one's own place in a set, with what one added."""
    return ShareMember.objects.filter(shared=shared_id, user_id=_id(user)).delete()[0] > 0


def open_as(user: User, shared_id: uuid.UUID) -> ShareAudience | None:
    """Return the audience that a signed-in person is in a set, as a member or as its owner."""
    if not user.is_authenticated:
        return None
    sets = SharedSet.objects.select_related("album", "owner").filter(owner__is_active=True)
    shared = sets.filter(pk=shared_id).first()
    if shared is None:
        return None
    if shared.owner_id == user.pk:
        return ShareAudience(shared)
    member = ShareMember.objects.filter(shared=shared, user_id=user.pk).first()
    return ShareAudience(shared, member=member) if member and not member.is_expired else None


def note_use(audience: ShareAudience, *, opened: bool = False) -> None:
    """Note that a member or a link was used, once a minute; `opened` counts pages of links."""
    grant = audience.member or audience.link
    if grant is None:
        return
    now = timezone.now()
    rows: type[ShareMember] | type[ShareLink] = type(grant)
    if grant.last_used_at is None or now - grant.last_used_at > _USE_RESOLUTION:
        rows.objects.filter(pk=grant.pk).update(last_used_at=now)
    if opened and audience.link is not None:
        ShareLink.objects.filter(pk=grant.pk).update(opened=F("opened") + 1)


# --- lists ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A shared set as lists show it. `role` is that of the person who asks, empty for the owner."""

    shared: SharedSet
    photos: int
    cover: Photo | None
    role: str = ""
    members: int = 0
    links: int = 0


def shared_by(user: User) -> list[Listed]:
    """Return what a person shares with anybody, by name."""
    sets = SharedSet.objects.visible_to(user).select_related("album", "owner")
    counted = sets.annotate(
        people=Count("members", distinct=True), addresses=Count("links", distinct=True)
    )
    rows = counted.filter(Q(people__gt=0) | Q(addresses__gt=0))
    found = [_listed(ShareAudience(row), members=row.people, links=row.addresses) for row in rows]
    return sorted(found, key=_by_name)


def shared_with(user: User) -> list[Listed]:
    """Return what others share with a person, by name."""
    places = ShareMember.objects.filter(user_id=_id(user), shared__owner__is_active=True)
    rows = places.select_related("shared__album", "shared__owner")
    found = [
        _listed(ShareAudience(row.shared, member=row), role=row.role)
        for row in rows
        if not row.is_expired
    ]
    return sorted(found, key=_by_name)


def _listed(audience: ShareAudience, *, role: str = "", members: int = 0, links: int = 0) -> Listed:
    photos = Photo.objects.visible_to(audience)
    return Listed(audience.shared, photos.count(), cover_of(photos), role, members, links)


def _by_name(row: Listed) -> tuple[str, str]:
    return row.shared.name.casefold(), str(row.shared.pk)


def _id(user: User) -> int:
    return cast("int", user.pk) if user.is_authenticated else 0


# --- photos that would be withheld ----------------------------------------------------------------


def withheld(shared: SharedSet, user: User) -> list[Photo]:
    """Return the photos of a person that would be in a set but are withheld, the newest first."""
    own = Photo.objects.visible_to(user, hidden=True)
    return list(own.filter(shared.all_photos()).filter(shared.withheld()).newest_first())


def release(shared: SharedSet, user: User, ids: Sequence[uuid.UUID]) -> int:
    """Have a set show withheld photos of this person all the same; return how many there were."""
    now = timezone.now()
    own = Photo.objects.visible_to(user, hidden=True).filter(pk__in=ids)
    photos = own.filter(shared.all_photos()).filter(shared.withheld())
    rows = [Release(shared=shared, photo=photo, released_at=now) for photo in photos]
    with transaction.atomic():
        Release.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["shared", "photo"],
            update_fields=["released_at"],
        )
    return len(rows)
