"""Photos that members add to an album of another person.

The member stays the owner of the photo. It is in the album by their will, and both of them can take
it out. It passes the same queue of sensitive pictures as every photo before others see it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.utils.translation import gettext as _

from gallery.models import Contribution, Photo, PhotoQuerySet, ShareAudience, SharedSet, User
from gallery.user_errors import UserError

MOST_PHOTOS = 2000
"""Photos that one member may add to one album."""


def add(audience: ShareAudience, user: User, ids: Sequence[uuid.UUID]) -> int:
    """Add photos of a member to the album; return how many were not in it before.

    Photos that are not theirs are ignored. Raises `UserError` for who may only look.
    """
    member = audience.member
    if member is None or not audience.may_contribute or member.user_id != user.pk:
        raise UserError(_("You can look at this, but add nothing to it."), status=403)
    here = Contribution.objects.filter(member=member)
    known = set(here.values_list("photo_id", flat=True))
    own = Photo.objects.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True)
    new = [pk for pk in own if pk not in known]
    if len(known) + len(new) > MOST_PHOTOS:
        message = _("You can add %(limit)d photos at most.") % {"limit": MOST_PHOTOS}
        raise UserError(message, code="too_many_shares", status=409)
    rows = [Contribution(member=member, photo_id=pk) for pk in new]
    Contribution.objects.bulk_create(rows, ignore_conflicts=True)
    return len(new)


def take_out(shared: SharedSet, user: User, ids: Sequence[uuid.UUID]) -> int:
    """Take added photos out again, own ones or as the owner of the album; return how many."""
    rows = Contribution.objects.editable_by(user).filter(member__shared=shared, photo__in=ids)
    return rows.delete()[0]


def may_take_out(audience: ShareAudience, user_id: int, photo: Photo) -> bool:
    """Tell whether this person may take a photo out that a member added."""
    shared = audience.shared
    rows = Contribution.objects.filter(member__shared=shared, photo=photo)
    return bool(user_id) and user_id in {shared.owner_id, photo.owner_id} and rows.exists()


def of_others(shared: SharedSet) -> PhotoQuerySet:
    """Return the live photos that members added, those that are withheld too."""
    added = Contribution.objects.filter(member__shared=shared)
    return Photo.objects.live().filter(pk__in=added.values("photo"))
