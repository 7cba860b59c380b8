"""The values that each filter takes: checked, brought into one form, and read back as figures."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from gallery.colours import NAMES as COLOURS
from gallery.facts import MAX_STARS
from search.language import datewords, days
from search.language.scanner import single_spaced

MAX_TEXT = 200
"""Characters of a name that is looked for."""
RADIUS_KM = 5.0
"""How far `near:` goes when no radius is given."""
MAX_RADIUS_KM = 20_004.0
"""Half of the equator's meridian: everywhere."""
MIN_TOKEN, MAX_TOKEN = 4, 200

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

# As `Photo.format` has them.
_TYPES = {
    "jpeg": "jpeg", "jpg": "jpeg", "jpe": "jpeg", "png": "png", "webp": "webp", "gif": "gif",
    "avif": "avif", "tiff": "tiff", "tif": "tiff", "bmp": "bmp", "heic": "heif", "heif": "heif",
}  # fmt: skip
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
_COMPARED = re.compile(r"(>=|<=|>|<|=)?\s{0,3}([^<>=\s][^<>=]{0,40})")
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
_TOKEN = re.compile(rf"[A-Za-z0-9_.:=~-]{{{MIN_TOKEN},{MAX_TOKEN}}}")
_HEX = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)

Check = Callable[[str], str | None]


@dataclass(frozen=True)
class Bounds:
    """A range of figures; None where it is open. `unit` is "mp" for megapixels of a size."""

    low: float | None = None
    high: float | None = None
    with_low: bool = True
    with_high: bool = True
    unit: str = ""

    def hold(self, figure: float) -> bool:
        """Tell whether a figure lies within."""
        above = self.low is None or figure > self.low or (self.with_low and figure == self.low)
        below = self.high is None or figure < self.high or (self.with_high and figure == self.high)
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


def size(value: str) -> Bounds:
    """Return what a canonical value of `size:` means, in bytes or in pixels (unit "mp").

    A single size takes in those within 10 %, since nobody knows theirs to the byte.
    """
    found = _bounds(value, _figure_of_size, unit="mp" if "mp" in value else "")
    if found.low is not None and found.low == found.high:
        return Bounds(found.low * 0.9, found.low * 1.1, unit=found.unit)
    return found


def rating(value: str) -> Bounds:
    """Return what a canonical value of `rating:` means, in stars."""
    return _bounds(value, float)


def aspect(value: str) -> Bounds:
    """Return what a canonical value of `aspect:` means, as width divided by height.

    A single ratio takes in those within 2 %, since few pictures have theirs to the pixel.
    """
    found = _bounds(value, _figure_of_ratio)
    if found.low is not None and found.low == found.high:
        return Bounds(found.low * 0.98, found.low * 1.02)
    return found


def check(name: str, value: str) -> str | None:
    """Return the value of a filter in its one form; None when the filter does not take it."""
    return _CHECKS.get(name, _text)(single_spaced(value))


def bounded(name: str, value: str) -> str:
    """Return "low" or "high" for a value that bounds one side only, otherwise nothing.

    A lower and an upper bound of one kind are both to be met, not either.
    """
    if name in {"size", "rating", "aspect"}:
        return {">": "low", "<": "high"}.get(value[:1], "")
    if name == "date":
        return "low" if value.endswith("..") else "high" if value.startswith("..") else ""
    return ""


def photo_or_region(value: str) -> str | None:
    """Return the id of a photo, with its box if there is one, in their one form."""
    name, at, box = value.partition("@")
    try:
        photo_id = str(uuid.UUID(name)) if len(name) in {32, 36} else ""
    except ValueError:
        return None
    fractions = _box(box) if at else ""
    if not photo_id or fractions is None:
        return None
    return f"{photo_id}@{fractions}" if at else photo_id


def token(value: str) -> str | None:
    """Return the token of a picture; None when it cannot be one."""
    return value if _TOKEN.fullmatch(value) else None


def _box(text: str) -> str | None:
    parts = text.split(",")
    if len(parts) != 4 or not all(re.fullmatch(r"[01]?(\.[0-9]{1,9})?[01]?", p) for p in parts):
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


def _days(value: str) -> str | None:
    return days.canonical(value.replace(" ", "-")) or datewords.whole(value)


def _point(value: str) -> str | None:
    found = _days(value)
    return None if found is None or ".." in found else found


def _range_of(figure: Callable[[str], str | None]) -> Check:
    """Return a check for `x`, `>x`, `>=x`, `<x`, `<=x`, `x+` and `x..y` of what `figure` takes."""

    def checked(value: str) -> str | None:
        low, dots, high = value.partition("..")
        if dots:
            ends = [figure(end) if end else "" for end in (low, high)]
            if None in ends or not any(ends):
                return None
            return f"{ends[0]}..{ends[1]}" if all(ends) else _one_sided(*ends)
        if value.endswith("+"):
            value = f">={value[:-1]}"
        found = _COMPARED.fullmatch(value)
        one = figure(found[2].strip()) if found else None
        if found is None or one is None:
            return None
        return one if found[1] in {None, "="} else f"{found[1]}{one}"

    return checked


def _one_sided(low: str | None, high: str | None) -> str:
    return f">={low}" if low else f"<={high}"


def _size_figure(value: str) -> str | None:
    found = _SIZE.fullmatch(value)
    if found is None:
        return None
    unit = (found[2] or "").lower()
    return f"{_plain(float(found[1]))}{ {'mp': 'mp', '': 'B'}.get(unit, unit.upper()) }"


def _size(value: str) -> str | None:
    found = _range_of(_size_figure)(value)
    # Bytes and megapixels in one range have no order.
    mixed = found is not None and ".." in found and found.count("mp") == 1
    return None if mixed or found is None or _is_upside_down(size(found)) else found


def _ratio_figure(value: str) -> str | None:
    found = _RATIO.fullmatch(value)
    if found is None or float(found[1]) == 0 or (found[2] and float(found[2]) == 0):
        return None
    return f"{_plain(float(found[1]))}" + (f":{_plain(float(found[2]))}" if found[2] else "")


def _aspect(value: str) -> str | None:
    found = _range_of(_ratio_figure)("2:1+" if value.lower() == "panorama" else value)
    return None if found is None or _is_upside_down(aspect(found)) else found


def _rating(value: str) -> str | None:
    found = _range_of(lambda v: v if _STARS.fullmatch(v) and int(v) <= MAX_STARS else None)(value)
    return None if found is None or _is_upside_down(rating(found)) else found


def _near(value: str) -> str | None:
    found = _NEAR.fullmatch(value)
    if found is None:
        return None
    latitude, longitude = float(found[1]), float(found[2])
    radius = float(found[3]) * _KM[(found[4] or "").lower()] if found[3] else RADIUS_KM
    radius = round(radius, 3)
    if abs(latitude) > 90 or abs(longitude) > 180 or not 0 < radius <= MAX_RADIUS_KM:
        return None
    return f"{_plain(round(latitude, 6))},{_plain(round(longitude, 6))},{_plain(radius)}km"


def _plain(figure: float) -> str:
    """Return a figure without an exponent and without zeros that say nothing."""
    figure += 0.0  # makes -0 a plain 0
    return f"{figure:.6f}".rstrip("0").rstrip(".") if figure % 1 else f"{figure:.0f}"


def _bounds(value: str, figure: Callable[[str], float], *, unit: str = "") -> Bounds:
    low, dots, high = value.partition("..")
    if dots:
        return Bounds(figure(low), figure(high), unit=unit)
    bare = figure(value.lstrip("<>="))
    if value.startswith(">"):
        return Bounds(low=bare, with_low=value.startswith(">="), unit=unit)
    if value.startswith("<"):
        return Bounds(high=bare, with_high=value.startswith("<="), unit=unit)
    return Bounds(bare, bare, unit=unit)


def _is_upside_down(bounds: Bounds) -> bool:
    return bounds.low is not None and bounds.high is not None and bounds.low > bounds.high


def _figure_of_size(value: str) -> float:
    figure, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", value).groups()  # type: ignore[union-attr]
    return float(figure) * _BYTES[unit.lower()]


def _figure_of_ratio(value: str) -> float:
    width, _, height = value.partition(":")
    return float(width) / float(height or 1)


_CHECKS: dict[str, Check] = {
    "after": _point,
    "before": _point,
    "date": _days,
    "orientation": _choice(_SHAPES),
    "aspect": _aspect,
    "colour": _colour,
    "type": _choice(_TYPES),
    "near": _near,
    "size": _size,
    "rating": _rating,
    "is": _choice(_IS),
    "has": _choice(_HAS),
    "in": _choice({"album": "album", "albums": "album"}),
}

ACCEPTED = {
    "after": "a year, month or day such as 2020, 2020-06, 2020-06-12, or last-week",
    "before": "a year, month or day such as 2020, 2020-06, 2020-06-12, or last-week",
    "date": "2020, 2020-06, 2020-06-12, 2019..2021, summer-2023, yesterday or last-30-days",
    "orientation": "landscape, portrait or square",
    "aspect": "a ratio such as 3:2, 16:9, >2 or panorama",
    "colour": f"{', '.join(COLOURS)}, or #rrggbb",
    "type": "jpeg, png, heic, webp, gif, avif, tiff or bmp",
    "near": "latitude, longitude and a radius such as 38.72,-9.14,5km",
    "size": "a size such as >10MB, <500KB, 2MB..5MB or >12mp",
    "rating": f"stars from 0 to {MAX_STARS} such as 4, >=4 or 2..3",
    "is": "favourite, stacked or untagged",
    "has": "gps, caption, date, camera or tag",
    "in": "album; -in:album finds what is in none",
    "photo": "the id of a photo, and for a part of it @left,top,width,height as fractions",
    "picture": "the token of a picture that was sent",
}
"""What filters take, for people; those that are missing take any words."""
