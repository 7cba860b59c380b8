"""What a decoder child loads before it is confined, since it can open no module afterwards.

Two libraries are large and needed by few pictures. A pool learns which ones its files need.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Collection
from contextlib import suppress
from importlib import import_module

from gallery.decoding.answers import RAW_FORMATS
from gallery.decoding.sniffing import sniff

HEIF, RAW = "heif", "raw"

_LATE_MODULES = ("PIL.ImageCms", "email.utils")
# The encodings of 8 bits that expat asks Python for, and those of texts in pictures and sidecars.
_ENCODINGS = (
    "ascii", "latin-1", "utf-7", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32",
    "utf-32-le", "utf-32-be", "cp437", "cp850", "cp852", "cp866", "koi8-r", "koi8-u", "mac-roman",
    *(f"cp125{number}" for number in range(9)),
    *(f"iso8859-{number}" for number in range(1, 17) if number != 12),
)  # fmt: skip


def needed_for(start: bytes) -> frozenset[str]:
    """Return the libraries that a picture needs, judging by the first bytes of its file."""
    name = sniff(start)
    if name == "HEIF":
        return frozenset({HEIF})
    # Most RAW files are TIFFs inside, and only a child may look there.
    return frozenset({RAW}) if name == "TIFF" or name in RAW_FORMATS else frozenset()


def load(names: Collection[str]) -> None:
    """Load all that would otherwise be loaded when a picture first needs it."""
    from PIL import Image

    Image.preinit()
    for module in _LATE_MODULES:
        import_module(module)
    for encoding in _ENCODINGS:
        codecs.lookup(encoding)
    # The C library reads the time zone from a file.
    time.localtime()
    if HEIF in names:
        from gallery.decoding.pictures import register_heif

        register_heif()
    if RAW in names:
        # A platform without it refuses RAW files.
        with suppress(ImportError):
            import_module("rawpy")
