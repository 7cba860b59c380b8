"""The EXIF values of a photo in words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from gallery.decoding.answers import PREVIEW_SIDE, THUMBNAIL_SIDE
from gallery.facts import camera
from gallery.models import Photo


def facts(photo: Photo) -> list[tuple[str, str]]:
    """Return (label, value) pairs for people, without values that the camera did not record."""
    exif = photo.exif
    pairs = [
        (_("Camera"), camera(exif)),
        (_("Lens"), str(exif.get("lens", ""))),
        (_("Exposure"), _exposure(exif)),
        (_("Focal length"), _focal_length(exif)),
        (_("Place"), _place(exif)),
        (_("Software"), str(exif.get("software", ""))),
    ]
    return [(label, value) for label, value in pairs if value]


def _exposure(exif: dict[str, Any]) -> str:
    parts = []
    seconds = exif.get("exposure")
    if isinstance(seconds, int | float) and seconds > 0:
        parts.append(f"1/{round(1 / seconds)} s" if seconds < 0.4 else f"{seconds:g} s")
    if exif.get("f_number"):
        parts.append(f"f/{exif['f_number']:g}")
    if exif.get("iso"):
        parts.append(f"ISO {exif['iso']}")
    return ", ".join(parts)


def _focal_length(exif: dict[str, Any]) -> str:
    if not exif.get("focal_length"):
        return ""
    length = f"{exif['focal_length']:g} mm"
    if not exif.get("focal_35mm"):
        return length
    equivalent = {"length": length, "equivalent": f"{exif['focal_35mm']:g} mm"}
    return _("%(length)s (%(equivalent)s in full frame)") % equivalent


def _place(exif: dict[str, Any]) -> str:
    """Return degrees with hemispheres; four decimals are about ten metres."""
    latitude, longitude = exif.get("latitude"), exif.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return ""
    north = f"{abs(latitude):.4f}° {'N' if latitude >= 0 else 'S'}"
    east = f"{abs(longitude):.4f}° {'E' if longitude >= 0 else 'W'}"
    height = f", {exif['altitude']:.0f} m" if "altitude" in exif else ""
    return f"{north}, {east}{height}"


def rendition_widths(photo: Photo) -> dict[str, int]:
    """Return how many pixels wide the thumbnail and the preview of a photo are."""
    longest = max(photo.width, photo.height, 1)
    return {
        "thumbnail_width": max(round(photo.width * min(1, THUMBNAIL_SIDE / longest)), 1),
        "preview_width": max(round(photo.width * min(1, PREVIEW_SIDE / longest)), 1),
    }
