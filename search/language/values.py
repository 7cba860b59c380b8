"""The values that each filter accepts: checks, the canonical form, and its meaning as numbers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from django.utils.translation import gettext, gettext_lazy as _

from gallery.areas import Area
from gallery.colours import NAMES as COLOURS
from gallery.facts import MAX_STARS
from search.language import dates

MAX_TEXT = 200
"""Characters of a name to look for."""
RADIUS_KM = 5.0
"""Radius of `near:` when none is given."""
MAX_RADIUS_KM = 20_004.0
"""Half of the circumference of Earth, so everywhere."""

_COLOUR_WORDS = {
    "gray": "grey", "violet": "purple", "magenta": "pink", "turquoise": "teal", "cyan": "teal",
    "rot": "red", "gelb": "yellow", "grün": "green", "blau": "blue", "lila": "purple",
    "rosa": "pink", "braun": "brown", "schwarz": "black", "weiß": "white", "weiss": "white",
    "grau": "grey", "türkis": "teal",
    "rouge": "red", "jaune": "yellow", "vert": "green", "bleu": "blue", "rose": "pink",
    "marron": "brown", "noir": "black", "blanc": "white", "gris": "grey",
    "rojo": "red", "naranja": "orange", "amarillo": "yellow", "verde": "green", "azul": "blue",
    "morado": "purple", "marrón": "brown", "negro": "black", "blanco": "white",
    "turquesa": "teal",
    "红": "red", "橙": "orange", "黄": "yellow", "绿": "green", "青": "teal", "蓝": "blue",
    "紫": "purple", "粉": "pink", "棕": "brown", "黑": "black", "白": "white", "灰": "grey",
}  # fmt: skip

# The values are those of `Photo.format` in lower case.
_TYPES = {
    "jpeg": "jpeg", "jpg": "jpeg", "jpe": "jpeg", "png": "png", "webp": "webp", "gif": "gif",
    "avif": "avif", "tiff": "tiff", "tif": "tiff", "bmp": "bmp", "heic": "heif", "heif": "heif",
    "raw": "raw", "nef": "nef", "cr2": "cr2", "cr3": "cr3", "arw": "arw", "dng": "dng",
    "raf": "raf", "orf": "orf", "rw2": "rw2", "pef": "pef", "srw": "srw",
}  # fmt: skip
EXTENSIONS = tuple(_TYPES)
"""The extensions that names of picture files have, in lower case, without the dot."""
_SHAPES = {
    "landscape": "landscape", "horizontal": "landscape", "portrait": "portrait",
    "vertical": "portrait", "square": "square",
}  # fmt: skip
_IS = {
    "favourite": "favourite", "favorite": "favourite", "fav": "favourite", "stacked": "stacked",
    "untagged": "untagged",
}  # fmt: skip
_HAS = {
    "gps": "gps", "location": "gps", "caption": "caption", "date": "date", "camera": "camera",
    "tag": "tag", "tags": "tag",
}  # fmt: skip

_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "mp": 10**6}
_COMPARISON = re.compile(r"(>=|<=|>|<|=)?\s{0,3}([^<>=\s][^<>=]{0,40})")
_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s?([kmg]?b|mp)?", re.IGNORECASE)
_RATIO = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,4})?)(?:[:x×/]([0-9]{1,5}(?:\.[0-9]{1,4})?))?", re.I)
_STARS = re.compile(r"[0-9]")
_NEAR = re.compile(
    r"([+-]?[0-9]{1,3}(?:\.[0-9]{1,9})?)\s?[,\s]\s?([+-]?[0-9]{1,3}(?:\.[0-9]{1,9})?)"
    r"(?:\s?[,\s]\s?([0-9]{1,6}(?:\.[0-9]{1,4})?)\s?(km|m|mi)?)?",
    re.IGNORECASE,
)
RADIUS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,4})?(?:km|m|mi)", re.IGNORECASE)
_KM = {"": 1.0, "km": 1.0, "m": 0.001, "mi": 1.609344}
_TOKEN = re.compile(r"[A-Za-z0-9_.:=~-]{4,200}")
_FRACTION = r"[01]?(\.[0-9]{1,9})?[01]?"
_HEX = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)

Check = Callable[[str], str | None]


@dataclass(frozen=True)
class Bounds:
    """A range of numbers; None where it is open. `unit` is "mp" for a size in pixels."""

    low: float | None = None
    high: float | None = None
    with_low: bool = True
    with_high: bool = True
    unit: str = ""

    def contains(self, number: float) -> bool:
        """Tell whether a number lies within."""
        above = self.low is None or number > self.low or (self.with_low and number == self.low)
        below = self.high is None or number < self.high or (self.with_high and number == self.high)
        return above and below


@dataclass(frozen=True)
class Place:
    """A point in degrees and a radius in kilometres."""

    latitude: float
    longitude: float
    km: float


def place(value: str) -> Place:
    """Return what a canonical value of `near:` means."""
    latitude, longitude, radius = value.removesuffix("km").split(",")
    return Place(float(latitude), float(longitude), float(radius))


def area(value: str) -> Area:
    """Return what a canonical value of `area:` means."""
    return Area(*map(float, value.split(",")))


def size(value: str) -> Bounds:
    """Return what a canonical value of `size:` means, in bytes or in pixels (unit "mp").

    A single size includes 10 % on either side, since nobody knows a size to the byte.
    """
    return _with_slack(_bounds(value, _size_number, unit="mp" if "mp" in value else ""), 0.1)


def rating(value: str) -> Bounds:
    """Return what a canonical value of `rating:` means, in stars."""
    return _bounds(value, float)


def aspect(value: str) -> Bounds:
    """Return what a canonical value of `aspect:` means, as width divided by height.

    A single ratio includes 2 % on either side, since few pictures match one to the pixel.
    """
    return _with_slack(_bounds(value, _ratio_number), 0.02)


def check(name: str, value: str) -> str | None:
    """Return the canonical form of a value; None when the filter does not accept it."""
    return _CHECKS.get(name, _text)(" ".join(value.split()))


def bound_of(name: str, value: str) -> str:
    """Return "low" or "high" for a value that bounds one side only, otherwise an empty string.

    Photos must meet a lower and an upper bound of one filter both; they are no alternatives.
    """
    if name in {"size", "rating", "aspect"}:
        return {">": "low", "<": "high"}.get(value[:1], "")
    if name == "date":
        return "low" if value.endswith("..") else "high" if value.startswith("..") else ""
    return ""


def photo_or_part(value: str) -> str | None:
    """Return the canonical id of a photo, with its box if there is one; None for anything else."""
    name, at, box = value.partition("@")
    fractions = _box(box) if at else ""
    if len(name) not in {32, 36} or fractions is None:
        return None
    with suppress(ValueError):
        return f"{uuid.UUID(name)}{at}{fractions}"
    return None


def picture_token(value: str) -> str | None:
    """Return the token of a picture; None when the text cannot be one."""
    return value if _TOKEN.fullmatch(value) else None


def _box(text: str) -> str | None:
    parts = text.split(",")
    if len(parts) != 4 or not all(re.fullmatch(_FRACTION, part) for part in parts):
        return None
    try:
        left, top, width, height = (round(float(part), 4) for part in parts)
    except ValueError:
        return None
    fits = left + width <= 1.0001 and top + height <= 1.0001 and width > 0 and height > 0
    return ",".join(f"{part:.4g}" for part in (left, top, width, height)) if fits else None


def _text(value: str) -> str | None:
    return value if 0 < len(value) <= MAX_TEXT else None


def _choice(choices: dict[str, str]) -> Check:
    return lambda value: choices.get(value.lower())


def _colour(value: str) -> str | None:
    value = value.lower()
    if _HEX.fullmatch(value) or value in COLOURS:
        return value
    return _COLOUR_WORDS.get(value.removesuffix("色"))


def _date(value: str) -> str | None:
    return dates.canonical(value.replace(" ", "-")) or dates.phrase_to_date(value)


def _point(value: str) -> str | None:
    canonical = _date(value)
    return None if canonical is None or ".." in canonical else canonical


def _range_of(check_number: Check) -> Check:
    """Return a check for ranges (`x`, `>x`, `>=x`, `<x`, `<=x`, `x+`, `x..y`) of such numbers."""

    def check_range(value: str) -> str | None:
        low, dots, high = value.partition("..")
        if dots:
            ends = [check_number(end) if end else "" for end in (low, high)]
            if None in ends or not any(ends):
                return None
            if all(ends):
                return f"{ends[0]}..{ends[1]}"
            return f">={ends[0]}" if ends[0] else f"<={ends[1]}"
        if value.endswith("+"):
            value = f">={value[:-1]}"
        match = _COMPARISON.fullmatch(value)
        number = check_number(match[2].strip()) if match else None
        if match is None or number is None:
            return None
        return number if match[1] in {None, "="} else f"{match[1]}{number}"

    return check_range


def _check_size_number(value: str) -> str | None:
    match = _SIZE.fullmatch(value)
    if match is None:
        return None
    unit = (match[2] or "").lower()
    return f"{_plain(float(match[1]))}{ {'mp': 'mp', '': 'B'}.get(unit, unit.upper()) }"


def _size(value: str) -> str | None:
    canonical = _range_of(_check_size_number)(value)
    # Bytes and megapixels in one range have no order.
    mixed = canonical is not None and ".." in canonical and canonical.count("mp") == 1
    return None if mixed else _in_order(canonical, size)


def _check_ratio_number(value: str) -> str | None:
    match = _RATIO.fullmatch(value)
    if match is None or float(match[1]) == 0 or (match[2] and float(match[2]) == 0):
        return None
    return f"{_plain(float(match[1]))}" + (f":{_plain(float(match[2]))}" if match[2] else "")


def _aspect(value: str) -> str | None:
    text = "2:1+" if value.lower() == "panorama" else value
    return _in_order(_range_of(_check_ratio_number)(text), aspect)


def _check_stars(value: str) -> str | None:
    return value if _STARS.fullmatch(value) and int(value) <= MAX_STARS else None


def _rating(value: str) -> str | None:
    return _in_order(_range_of(_check_stars)(value), rating)


def _in_order(canonical: str | None, read: Callable[[str], Bounds]) -> str | None:
    """Return the range unless its lower end lies above its upper end."""
    if canonical is None:
        return None
    bounds = read(canonical)
    reverse = bounds.low is not None and bounds.high is not None and bounds.low > bounds.high
    return None if reverse else canonical


def _near(value: str) -> str | None:
    match = _NEAR.fullmatch(value)
    if match is None:
        return None
    latitude, longitude = float(match[1]), float(match[2])
    radius = float(match[3]) * _KM[(match[4] or "").lower()] if match[3] else RADIUS_KM
    radius = round(radius, 3)
    if abs(latitude) > 90 or abs(longitude) > 180 or not 0 < radius <= MAX_RADIUS_KM:
        return None
    return f"{_plain(round(latitude, 6))},{_plain(round(longitude, 6))},{_plain(radius)}km"


def _area(value: str) -> str | None:
    found = Area.parse(value)
    return str(found) if found else None


def _plain(number: float) -> str:
    """Return a number without an exponent and without trailing zeros."""
    number += 0.0  # turns -0 into 0
    return f"{number:.6f}".rstrip("0").rstrip(".") if number % 1 else f"{number:.0f}"


def _bounds(value: str, number: Callable[[str], float], *, unit: str = "") -> Bounds:
    low, dots, high = value.partition("..")
    if dots:
        return Bounds(number(low), number(high), unit=unit)
    bare = number(value.lstrip("<>="))
    if value.startswith(">"):
        return Bounds(low=bare, with_low=value.startswith(">="), unit=unit)
    if value.startswith("<"):
        return Bounds(high=bare, with_high=value.startswith("<="), unit=unit)
    return Bounds(bare, bare, unit=unit)


def _with_slack(bounds: Bounds, share: float) -> Bounds:
    if bounds.low is None or bounds.low != bounds.high:
        return bounds
    return Bounds(bounds.low * (1 - share), bounds.low * (1 + share), unit=bounds.unit)


def _size_number(value: str) -> float:
    digits, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", value).groups()  # type: ignore[union-attr]
    return float(digits) * _BYTES[unit.lower()]


def _ratio_number(value: str) -> float:
    width, _colon, height = value.partition(":")
    return float(width) / float(height or 1)


_CHECKS: dict[str, Check] = {
    "after": _point, "before": _point, "date": _date, "orientation": _choice(_SHAPES),
    "aspect": _aspect, "colour": _colour, "type": _choice(_TYPES), "near": _near, "area": _area,
    "size": _size, "rating": _rating, "is": _choice(_IS), "has": _choice(_HAS),
    "in": _choice({"album": "album", "albums": "album"}),
}  # fmt: skip
_DAY = _("a year, month or day such as 2020, 2020-06, 2020-06-12, or last-week")
_ACCEPTED = {
    "after": _DAY,
    "before": _DAY,
    "date": _("2020, 2020-06, 2020-06-12, 2019..2021, summer-2023, yesterday or last-30-days"),
    "orientation": _("landscape, portrait or square"),
    "aspect": _("a ratio such as 3:2, 16:9, >2 or panorama"),
    "colour": _("%(colours)s, or #rrggbb"),
    "type": _("jpeg, png, heic, webp, gif, avif, tiff, bmp, raw, or a kind of raw such as dng"),
    "near": _("latitude, longitude and a radius such as 38.72,-9.14,5km"),
    "area": _("the south, west, north and east side in degrees, such as 38.6,-9.3,38.8,-9"),
    "size": _("a size such as >10MB, <500KB, 2MB..5MB or >12mp"),
    "rating": _("stars from 0 to %(stars)s such as 4, >=4 or 2..3"),
    "is": _("favourite, stacked or untagged"),
    "has": _("gps, caption, date, camera or tag"),
    "in": _("album; -in:album finds photos in no album"),
    "photo": _("the id of a photo, and for a part of it @left,top,width,height as fractions"),
    "picture": _("the token of a picture that was sent"),
}


def accepted_values(name: str) -> str:
    """Return in words which values a filter or picture term accepts."""
    if name not in _ACCEPTED:
        return gettext("words, at most %(limit)s characters") % {"limit": MAX_TEXT}
    return str(_ACCEPTED[name]) % {"colours": ", ".join(COLOURS), "stars": MAX_STARS}
