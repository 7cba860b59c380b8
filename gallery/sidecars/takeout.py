"""The JSON files that Google Takeout puts beside photos.

No specification exists; the keys are those of exports since 2018.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from gallery.sidecars import (
    MAX_CAPTION,
    MAX_NAME,
    BadSidecar,
    Sidecar,
    clean_tags,
    contents,
    is_plausible,
    metres,
    place,
    printable,
)

_KEYS = {"photoTakenTime", "geoData", "geoDataExif", "people", "favorited", "googlePhotosOrigin"}
"""A file with none of these is some other JSON. All of them have a title, as albums do."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(file: BinaryIO) -> Sidecar:
    """Return what the file says. Raises BadSidecar for any other JSON, and for what is none."""
    data = contents(file)
    try:
        values = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadSidecar(f"no JSON: {type(error).__name__}") from error
    if not isinstance(values, dict) or not values.keys() & _KEYS:
        raise BadSidecar("not a photo of Takeout")
    return _sidecar(values)


def _sidecar(values: dict[str, Any]) -> Sidecar:
    spot = _place(values.get("geoData")) or _place(values.get("geoDataExif")) or {}
    people = values.get("people")
    names = people if isinstance(people, list) else []
    return Sidecar(
        instant=_instant(values.get("photoTakenTime")),
        caption=printable(values.get("description"), MAX_CAPTION, lines=True),
        favourite=values.get("favorited") is True,
        tags=clean_tags(one.get("name") for one in names if isinstance(one, dict)),
        title=printable(values.get("title"), MAX_NAME),
        **spot,
    )


def _instant(value: Any) -> str:
    """Return the time of a shot: Takeout counts seconds in UTC, whatever the zone was."""
    with suppress(ValueError, TypeError, OverflowError, KeyError):
        seconds = int(value["timestamp"])
        moment = _EPOCH + timedelta(seconds=seconds)
        return moment.isoformat() if seconds and is_plausible(moment) else ""
    return ""


def _place(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    latitude, longitude = place(value.get("latitude"), value.get("longitude"))
    if latitude is None:
        return None
    altitude = metres(value.get("altitude"))
    return {"latitude": latitude, "longitude": longitude, "altitude": altitude}
