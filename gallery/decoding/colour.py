"""Colours of pictures become sRGB, by whatever says what they are."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any

from PIL import Image

from gallery.decoding import exif, isobmff, png_chunks, profiles
from gallery.decoding.handed_file import HandedFile

_MAX_PROFILE = 4 << 20
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
# Levels by which a profile may differ from sRGB and still be taken for it.
_SAME = 2


def profile_of(name: str, image: Image.Image, file: HandedFile) -> bytes | None:
    """Return an ICC profile for the colours of an opened picture; None for sRGB or nothing known.

    Each format's own order holds: PNG's cICP goes before its profile, which goes before gAMA.
    """
    if name == "PNG" and (codes := png_chunks.colour_codes(file)) is not None:
        return profiles.coded(*codes)
    embedded = image.info.get("icc_profile")
    if isinstance(embedded, bytes) and 0 < len(embedded) <= _MAX_PROFILE:
        return None if is_srgb(embedded) else embedded
    with suppress(ArithmeticError, ValueError, struct.error):
        if name == "PNG":
            return _png_measures(image)
        if name in {"HEIF", "AVIF"} and (codes := _heif_codes(file)) is not None:
            return profiles.coded(*codes)
    return profiles.adobe_rgb() if exif.is_adobe_rgb(image) else None


def _png_measures(image: Image.Image) -> bytes | None:
    if "srgb" in image.info:
        return None
    gamma, places = image.info.get("gamma"), image.info.get("chromaticity")
    return profiles.measured(places, gamma if gamma and 0.01 < gamma < 10 else None)


def _heif_codes(file: HandedFile) -> isobmff.Codes | None:
    with file.open() as stream:
        return isobmff.colour_codes(stream)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture as sRGB (mode RGB) by a profile, or as it is without a valid one."""
    if profile is not None:
        # A broken profile, or one for another kind of picture, is no reason to refuse a picture.
        with suppress(Exception):
            return _through(image, _opened(profile))
    return image.convert("RGB")


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """Return a picture in CIELAB as sRGB."""
    from PIL import ImageCms

    return _convert(image, ImageCms.createProfile("LAB"))


def _through(image: Image.Image, profile: Any) -> Image.Image:
    space = profile.profile.xcolor_space
    if space == "RGB " and image.mode not in _SPACES.values():
        image = image.convert("RGB")
    if _SPACES.get(image.mode) != space:
        raise ValueError(f"a profile for {space!r} and a picture in {image.mode}")
    return _convert(image, profile)


def _convert(image: Image.Image, profile: Any) -> Image.Image:
    from PIL import ImageCms

    converted = ImageCms.profileToProfile(
        image,
        profile,
        _srgb(),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        outputMode="RGB",
    )
    return image.convert("RGB") if converted is None else converted


def _opened(profile: bytes) -> Any:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


@cache
def _srgb() -> Any:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@lru_cache(maxsize=8)
def is_srgb(profile: bytes) -> bool:
    """Tell whether a profile turns colours into the same colours; its name does not matter."""
    steps = range(0, 256, 51)
    colours = [(r, g, b) for r in steps for g in steps for b in steps]
    colours += [(grey, grey, grey) for grey in range(0, 256, 15)]
    sample = Image.new("RGB", (len(colours), 1))
    sample.putdata(colours)
    with suppress(Exception):
        converted = _through(sample, _opened(profile)).tobytes()
        pairs = zip(sample.tobytes(), converted, strict=True)
        return all(abs(before - after) <= _SAME for before, after in pairs)
    return False
