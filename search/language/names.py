"""The names that may stand before a colon."""

from __future__ import annotations

import difflib

FILTERS: dict[str, str] = {
    "after": "taken on or after, such as after:2020, after:2020-06-01",
    "before": "taken before, such as before:2020",
    "date": "taken within, such as date:2019..2021, date:summer-2023",
    "camera": "camera make or model, such as camera:Nikon",
    "lens": "lens, such as lens:50mm",
    "orientation": "landscape, portrait or square",
    "aspect": "width to height, such as aspect:16:9, aspect:>2",
    "colour": "main colour, such as colour:red",
    "album": "in an album, such as album:Lisbon",
    "tag": "with a tag, such as tag:family",
    "type": "file type, such as type:heic",
    "name": "file name, such as name:IMG_2231",
    "near": "taken near, such as near:38.72,-9.14,5km",
    "size": "file size or megapixels, such as size:>10MB, size:>12mp",
    "rating": "stars, such as rating:>=4",
    "is": "favourite, stacked or untagged",
    "has": "gps, caption, date, camera or tag",
    "in": "in any album, such as in:album",
}
"""Filters by name, each with what it does in a few words."""

PICTURES = ("photo", "picture")
"""Names of terms that are pictures: one of the gallery, or one that was sent."""

ALIASES = {
    "color": "colour",
    "filename": "name",
    "file": "name",
    "filetype": "type",
    "format": "type",
    "since": "after",
    "year": "date",
    "taken": "date",
    "tags": "tag",
    "keyword": "tag",
    "albums": "album",
    "stars": "rating",
    "ratio": "aspect",
}

KNOWN = frozenset([*FILTERS, *PICTURES, *ALIASES])

SCHEMES = frozenset({"http", "https", "ftp", "file", "mailto", "data", "tel", "sms", "about"})
"""Addresses begin with these; they are text."""


def suggestion(name: str) -> str:
    """Return the name that was probably meant; empty when none is alike."""
    near = difflib.get_close_matches(name, sorted(KNOWN), n=1, cutoff=0.6)
    return ALIASES.get(near[0], near[0]) if near else ""
