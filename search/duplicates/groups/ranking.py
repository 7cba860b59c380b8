"""Which photo of a group to keep, by criteria that its owner can order, and why."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.template.defaultfilters import filesizeformat

from gallery.models import Photo
from gallery.user_errors import UserError
from search.duplicates.models import KeeperCriteria
from search.duplicates.review.album_counts import album_counts

CRITERIA: dict[str, str] = {
    "resolution": "Most pixels",
    "metadata": "Has place, camera and date",
    "format": "Best format",
    "file_size": "Largest file",
    "favourite": "Favourite",
    "albums": "In more albums",
    "earliest": "Taken or added first",
    "name": "File name",
}
"""Names of criteria with their labels, in the order that holds until a person changes it.

What cannot be had back comes first: a reduced copy lacks pixels for ever, a re-encoded one often
the camera's data, and a conversion to another format, or to a smaller file of the same format,
some detail. Favourites, albums and tags come later, because the photo that is kept gets those of
the others. Age and name only settle what is equal in all else.
"""

PATTERN_LIMIT = 100

FORMATS = ("TIFF", "PNG", "BMP", "HEIF", "JPEG", "AVIF", "WEBP", "GIF")
"""Formats from the one that keeps most to the one that keeps least.

First those without loss: scans, renderings and screenshots, of which the JPEG is the copy. Then
what cameras and phones record, HEIF before JPEG because a JPEG is what HEIF is exported to. Then
what is made for web pages from those, and GIF with its 256 colours.
"""
_LOSSLESS = {"TIFF", "PNG", "BMP"}

# Values within this share of the best count as equal: encoders round sizes to whole blocks.
_TOLERANCE = {"resolution": 0.01, "file_size": 0.01}

# What systems, editors and messengers add to the names of copies.
_COPY = re.compile(
    r"\(\d+\)|~\d+\.|IMG-\d{8}-WA\d+"
    r"|(?:^|[^a-z])(?:copy|kopie|copie|copia|edited|bearbeitet|resized|export)(?:[^a-z]|$)",
    re.IGNORECASE,
)


Values = dict[str, dict[UUID, float]]


class BadCriteria(UserError):
    """A name that is no criterion, or a pattern that is too long; the message says which."""

    code = "bad_parameter"


@dataclass(frozen=True)
class Criteria:
    """Names of all criteria, the weightiest first, and a pattern (`fnmatch`) of names preferred."""

    order: list[str] = field(default_factory=lambda: list(CRITERIA))
    pattern: str = ""


@dataclass(frozen=True)
class Ranked:
    """A photo and what speaks for it within its group, in words."""

    photo: Photo
    reasons: list[str]


def saved(owner_id: int) -> Criteria:
    """Return what the owner with this id wants kept, or the order that holds for everybody."""
    row = KeeperCriteria.objects.filter(pk=owner_id).first()
    return Criteria(_whole(row.order), row.pattern) if row else Criteria()


def checked(order: Sequence[str], pattern: str) -> Criteria:
    """Return criteria as a person gave them; those left out follow. Raises `BadCriteria`."""
    for name in order:
        if name not in CRITERIA:
            raise BadCriteria(f"There is no criterion {name[:40]!r}.")
    if len(set(order)) < len(order):
        raise BadCriteria("A criterion can be given only once.")
    if len(pattern.strip()) > PATTERN_LIMIT:
        raise BadCriteria(f"The pattern can have at most {PATTERN_LIMIT} characters.")
    if not pattern.isprintable():
        raise BadCriteria("The pattern has characters that cannot be in a file name.")
    return Criteria(_whole(order), pattern.strip())


def _whole(order: Sequence[str]) -> list[str]:
    """Return all criteria, the given ones first."""
    given = [name for name in order if name in CRITERIA]
    return given + [name for name in CRITERIA if name not in given]


def best(photos: Sequence[Photo], criteria: Criteria, albums: Mapping[UUID, int]) -> Photo:
    """Return the photo to keep; `albums` says in how many albums each is, 0 for those missing."""
    return _best(photos, criteria, _values(photos, criteria, albums))


def rank(
    photos: Sequence[Photo], criteria: Criteria, albums: Mapping[UUID, int] | None = None
) -> list[Ranked]:
    """Return the photos of a group, the one to keep first.

    `albums` says in how many albums each photo is; it is asked of the database when not given.
    """
    if albums is None:
        albums = album_counts([photo.pk for photo in photos])
    values = _values(photos, criteria, albums)
    return [
        Ranked(photo, _reasons(photo, photos, criteria, values))
        for photo in _in_order(photos, criteria, values)
    ]


def in_order(
    photos: Sequence[Photo], criteria: Criteria, albums: Mapping[UUID, int]
) -> list[Photo]:
    """Return the photos of a group, the one to keep first, without reasons."""
    return _in_order(photos, criteria, _values(photos, criteria, albums))


def _in_order(photos: Sequence[Photo], criteria: Criteria, values: Values) -> list[Photo]:
    left, ranked = list(photos), []
    while left:
        chosen = _best(left, criteria, values)
        left.remove(chosen)
        ranked.append(chosen)
    return ranked


def _best(photos: Sequence[Photo], criteria: Criteria, values: Values) -> Photo:
    """One criterion after the other leaves only the best; the smallest id settles the rest."""
    left = list(photos)
    for name in criteria.order:
        if len(left) == 1:
            break
        column = values[name]
        most = max(column[photo.pk] for photo in left)
        least = most - abs(most) * _TOLERANCE.get(name, 0)
        left = [photo for photo in left if column[photo.pk] >= least]
    return min(left, key=lambda photo: photo.pk)


def _values(photos: Sequence[Photo], criteria: Criteria, albums: Mapping[UUID, int]) -> Values:
    """Return how well each photo does by each criterion: more is better."""
    columns = {
        name: {photo.pk: value(photo) for photo in photos} for name, value in _VALUES.items()
    }
    columns["albums"] = {photo.pk: albums.get(photo.pk, 0) for photo in photos}
    columns["name"] = {photo.pk: _name_value(photo.name, criteria.pattern) for photo in photos}
    return columns


def _known(photo: Photo) -> list[str]:
    """Return what the metadata of a photo tells, in words."""
    found = {
        "GPS": "latitude" in photo.exif and "longitude" in photo.exif,
        "camera": bool(photo.exif.get("make") or photo.exif.get("model")),
        "date": photo.taken_at is not None,
    }
    return [name for name, there in found.items() if there]


def _format_value(photo: Photo) -> float:
    return -FORMATS.index(photo.format) if photo.format in FORMATS else -len(FORMATS)


def _name_value(name: str, pattern: str) -> float:
    if pattern and fnmatch.fnmatchcase(name.lower(), pattern.lower()):
        return 1
    return -1 if _COPY.search(name) else 0


def _since(photo: Photo) -> float:
    return (photo.taken_at or photo.created_at).timestamp()


_VALUES: dict[str, Callable[[Photo], float]] = {
    "resolution": lambda photo: photo.width * photo.height,
    "metadata": lambda photo: len(_known(photo)),
    "format": _format_value,
    "file_size": lambda photo: photo.size,
    "favourite": lambda photo: photo.favourite,
    "earliest": lambda photo: -_since(photo),
}


def _reasons(photo: Photo, group: Sequence[Photo], criteria: Criteria, values: Values) -> list[str]:
    """Return what speaks for a photo: only what sets it apart, and what people did with it."""
    found: list[str] = []
    for name in criteria.order:
        if name == "metadata":
            found += _told(photo, group)
            continue
        column = values[name]
        value, slack = column[photo.pk], abs(column[photo.pk]) * _TOLERANCE.get(name, 0)
        leads = max(column.values()) <= value + slack and min(column.values()) < value - slack
        found += _words(name, photo, value, leads=leads)
    return found


def _told(photo: Photo, group: Sequence[Photo]) -> list[str]:
    """Return what the metadata of this photo tells and that of another does not."""
    everywhere = set.intersection(*(set(_known(one)) for one in group))
    names = [name for name in _known(photo) if name not in everywhere]
    return [f"has {_list_of(names)}"] if names else []


def _list_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _words(name: str, photo: Photo, value: float, *, leads: bool) -> list[str]:
    """Return the reason that one criterion gives, if any; `leads` if some others do worse."""
    if name == "favourite":
        return ["favourite"] if photo.favourite else []
    if name == "albums":
        return [f"in {value:.0f} album{'s' if value > 1 else ''}"] if value else []
    if not leads:
        return []
    if name == "resolution":
        return [f"{photo.width}×{photo.height}, the largest"]
    if name == "format":
        return [
            f"{photo.format}, {'lossless' if photo.format in _LOSSLESS else 'the better format'}"
        ]
    if name == "file_size":
        return [f"{filesizeformat(photo.size)}, the largest file"]
    if name == "earliest":
        return ["taken first" if photo.taken_at else "added first"]
    return ["name fits your pattern" if value > 0 else "not named like a copy"]
