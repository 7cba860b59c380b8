"""What people put on a photo: the heart of a favourite, stars, a caption and tags.

Photos in the trash keep their marks, but nothing counts them until they are restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from gallery.facts import MAX_STARS
from gallery.models import LIVE_PHOTO, Photo, PhotoQuerySet, Tag, Tagged, User, hidden_photos
from gallery.names import TAGS_PER_PHOTO, BadName, clean_caption, clean_tag, clean_tags

STARS = [str(stars) for stars in range(MAX_STARS + 1)]
"""Ratings as forms and keys send them; "0" removes the stars."""

SUGGESTION_LIMIT = 500
"""Names that a page suggests while somebody types; more would only make the page heavy."""


def set_favourite(photos: PhotoQuerySet, *, on: bool) -> int:
    """Mark live photos as favourites or remove the mark; return how many changed."""
    return photos.live().filter(favourite=not on).update(favourite=on)


def set_rating(photos: PhotoQuerySet, *, stars: int) -> int:
    """Give live photos 1 to 5 stars, or remove them with 0; return how many changed.

    Raises `BadName` for any other number.
    """
    check_stars(stars)
    return photos.live().exclude(rating=stars).update(rating=stars)


def check_stars(stars: int) -> None:
    """Raise `BadName` for a number of stars that no photo can have."""
    if not 0 <= stars <= MAX_STARS:
        raise BadName(_("A photo can have 0 to %(limit)d stars.") % {"limit": MAX_STARS})


def update(
    photo: Photo,
    *,
    favourite: bool | None = None,
    caption: str | None = None,
    tags: Iterable[str] | None = None,
    rating: int | None = None,
) -> None:
    """Change the marks that are given, or none of them if one is bad; raise `BadName`."""
    text = None if caption is None else clean_caption(caption)
    names = None if tags is None else clean_tags(tags)
    if rating is not None:
        check_stars(rating)
    columns = {"favourite": favourite, "caption": text, "rating": rating}
    changes = {column: value for column, value in columns.items() if value is not None}
    with transaction.atomic():
        row = Photo.objects.filter(pk=photo.pk)
        # The lock keeps the photo from being deleted before the transaction ends.
        if not list(row.live().select_for_update().values_list("pk", flat=True)):
            return
        if changes:
            row.update(**changes)
        if names is not None:
            photo.tags.set(get_or_create_tags(photo.owner_id, names))
    for column, value in changes.items():
        setattr(photo, column, value)


def add_tags(photo: Photo, texts: Iterable[str]) -> None:
    """Add tags to those that the photo has; raise `BadName`."""
    with transaction.atomic():
        update(photo, tags=[*photo.tags.values_list("name", flat=True), *texts])


def tag_photos(user: User, text: str, photos: PhotoQuerySet) -> list[UUID]:
    """Give a tag to live photos of this user, and return those that did not have it.

    Photos that have `TAGS_PER_PHOTO` tags are left as they are. Raises `BadName`.
    """
    name = clean_tag(text)
    with transaction.atomic():
        tag, _created = Tag.objects.get_or_create(owner_id=user.pk, name=name)
        rows = photos.live().filter(owner_id=user.pk).exclude(tags=tag).select_for_update()
        ids = list(rows.values_list("pk", flat=True))
        counts = Tagged.objects.filter(photo__in=ids).values("photo").annotate(n=Count("pk"))
        full = set(counts.filter(n__gte=TAGS_PER_PHOTO).values_list("photo", flat=True))
        new = [photo_id for photo_id in ids if photo_id not in full]
        tagged = [Tagged(photo_id=photo_id, tag_id=tag.pk) for photo_id in new]
        Tagged.objects.bulk_create(tagged, ignore_conflicts=True)
    return new


def untag_photos(user: User, text: str, photos: PhotoQuerySet) -> int:
    """Take a tag off photos of this user; return how many had it. Raises `BadName`."""
    tagged = Tagged.objects.filter(tag__owner_id=user.pk, tag__name=clean_tag(text))
    return int(tagged.filter(photo__in=photos).delete()[0])


def remove_tag(photo: Photo, name: str) -> None:
    """Take a tag off the photo. Other photos keep it."""
    photo.tags.remove(*photo.tags.filter(name=name))


def get_or_create_tags(owner_id: int, names: Sequence[str]) -> list[Tag]:
    """Return the tags of these names, which `clean_tag` returned; new ones are made."""
    tags = [Tag(owner_id=owner_id, name=name) for name in names]
    Tag.objects.bulk_create(tags, ignore_conflicts=True)
    return list(Tag.objects.filter(owner_id=owner_id, name__in=names))


def tags_in_use(user: User) -> list[str]:
    """Return the names of tags that live photos of this user have, at most `SUGGESTION_LIMIT`."""
    live = Tagged.objects.filter(LIVE_PHOTO, tag_id=OuterRef("pk"))
    live = live.exclude(photo__in=hidden_photos(user))
    used = Tag.objects.filter(Exists(live), owner_id=user.pk).order_by(Lower("name"), "name")
    return list(used.values_list("name", flat=True)[:SUGGESTION_LIMIT])


def photos_with_tag(user: User, name: str) -> PhotoQuerySet:
    """Return this user's photos with the tag; raise `Tag.DoesNotExist` or `BadName`."""
    tag = Tag.objects.get(owner_id=user.pk, name=clean_tag(name))
    return Photo.objects.visible_to(user).filter(tags=tag)
