"""Of which photos the best are asked for: an album, a day, the burst of a photo, or all."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Q
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from gallery.models import Album, Photo, PhotoQuerySet, User
from gallery.templatetags import dates
from gallery.user_errors import UserError
from search.duplicates.models import GroupMember


class BadScope(UserError):
    """A day or an id that cannot be read, or several scopes at once; the message says which."""

    code = "bad_parameter"


@dataclass(frozen=True)
class Scope:
    """Photos and what they are called, as in "Best of Rome"."""

    photos: PhotoQuerySet
    title: str


def scope_of(user: User, *, album: str = "", day: str = "", of: str = "") -> Scope:
    """Return the photos asked for; at most one of the three may be given.

    Raises `BadScope`, and Http404 for what the user may not know of.
    """
    if sum(map(bool, (album, day, of))) > 1:
        raise BadScope(_("Give an album, a day or a photo, not several of them."))
    photos = Photo.objects.visible_to(user)
    if album:
        row = get_object_or_404(Album.objects.visible_to(user), pk=_id(album))
        return Scope(photos.filter(albums=row), _("Best of %(name)s") % {"name": row.name})
    if day:
        return _of_day(photos, day)
    if of:
        return _of_burst(photos, _id(of))
    return Scope(photos, _("Best of all photos"))


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None


def _of_day(photos: PhotoQuerySet, day: str) -> Scope:
    try:
        start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
        end = start + timedelta(days=1)
    except (ValueError, OverflowError):
        raise BadScope(_("A day is written like 2024-05-31.")) from None
    # The clock on the wall is kept as if it were UTC.
    same = photos.filter(wall_at__gte=start, wall_at__lt=end)
    return Scope(same, _("Best of %(name)s") % {"name": dates.day(start)})


def _of_burst(photos: PhotoQuerySet, photo_id: uuid.UUID) -> Scope:
    photo = get_object_or_404(photos, pk=photo_id)
    groups = GroupMember.objects.filter(photo=photo).values("group")
    alike = GroupMember.objects.filter(group__in=groups).values("photo")
    together = Q(pk=photo.pk) | Q(pk__in=alike)
    if photo.stack_id is not None:
        together |= Q(stack=photo.stack_id)
    return Scope(
        photos.filter(together), _("Best of the shots like %(name)s") % {"name": photo.name}
    )
