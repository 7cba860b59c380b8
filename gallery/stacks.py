"""Stacks: similar shots shown as one tile. Every change keeps the promise of `Stack`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db import transaction

from gallery.locks import lock_owner
from gallery.models import Photo, Stack
from gallery.models.photos import PhotoQuerySet
from gallery.signals import photos_stacked

LARGEST = 200
"""Photos that people may put into one stack: a long burst, and no album by another name."""


def stack(photos: PhotoQuerySet, cover: Photo) -> Stack | None:
    """Stack the given live photos of one owner under `cover`, which is one of them.

    Photos that were in other stacks leave those. Returns None when fewer than two are live, and
    takes the oldest photo as the cover when `cover` went to the trash meanwhile.
    """
    with transaction.atomic():
        lock_owner(cover.owner_id)
        live = photos.live().filter(owner_id=cover.owner_id).order_by("shown_at", "pk")
        ids = list(live.select_for_update(no_key=True).values_list("pk", flat=True))
        if len(ids) < 2:
            return None
        if cover.pk not in ids:
            cover = Photo.objects.get(pk=ids[0])
        left = _stacks_of(ids)
        made = Stack.objects.create(owner_id=cover.owner_id, cover=cover)
        chosen = Photo.objects.filter(pk__in=ids)
        chosen.exclude(pk=cover.pk).update(stack=made, folded=True)
        chosen.filter(pk=cover.pk).update(stack=made, folded=False)
        _mend(left)
        _tell(ids)
    return made


def unstack(made: Stack) -> None:
    """Show every photo of the stack on its own again."""
    with transaction.atomic():
        lock_owner(made.owner_id)
        stacked = Photo.objects.filter(stack=made)
        ids = list(stacked.values_list("pk", flat=True))
        stacked.update(stack=None, folded=False)
        made.delete()
        _tell(ids)


def set_cover(made: Stack, cover: Photo) -> None:
    """Show the stack as another one of its live photos; others are ignored."""
    with transaction.atomic():
        lock_owner(made.owner_id)
        if Photo.objects.live().filter(pk=cover.pk, stack=made).exists():
            Stack.objects.filter(pk=made.pk).update(cover=cover)
            _mend([made.pk])


def take_out(photo: Photo) -> None:
    """Show one photo on its own again; the others stay stacked while there are two of them."""
    with transaction.atomic():
        lock_owner(photo.owner_id)
        left = _stacks_of([photo.pk])
        Photo.objects.filter(pk=photo.pk).update(stack=None, folded=False)
        _mend(left)
        _tell([photo.pk])


def members(stack_ids: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """Return the live photos of each stack, the cover first, then the oldest; one query."""
    found: dict[UUID, list[UUID]] = {}
    live = Photo.objects.live().filter(stack__in=list(stack_ids))
    rows = live.cover_first().values_list("stack_id", "pk")
    for stack_id, photo_id in rows:
        if stack_id is not None:
            found.setdefault(stack_id, []).append(photo_id)
    return found


def mend(photo_ids: Collection[UUID]) -> None:
    """Put the stacks of these photos right after the photos moved or were deleted for ever.

    Trashed photos stay members, so that they return to their stack; a stack with one live photo
    shows it as any other, and a live photo becomes the cover where the old one is gone.
    """
    _mend(_stacks_of(photo_ids))


def _tell(ids: list[UUID]) -> None:
    transaction.on_commit(lambda: photos_stacked.send(sender=Stack, photo_ids=ids))


def _stacks_of(photo_ids: Collection[UUID]) -> list[UUID]:
    members = Photo.objects.filter(pk__in=photo_ids).exclude(stack=None)
    return list(members.values_list("stack_id", flat=True).distinct())


def _mend(stack_ids: Collection[UUID]) -> None:
    for made in Stack.objects.filter(pk__in=stack_ids):
        kept = Photo.objects.kept().filter(stack=made)
        live = list(kept.live().order_by("shown_at", "pk").values_list("pk", flat=True))
        if kept.count() < 2:
            unstack(made)
            continue
        if live and made.cover_id not in live:
            made.cover_id = live[0]
            Stack.objects.filter(pk=made.pk).update(cover=made.cover_id)
        if made.cover_id is not None:
            kept.exclude(pk=made.cover_id).filter(folded=False).update(folded=True)
            kept.filter(pk=made.cover_id).update(folded=False)
