"""Which photo of a group to keep by the criteria of its owner, and why."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType
from uuid import UUID

from django.db.models import Count
from django.template.defaultfilters import filesizeformat
from django.utils.text import get_text_list
from django.utils.translation import gettext as _, gettext_lazy, ngettext

from gallery.decoding.answers import RAW_FORMATS
from gallery.models import InAlbum, Photo
from gallery.slices import slices
from search.duplicates.groups.criteria import Criteria, Criterion
from search.duplicates.groups.figures import NOTHING, Figures

FORMATS = (*sorted(RAW_FORMATS), "TIFF", "PNG", "BMP", "HEIF", "JPEG", "AVIF", "WEBP", "GIF")
"""Formats from the one that preserves most to the one that preserves least.

First the negatives, then the lossless ones: scans, renderings and screenshots, of which the JPEG is
the copy. Then the formats that cameras and phones record, HEIF before JPEG because HEIF is exported
to JPEG. Then the formats made from those for web pages, and GIF with its 256 colours.
"""
_LOSSLESS = {"TIFF", "PNG", "BMP"}

_METADATA = {
    "gps": gettext_lazy("GPS"),
    "camera": gettext_lazy("camera"),
    "date": gettext_lazy("date"),
}

_EMBEDDED = {Photo.DateSource.CAMERA, Photo.DateSource.GPS, Photo.DateSource.METADATA}
"""Sources of a date that goes with the file. Names and times of files are guesses."""

# Values within this share of the best count as equal: encoders round sizes to whole blocks, and a
# fifth of the detail is hard to see.
_TOLERANCE: dict[str, float] = {
    Criterion.RESOLUTION: 0.01,
    Criterion.FILE_SIZE: 0.01,
    Criterion.DETAIL: 0.2,
    Criterion.SHARPEST: 0.03,
    Criterion.COLOUR: 0.65,
}
_GREY = 2.0  # levels of colour (see `Figures.colour`) below which a photo is grey
_FLAW = 0.02  # of the picture: smaller flaws are nothing
_WELL_LIT = 118.0  # mean grey level
_BURNT_SHOT = 5.0  # how much a burnt part counts where another shot shows it
_LIKE_LIT = 12.0  # levels by which the exposures of similar shots may differ

_AS_LARGE = 0.9  # of the pixels of the largest photo

_ADDED = {
    "framed": gettext_lazy("without a border"),
    "written": gettext_lazy("nothing laid over it"),
    "blown_up": gettext_lazy("not blown up"),
    "mirrored": gettext_lazy("not mirrored"),
}

# By these alone, a photo without the camera's data never beats one that has them: whoever blows
# a copy up, or saves it in a larger file, adds nothing.
_SIZES = {Criterion.RESOLUTION, Criterion.FILE_SIZE}

# What systems, editors and messengers add to the names of copies.
_COPY = re.compile(
    r"\(\d+\)|~\d+\.|IMG-\d{8}-WA\d+"
    r"|(?:^|[^a-z])(?:copy|kopie|copie|copia|edited|bearbeitet|resized|export)(?:[^a-z]|$)",
    re.IGNORECASE,
)

Values = dict[str, dict[UUID, float]]
"""How well photos do: criterion -> photo id -> value, more is better; nothing where unknown."""
Measured = Mapping[UUID, Figures]
"""What was measured of photos; some may be missing."""


@dataclass(frozen=True)
class RankedPhoto:
    """A photo and what speaks for it within its group, in words."""

    photo: Photo
    reasons: list[str]


# --- ranking --------------------------------------------------------------------------------------


def in_order(
    photos: Sequence[Photo],
    criteria: Criteria,
    albums: Mapping[UUID, int],
    measured: Measured = MappingProxyType({}),
) -> list[Photo]:
    """Return the photos of a group, the one to keep first.

    `albums` says in how many albums each photo is, 0 for those missing.
    """
    values = _values(photos, criteria, albums, measured)
    rest, ranked = list(photos), []
    while rest:
        chosen = _best(rest, criteria, values)
        rest.remove(chosen)
        ranked.append(chosen)
    return ranked


def rank(
    photos: Sequence[Photo],
    criteria: Criteria,
    albums: Mapping[UUID, int],
    measured: Measured = MappingProxyType({}),
) -> list[RankedPhoto]:
    """Return the photos with reasons, in the order that `in_order` gives them."""
    values = _values(photos, criteria, albums, measured)
    common = set(_METADATA).intersection(*map(_metadata_of, photos))
    return [
        RankedPhoto(photo, _reasons(photo, photos, criteria, values, common, measured))
        for photo in in_order(photos, criteria, albums, measured)
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
        rest = _left_by(name, rest, values[name])
    return min(rest, key=lambda photo: photo.pk)


def _left_by(name: str, photos: list[Photo], column: Mapping[UUID, float]) -> list[Photo]:
    """Return the photos that do best by a criterion, and those of which it is unknown."""
    known = [column[photo.pk] for photo in photos if photo.pk in column]
    if len(known) < 2:
        return photos
    most = max(known)
    least = most - _slack(name, most)
    left = [photo for photo in photos if column.get(photo.pk, most) >= least]
    if name in _SIZES and not any(map(_has_camera, left)):
        left += [photo for photo in photos if photo not in left and _has_camera(photo)]
    return left


def _slack(name: str, value: float) -> float:
    """Return by how much values may be below this one and still count as equal to it."""
    return _FLAW if name == Criterion.WHOLE else abs(value) * _TOLERANCE.get(name, 0)


def _values(
    photos: Sequence[Photo], criteria: Criteria, albums: Mapping[UUID, int], measured: Measured
) -> Values:
    middle = _middle_light([measured[photo.pk] for photo in photos if photo.pk in measured])
    largest = max((photo.width * photo.height for photo in photos), default=0)
    functions: dict[str, Callable[[Photo], float | None]] = {
        Criterion.NEGATIVE: lambda photo: photo.format in RAW_FORMATS,
        Criterion.DETAIL: lambda photo: measured.get(photo.pk, NOTHING).detail,
        Criterion.SHARPEST: lambda photo: _sharpness(photo, largest, measured),
        Criterion.COLOUR: lambda photo: _colour_value(measured.get(photo.pk, NOTHING)),
        Criterion.WHOLE: lambda photo: _whole_value(measured.get(photo.pk, NOTHING), middle),
        Criterion.METADATA: _metadata_value,
        Criterion.FORMAT: _format_value,
        Criterion.RESOLUTION: lambda photo: photo.width * photo.height,
        Criterion.FILE_SIZE: lambda photo: photo.size,
        Criterion.FAVOURITE: lambda photo: photo.favourite,
        Criterion.ALBUMS: lambda photo: albums.get(photo.pk, 0),
        Criterion.EARLIEST: lambda photo: -(photo.taken_at or photo.created_at).timestamp(),
        Criterion.NAME: lambda photo: _name_value(photo.name, criteria.pattern),
    }
    return {
        name: {photo.pk: found for photo in photos if (found := value(photo)) is not None}
        for name, value in functions.items()
    }


def _sharpness(photo: Photo, largest: int, measured: Measured) -> float | None:
    """Return the sharpness of a photo, if it is about as large as the largest one.

    A smaller copy looks sharper pixel by pixel, and shows no more.
    """
    is_large = photo.width * photo.height >= _AS_LARGE * largest
    return measured.get(photo.pk, NOTHING).sharpness if is_large else None


def _colour_value(figures: Figures) -> float | None:
    if figures.colour is None:
        return None
    return figures.colour if figures.colour >= _GREY else 0.0


def _whole_value(figures: Figures, middle: float) -> float | None:
    """Return the flaws of a photo below zero: what is added, what is missing, what is burnt out.

    Of similar shots, which may be a bracket, the one nearest to the `middle` exposure is wanted.
    """
    if figures.burnt is None:
        return None
    if figures.same_picture:
        added = sum(getattr(figures, name) or 0.0 for name in _ADDED)
        return -(figures.burnt + added + 1 - (figures.shown or 1.0))
    off = abs(figures.light - middle) if figures.light is not None else 0.0
    return -(_BURNT_SHOT * figures.burnt + max(0.0, off - _LIKE_LIT) / 255)


def _middle_light(measured: Sequence[Figures]) -> float:
    """Return the mean grey level of the middle shot; of only two, one well lit is wanted."""
    lights = [figures.light for figures in measured if figures.light is not None]
    return median(lights) if len(lights) > 2 else _WELL_LIT


def _metadata_value(photo: Photo) -> float:
    """Count what is known; the camera counts most, because nobody can add it afterwards."""
    return len(_metadata_of(photo)) + _has_camera(photo)


def _has_camera(photo: Photo) -> bool:
    return bool(photo.exif.get("make") or photo.exif.get("model"))


def _format_value(photo: Photo) -> float:
    return -FORMATS.index(photo.format) if photo.format in FORMATS else -len(FORMATS)


def _name_value(name: str, pattern: str) -> float:
    if pattern and fnmatch.fnmatchcase(name.lower(), pattern.lower()):
        return 1
    return -1 if _COPY.search(name) else 0


# --- reasons --------------------------------------------------------------------------------------


def _reasons(
    photo: Photo,
    photos: Sequence[Photo],
    criteria: Criteria,
    values: Values,
    common: set[str],
    measured: Measured,
) -> list[str]:
    """Return what speaks for a photo: only what sets it apart, and what people did with it.

    `common` is the metadata that all photos of the group have.
    """
    reasons: list[str] = []
    for name in criteria.order:
        value = values[name].get(photo.pk)
        if value is None:
            continue
        if name == Criterion.METADATA:
            own = _metadata_of(photo) - common
            reason = _metadata_reason(own) if own else ""
        elif name == Criterion.WHOLE:
            others = [one.pk for one in photos if one.pk != photo.pk]
            reason = _whole_reason(photo.pk, others, values[name], measured)
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
        "date": photo.taken_at and photo.date_source in _EMBEDDED,
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
    if max(others) > value + _slack(name, value) or min(others) >= value - _slack(name, value):
        return ""
    match name:
        case Criterion.NEGATIVE:
            return _("%(format)s, the negative") % {"format": photo.format}
        case Criterion.DETAIL:
            return _detail_reason(value, min(others))
        case Criterion.SHARPEST:
            return _("the sharpest of these")
        case Criterion.COLOUR:
            return _("in colour, not grey") if min(others) < _GREY else _("more colour")
        case Criterion.RESOLUTION:
            size = {"width": photo.width, "height": photo.height}
            return _("%(width)d×%(height)d, the largest") % size
        case Criterion.FORMAT if photo.format in RAW_FORMATS:
            return ""  # Said already, by the first criterion.
        case Criterion.FORMAT if photo.format in _LOSSLESS:
            return _("%(format)s, lossless") % {"format": photo.format}
        case Criterion.FORMAT:
            return _("%(format)s, the better format") % {"format": photo.format}
        case Criterion.FILE_SIZE:
            return _("%(size)s, the largest file") % {"size": filesizeformat(photo.size)}
        case Criterion.EARLIEST:
            return _("taken first") if photo.taken_at else _("added first")
    return _("name fits your pattern") if value > 0 else _("not named like a copy")


def _detail_reason(pixels: float, fewest: float) -> str:
    """Say in pixels what two photos really hold, in tens, and never more than their own pixels."""
    best, worst = (max(10, round(number) // 10 * 10) for number in (pixels, fewest))
    return _("real detail of %(best)d px, not %(worst)d px") % {"best": best, "worst": worst}


def _whole_reason(
    photo_id: UUID, others: Sequence[UUID], column: Mapping[UUID, float], measured: Measured
) -> str:
    """Return which flaws of others a photo does not have, if it has the fewest."""
    worse = [pk for pk in others if column.get(pk, 0.0) < column[photo_id] - _FLAW]
    if not worse or max(column.values()) > column[photo_id] + _FLAW:
        return ""
    own, theirs = measured[photo_id], [measured[pk] for pk in worse]
    reasons = []
    for name, words in _ADDED.items():
        if own.same_picture and not getattr(own, name) and any(getattr(x, name) for x in theirs):
            reasons.append(str(words))
    if own.same_picture and any((one.shown or 1.0) < (own.shown or 1.0) - _FLAW for one in theirs):
        reasons.append(_("shows more of the picture"))
    if any((one.burnt or 0.0) > (own.burnt or 0.0) + _FLAW for one in theirs):
        reasons.append(_("keeps light and dark parts"))
    if not own.same_picture and not reasons:
        reasons.append(_("better exposed"))
    return ", ".join(reasons)
