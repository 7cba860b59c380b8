"""Which photo of a group to keep, by criteria that its owner can order, and why."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count, TextChoices
from django.template.defaultfilters import filesizeformat
from django.utils.text import get_text_list
from django.utils.translation import gettext as _, gettext_lazy, ngettext

from gallery.models import InAlbum, Photo
from gallery.slices import slices
from gallery.user_errors import UserError
from search.duplicates.models import KeeperCriteria


class Criterion(TextChoices):
    """Criteria in the order that holds until a person changes it.

    What cannot be recovered comes first: a reduced copy lacks pixels for ever, a re-encoded one
    often the camera's data, and a conversion to another format, or to a smaller file of the same
    format, some detail. Favourites, albums and tags come later, because the photo that is kept
    gets those of the others. Age and name only decide between photos that are otherwise equal.
    """

    RESOLUTION = "resolution", gettext_lazy("Most pixels")
    METADATA = "metadata", gettext_lazy("Has place, camera and date")
    FORMAT = "format", gettext_lazy("Best format")
    FILE_SIZE = "file_size", gettext_lazy("Largest file")
    FAVOURITE = "favourite", gettext_lazy("Favourite")
    ALBUMS = "albums", gettext_lazy("In more albums")
    EARLIEST = "earliest", gettext_lazy("Taken or added first")
    NAME = "name", gettext_lazy("File name")


PATTERN_LIMIT = 100

FORMATS = ("TIFF", "PNG", "BMP", "HEIF", "JPEG", "AVIF", "WEBP", "GIF")
"""Formats from the one that preserves most to the one that preserves least.

First the lossless ones: scans, renderings and screenshots, of which the JPEG is the copy. Then the
formats that cameras and phones record, HEIF before JPEG because HEIF is exported to JPEG. Then the
formats made from those for web pages, and GIF with its 256 colours.
"""
_LOSSLESS = {"TIFF", "PNG", "BMP"}

_METADATA = {
    "gps": gettext_lazy("GPS"),
    "camera": gettext_lazy("camera"),
    "date": gettext_lazy("date"),
}

# Values within this share of the best count as equal: encoders round sizes to whole blocks.
_TOLERANCE: dict[str, float] = {Criterion.RESOLUTION: 0.01, Criterion.FILE_SIZE: 0.01}

# What systems, editors and messengers add to the names of copies.
_COPY = re.compile(
    r"\(\d+\)|~\d+\.|IMG-\d{8}-WA\d+"
    r"|(?:^|[^a-z])(?:copy|kopie|copie|copia|edited|bearbeitet|resized|export)(?:[^a-z]|$)",
    re.IGNORECASE,
)

Values = dict[str, dict[UUID, float]]
"""How well photos do: criterion -> photo id -> value, more is better."""


class BadCriteria(UserError):
    """A name that is no criterion, or a pattern that is too long; the message says which."""

    code = "bad_parameter"


@dataclass(frozen=True)
class Criteria:
    """All criteria, the most important first, and a pattern (`fnmatch`) of names preferred."""

    order: list[str] = field(default_factory=lambda: list(Criterion.values))
    pattern: str = ""


@dataclass(frozen=True)
class RankedPhoto:
    """A photo and what speaks for it within its group, in words."""

    photo: Photo
    reasons: list[str]


# --- the owner's criteria -------------------------------------------------------------------------


def criteria_of(owner_id: int | None) -> Criteria:
    """Return what the owner with this id wants to keep, or the default order."""
    row = KeeperCriteria.objects.filter(pk=owner_id or 0).first()
    return Criteria(_complete(row.order), row.pattern) if row else Criteria()


def parse_criteria(order: Sequence[str], pattern: str) -> Criteria:
    """Return criteria as a person gave them, followed by those left out. Raises `BadCriteria`."""
    for name in order:
        if name not in Criterion.values:
            raise BadCriteria(_("There is no criterion %(name)r.") % {"name": name[:40]})
    if len(set(order)) < len(order):
        raise BadCriteria(_("A criterion can be given only once."))
    if len(pattern.strip()) > PATTERN_LIMIT:
        message = _("The pattern can have at most %(limit)d characters.")
        raise BadCriteria(message % {"limit": PATTERN_LIMIT})
    if not pattern.isprintable():
        raise BadCriteria(_("The pattern has characters that cannot be in a file name."))
    return Criteria(_complete(order), pattern.strip())


def _complete(order: Sequence[str]) -> list[str]:
    """Return all criteria, the given ones first."""
    given = [name for name in order if name in Criterion.values]
    return given + [name for name in Criterion.values if name not in given]


# --- ranking --------------------------------------------------------------------------------------


def in_order(
    photos: Sequence[Photo], criteria: Criteria, albums: Mapping[UUID, int]
) -> list[Photo]:
    """Return the photos of a group, the one to keep first.

    `albums` says in how many albums each photo is, 0 for those missing.
    """
    values = _values(photos, criteria, albums)
    rest, ranked = list(photos), []
    while rest:
        chosen = _best(rest, criteria, values)
        rest.remove(chosen)
        ranked.append(chosen)
    return ranked


def rank(
    photos: Sequence[Photo], criteria: Criteria, albums: Mapping[UUID, int]
) -> list[RankedPhoto]:
    """Return the photos with reasons, in the order that `in_order` gives them."""
    values = _values(photos, criteria, albums)
    common = set(_METADATA).intersection(*map(_metadata_of, photos))
    return [
        RankedPhoto(photo, _reasons(photo, criteria, values, common))
        for photo in in_order(photos, criteria, albums)
    ]


def album_counts(photo_ids: Collection[UUID]) -> Counter[UUID]:
    """Return in how many albums each photo is; 0 for those in none."""
    counts: Counter[UUID] = Counter()
    for some in slices(photo_ids):
        rows = InAlbum.objects.filter(photo_id__in=some).values("photo_id")
        numbers = rows.annotate(number=Count("album_id")).values_list("photo_id", "number")
        counts.update(dict(numbers))
    return counts


def _best(photos: Sequence[Photo], criteria: Criteria, values: Values) -> Photo:
    """Let each criterion in turn leave only the best; the smallest id decides between the rest."""
    rest = list(photos)
    for name in criteria.order:
        if len(rest) == 1:
            break
        column = values[name]
        most = max(column[photo.pk] for photo in rest)
        least = most - abs(most) * _TOLERANCE.get(name, 0)
        rest = [photo for photo in rest if column[photo.pk] >= least]
    return min(rest, key=lambda photo: photo.pk)


def _values(photos: Sequence[Photo], criteria: Criteria, albums: Mapping[UUID, int]) -> Values:
    functions: dict[str, Callable[[Photo], float]] = {
        Criterion.RESOLUTION: lambda photo: photo.width * photo.height,
        Criterion.METADATA: lambda photo: len(_metadata_of(photo)),
        Criterion.FORMAT: _format_value,
        Criterion.FILE_SIZE: lambda photo: photo.size,
        Criterion.FAVOURITE: lambda photo: photo.favourite,
        Criterion.ALBUMS: lambda photo: albums.get(photo.pk, 0),
        Criterion.EARLIEST: lambda photo: -(photo.taken_at or photo.created_at).timestamp(),
        Criterion.NAME: lambda photo: _name_value(photo.name, criteria.pattern),
    }
    return {name: {photo.pk: value(photo) for photo in photos} for name, value in functions.items()}


def _format_value(photo: Photo) -> float:
    return -FORMATS.index(photo.format) if photo.format in FORMATS else -len(FORMATS)


def _name_value(name: str, pattern: str) -> float:
    if pattern and fnmatch.fnmatchcase(name.lower(), pattern.lower()):
        return 1
    return -1 if _COPY.search(name) else 0


# --- reasons --------------------------------------------------------------------------------------


def _reasons(photo: Photo, criteria: Criteria, values: Values, common: set[str]) -> list[str]:
    """Return what speaks for a photo: only what sets it apart, and what people did with it.

    `common` is the metadata that all photos of the group have.
    """
    reasons: list[str] = []
    for name in criteria.order:
        value = values[name][photo.pk]
        if name == Criterion.METADATA:
            reason = _metadata_reason(_metadata_of(photo) - common) if value > len(common) else ""
        elif name == Criterion.ALBUMS:
            reason = _albums_reason(round(value)) if value else ""
        elif name == Criterion.FAVOURITE:
            reason = _("favourite") if photo.favourite else ""
        else:
            reason = _lead_reason(name, photo, values[name])
        if reason:
            reasons.append(reason)
    return reasons


def _metadata_of(photo: Photo) -> set[str]:
    """Return which of `_METADATA` a photo has."""
    has = {
        "gps": "latitude" in photo.exif and "longitude" in photo.exif,
        "camera": photo.exif.get("make") or photo.exif.get("model"),
        "date": photo.taken_at,
    }
    return {name for name, value in has.items() if value}


def _metadata_reason(names: set[str]) -> str:
    labels = [str(label) for name, label in _METADATA.items() if name in names]
    return _("has %(names)s") % {"names": get_text_list(labels, _("and"))}


def _albums_reason(count: int) -> str:
    return ngettext("in %(count)d album", "in %(count)d albums", count) % {"count": count}


def _lead_reason(name: str, photo: Photo, column: Mapping[UUID, float]) -> str:
    """Return the reason if a photo does best by a criterion and others do worse, else ""."""
    value, others = column[photo.pk], column.values()
    slack = abs(value) * _TOLERANCE.get(name, 0)
    if max(others) > value + slack or min(others) >= value - slack:
        return ""
    match name:
        case Criterion.RESOLUTION:
            size = {"width": photo.width, "height": photo.height}
            return _("%(width)d×%(height)d, the largest") % size
        case Criterion.FORMAT if photo.format in _LOSSLESS:
            return _("%(format)s, lossless") % {"format": photo.format}
        case Criterion.FORMAT:
            return _("%(format)s, the better format") % {"format": photo.format}
        case Criterion.FILE_SIZE:
            return _("%(size)s, the largest file") % {"size": filesizeformat(photo.size)}
        case Criterion.EARLIEST:
            return _("taken first") if photo.taken_at else _("added first")
    return _("name fits your pattern") if value > 0 else _("not named like a copy")
