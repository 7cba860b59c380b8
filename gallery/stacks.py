"""Stacks: similar shots shown as one tile. Every change keeps to the rules of `Stack`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from gallery.decoding.answers import RAW_FORMATS
from gallery.locks import lock_owner
from gallery.models import Photo, PhotoQuerySet, Sensitive, Stack
from gallery.signals import photos_stacked

MAX_PHOTOS = 200
"""Photos that people may put into one stack: enough for a long burst. Larger sets are albums."""

_ONE_SHOT = timedelta(seconds=2)
_SAME_SHAPE = 1.03
"""How far the sides of a RAW file and its picture may be from one ratio; cameras cut a little."""


def create(photos: PhotoQuerySet, cover: Photo) -> Stack | None:
    """Stack live photos of one owner under `cover`, which is one of them.

    Photos that were in other stacks leave those. Returns None when fewer than two are live. If
    `cover` went to the trash in the meantime, the oldest photo becomes the cover.
    """
    with transaction.atomic():
        lock_owner(cover.owner_id)
        live = photos.live().filter(owner_id=cover.owner_id).order_by("shown_at", "pk")
        ids = list(live.select_for_update(no_key=True).values_list("pk", flat=True))
        if len(ids) < 2:
            return None
        if cover.pk not in ids:
            cover = Photo.objects.get(pk=ids[0])
        old_stacks = _stacks_of(ids)
        stack = Stack.objects.create(owner_id=cover.owner_id, cover=cover)
        members = Photo.objects.filter(pk__in=ids)
        members.exclude(pk=cover.pk).update(stack=stack, folded=True)
        members.filter(pk=cover.pk).update(stack=stack, folded=False)
        _repair(old_stacks)
        _announce(ids)
    return stack


def stack_shot(photo: Photo) -> None:
    """Stack a new photo with the others of its shot, if a camera wrote a RAW file and a picture.

    The picture is the cover. Both files stay, since neither is a copy of the other.
    """
    others = [other for other in _of_one_name(photo) if _is_one_shot(photo, other)]
    if not others:
        return
    shot = [photo, *others]
    pictures = [one for one in shot if one.format not in RAW_FORMATS]
    stacked = next((other.stack for other in others if other.stack is not None), None)
    if stacked is not None:
        join(stacked, photo)
    elif pictures and len(pictures) < len(shot):
        create(Photo.objects.filter(pk__in=[one.pk for one in shot]), pictures[0])


def _of_one_name(photo: Photo) -> list[Photo]:
    """Return the owner's other live photos whose file has the same name but for its extension."""
    stem = _stem(photo.name)
    named = Photo.objects.live().filter(owner_id=photo.owner_id, name__istartswith=f"{stem}.")
    others = named.exclude(pk=photo.pk)
    if not others.exists():
        return []
    found = others.select_related("stack")[:MAX_PHOTOS]
    return [other for other in found if _stem(other.name) == stem]


def _stem(name: str) -> str:
    return name.rpartition(".")[0].casefold()


def _is_one_shot(one: Photo, other: Photo) -> bool:
    """Tell whether a RAW file and a picture of one name come from one press of the shutter.

    Cameras use their names again after 10,000 shots, so the time has to agree, or, where one of
    the two has none, the camera and the shape.
    """
    if (one.format in RAW_FORMATS) == (other.format in RAW_FORMATS):
        return False
    if one.camera and other.camera and one.camera != other.camera:
        return False
    if one.taken_at and other.taken_at:
        # The clock on the wall, because often only one of the two files has the offset.
        return abs(one.wall_at - other.wall_at) <= _ONE_SHOT
    shapes = sorted(max(p.width, p.height) / min(p.width, p.height) for p in (one, other))
    return bool(one.camera and other.camera) and shapes[1] <= shapes[0] * _SAME_SHAPE


def join(stack: Stack, photo: Photo) -> None:
    """Put a photo of no stack into one, under its cover."""
    Photo.objects.filter(pk=photo.pk).update(stack=stack, folded=True)
    photo.stack, photo.folded = stack, True
    _repair([stack.pk])
    _announce([photo.pk])


def unstack(stack: Stack) -> None:
    """Dissolve the stack, so that each of its photos has its own tile again."""
    with transaction.atomic():
        lock_owner(stack.owner_id)
        members = Photo.objects.filter(stack=stack)
        ids = list(members.values_list("pk", flat=True))
        members.update(stack=None, folded=False)
        stack.delete()
        _announce(ids)


def set_cover(stack: Stack, cover: Photo) -> None:
    """Make another live photo of the stack its cover; any other photo is ignored."""
    with transaction.atomic():
        lock_owner(stack.owner_id)
        if Photo.objects.live().filter(pk=cover.pk, stack=stack).exists():
            Stack.objects.filter(pk=stack.pk).update(cover=cover)
            _repair([stack.pk])


def take_out(photo: Photo) -> None:
    """Take one photo out of its stack; the others stay stacked if there are two or more."""
    with transaction.atomic():
        lock_owner(photo.owner_id)
        old_stacks = _stacks_of([photo.pk])
        Photo.objects.filter(pk=photo.pk).update(stack=None, folded=False)
        _repair(old_stacks)
        _announce([photo.pk])


def members(stack_ids: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """Return the listed photos of each stack, the cover first, then by age; one query."""
    photo_ids: dict[UUID, list[UUID]] = {}
    live = Photo.objects.live().filter(stack__in=list(stack_ids))
    live = live.exclude(pk__in=Sensitive.objects.hiding().values("photo"))
    rows = live.cover_first().values_list("stack_id", "pk")
    for stack_id, photo_id in rows:
        if stack_id is not None:
            photo_ids.setdefault(stack_id, []).append(photo_id)
    return photo_ids


def repair(photo_ids: Collection[UUID]) -> None:
    """Repair the stacks of photos that went to the trash, came back or were deleted for ever.

    Photos in the trash stay members, so that they return to their stack. A stack with one live
    photo shows it like any other photo, and a live photo replaces a cover that is gone.
    """
    _repair(_stacks_of(photo_ids))


def _announce(ids: list[UUID]) -> None:
    transaction.on_commit(lambda: photos_stacked.send(sender=Stack, photo_ids=ids))


def _stacks_of(photo_ids: Collection[UUID]) -> list[UUID]:
    members = Photo.objects.filter(pk__in=photo_ids).exclude(stack=None)
    return list(members.values_list("stack_id", flat=True).distinct())


def _repair(stack_ids: Collection[UUID]) -> None:
    for stack in Stack.objects.filter(pk__in=stack_ids):
        members = Photo.objects.not_deleted().filter(stack=stack)
        live = list(members.live().order_by("shown_at", "pk").values_list("pk", flat=True))
        if members.count() < 2:
            unstack(stack)
            continue
        if live and stack.cover_id not in live:
            stack.cover_id = live[0]
            Stack.objects.filter(pk=stack.pk).update(cover=stack.cover_id)
        if stack.cover_id is not None:
            members.exclude(pk=stack.cover_id).filter(folded=False).update(folded=True)
            members.filter(pk=stack.cover_id).update(folded=False)
