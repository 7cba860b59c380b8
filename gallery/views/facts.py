"""What a photo's EXIF allow-list says, in words."""

from __future__ import annotations

from typing import Any

from gallery.decoding.results import PREVIEW_SIDE, THUMBNAIL_SIDE
from gallery.facts import camera
from gallery.models import Photo


def facts(photo: Photo) -> list[tuple[str, str]]:
    """Return (name, value) pairs for people, without those that the camera did not record."""
    exif = photo.exif
    shown = [
        ("Camera", camera(exif)),
        ("Lens", str(exif.get("lens", ""))),
        ("Exposure", _exposure(exif)),
        ("Focal length", _focal(exif)),
        ("Place", _place(exif)),
        ("Software", str(exif.get("software", ""))),
    ]
    return [(name, value) for name, value in shown if value]


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


def _focal(exif: dict[str, Any]) -> str:
    if not exif.get("focal_length"):
        return ""
    full_frame = exif.get("focal_35mm")
    also = f" ({full_frame:g} mm in full frame)" if full_frame else ""
    return f"{exif['focal_length']:g} mm{also}"


def _place(exif: dict[str, Any]) -> str:
    """Return degrees with hemispheres, four decimals being about ten metres."""
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
