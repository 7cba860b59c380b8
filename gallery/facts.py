"""The facts of a photo, from its allow-listed EXIF: as filters read them, and in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

CAMERA_LIMIT, LENS_LIMIT = 120, 200
"""Characters of the columns `Photo.camera` and `Photo.lens`."""

MAX_STARS = 5

# Legal forms and trades that makers add to their name.
_LEGAL = re.compile(
    r"[\s,]+(corporation|corp|company|co|ltd|limited|inc|gmbh|ag|imaging|optical|camera|ag camera"
    r"|electronics|electric|mobile communications ab)\b\.?[\s,.]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Facts:
    """Facts of one photo: names for people, degrees (both or neither), and stars (0 is none)."""

    camera: str = ""
    lens: str = ""
    latitude: float | None = None
    longitude: float | None = None
    rating: int = 0

    def columns(self) -> dict[str, Any]:
        """Return the values by the names of the columns of `Photo` that hold them."""
        return dict(vars(self))


def facts(exif: Mapping[str, Any]) -> Facts:
    """Return the facts in EXIF values (`gallery.decoding.answers.EXIF_KEYS`), in any form.

    Values of a wrong type or out of range count as missing.
    """
    latitude, longitude = place(exif) or (None, None)
    return Facts(camera(exif), _text(exif, "lens")[:LENS_LIMIT], latitude, longitude, _stars(exif))


def camera(exif: Mapping[str, Any]) -> str:
    """Return make and model as one name that does not repeat the make.

    >>> camera({"make": "NIKON CORPORATION", "model": "NIKON D750"})
    'NIKON D750'
    """
    make, model = _maker(_text(exif, "make")), _text(exif, "model")
    first = make.partition(" ")[0].casefold()
    repeated = bool(first) and model.casefold().startswith(first)
    return (model if repeated else f"{make} {model}".strip())[:CAMERA_LIMIT].strip()


def _maker(name: str) -> str:
    """Return a maker's name without its legal form."""
    shorter = _LEGAL.sub("", name)
    while shorter and shorter != name:
        name, shorter = shorter, _LEGAL.sub("", shorter)
    return name


def place(exif: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees, or None unless both are known and on Earth."""
    latitude, longitude = exif.get("latitude"), exif.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    # False for NaN too.
    on_earth = abs(latitude) <= 90 and abs(longitude) <= 180
    return (float(latitude), float(longitude)) if on_earth else None


def orientation(width: int, height: int) -> str:
    """Return "landscape", "portrait" or "square" for the sides of an upright picture."""
    if width == height:
        return "square"
    return "landscape" if width > height else "portrait"


def _stars(exif: Mapping[str, Any]) -> int:
    stars = exif.get("rating")
    return stars if type(stars) is int and 1 <= stars <= MAX_STARS else 0


def _text(exif: Mapping[str, Any], key: str) -> str:
    """Return a text with single spaces; some cameras pad theirs with spaces."""
    value = exif.get(key)
    return " ".join(value.split()) if isinstance(value, str) else ""


def facts_in_words(exif: Mapping[str, Any], town: str = "") -> list[tuple[str, str]]:
    """Return (label, value) pairs for people, without values that the camera did not record.

    `town` is the name of the nearest one, which the camera does not know.
    """
    pairs = [
        (_("Camera"), camera(exif)),
        (_("Lens"), str(exif.get("lens", ""))),
        (_("Exposure"), _exposure(exif)),
        (_("Focal length"), _focal_length(exif)),
        (_("Place"), " · ".join(filter(None, (town, place_in_words(exif))))),
        (_("Software"), str(exif.get("software", ""))),
    ]
    return [(label, value) for label, value in pairs if value]


def _exposure(exif: Mapping[str, Any]) -> str:
    parts = []
    seconds = exif.get("exposure")
    if isinstance(seconds, int | float) and seconds > 0:
        parts.append(f"1/{round(1 / seconds)} s" if seconds < 0.4 else f"{seconds:g} s")
    if exif.get("f_number"):
        parts.append(f"f/{exif['f_number']:g}")
    if exif.get("iso"):
        parts.append(f"ISO {exif['iso']}")
    return ", ".join(parts)


def _focal_length(exif: Mapping[str, Any]) -> str:
    if not exif.get("focal_length"):
        return ""
    length = f"{exif['focal_length']:g} mm"
    if not exif.get("focal_35mm"):
        return length
    equivalent = {"length": length, "equivalent": f"{exif['focal_35mm']:g} mm"}
    return _("%(length)s (%(equivalent)s in full frame)") % equivalent


def place_in_words(exif: Mapping[str, Any]) -> str:
    """Return degrees with hemispheres; four decimals are about ten metres."""
    degrees = place(exif)
    if degrees is None:
        return ""
    latitude, longitude = degrees
    north = f"{abs(latitude):.4f}° {'N' if latitude >= 0 else 'S'}"
    east = f"{abs(longitude):.4f}° {'E' if longitude >= 0 else 'W'}"
    height = f", {exif['altitude']:.0f} m" if "altitude" in exif else ""
    return f"{north}, {east}{height}"
