"""The chips above the results: each part of a query, with the picture that it speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import reverse
from django.utils.http import urlencode

from gallery.models import Photo
from search import language, sent_pictures
from search.language import Chip, Query

User = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True)
class ShownChip:
    """A chip as it is drawn; the addresses lead to the query without it or with its sign turned.

    `image` is the address of the picture that a term shows, `link` that of its photo; both are
    empty for words and filters.
    """

    chip: Chip
    label: str
    without: str
    flipped: str
    image: str = ""
    link: str = ""


def shown(user: User, query: Query) -> list[ShownChip]:
    """Return a chip for each part of a query, terms first."""
    return [_shown(user, chip) for chip in language.chips(query)]


def address(text: str) -> str:
    """Return the address of a search for a query; without one, that of all photos."""
    return f"{reverse('search')}?{urlencode({'q': text})}" if text else reverse("grid")


def _shown(user: User, chip: Chip) -> ShownChip:
    label, image, link = chip.label, "", ""
    if chip.kind in {"photo", "region"}:
        label, image, link = _of_photo(user, chip)
    elif chip.kind == "picture":
        label, image = _of_sent(user, chip)
    return ShownChip(chip, label, address(chip.without), address(chip.flipped), image, link)


def _of_photo(user: User, chip: Chip) -> tuple[str, str, str]:
    photo_id = _named(chip).split("@")[0]
    photo = Photo.objects.visible_to(user).filter(pk=photo_id).first()
    if photo is None:
        return "A photo that is not here", "", ""
    label = f"Part of {photo.name}" if chip.kind == "region" else f"Similar to {photo.name}"
    image = reverse("thumbnail", args=[photo.pk]) if photo.decoded_at else ""
    return label, image, photo.get_absolute_url()


def _of_sent(user: User, chip: Chip) -> tuple[str, str]:
    row = sent_pictures.of(user, _named(chip))
    if row is None:
        return "A picture that is not kept any more", ""
    return f"Looks like {row.name or 'your picture'}", reverse("sent-picture", args=[row.pk])


def _named(chip: Chip) -> str:
    """Return the id in a term such as `-0.5:photo:<id>`."""
    return UUID(chip.text.split("@")[0].rpartition(":")[2]).hex
