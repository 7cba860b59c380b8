"""The time zone that TZ means, in whatever way systems spell it."""

from __future__ import annotations

import re
import zoneinfo
from contextlib import suppress
from importlib import resources
from pathlib import Path

_FOOTER_BYTES = 80
_FIXED = re.compile(r"(?:<[A-Za-z0-9+-]{3,}>|[A-Za-z]{3,})(?P<hours>[+-]?\d{1,2})(?::?00)?")
_FAMILIAR = ("Europe/", "America/", "Asia/", "Australia/", "Pacific/", "Africa/")


def key_of(spelling: str) -> str | None:
    """Return the IANA name of a time zone, or None for what is none.

    Understands names (`Europe/Berlin`, with a colon before it too), paths of zone files, and what
    POSIX writes: fixed offsets (`EST5`) and rules (`CET-1CEST,M3.5.0,M10.5.0/3`), of which the
    first zone with the same rule is taken.
    """
    name = spelling.removeprefix(":")
    for root in zoneinfo.TZPATH:
        name = name.removeprefix(f"{root}/")
    if _is_zone(name):
        return name
    fixed = _FIXED.fullmatch(name)
    if fixed and abs(hours := int(fixed["hours"])) <= 14:
        # Both count hours west of Greenwich.
        return f"Etc/GMT{hours:+d}" if _is_zone(f"Etc/GMT{hours:+d}") else None
    return _with_rule(name) if any(sign.isdigit() for sign in name) else None


def _is_zone(name: str) -> bool:
    with suppress(zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        zoneinfo.ZoneInfo(name)
        return True
    return False


def _with_rule(rule: str) -> str | None:
    """Return a zone that follows a POSIX rule now: zone files end with theirs (RFC 9636)."""
    found = [key for key in zoneinfo.available_timezones() if _rule_of(key) == rule]
    found.sort(key=lambda key: (not key.startswith(_FAMILIAR), _rank(key), key))
    return found[0] if found else None


def _rank(key: str) -> int:
    return next((n for n, area in enumerate(_FAMILIAR) if key.startswith(area)), len(_FAMILIAR))


def _rule_of(key: str) -> str:
    for root in zoneinfo.TZPATH:
        with suppress(OSError):
            return _footer((Path(root) / key).read_bytes())
    with suppress(OSError, ModuleNotFoundError):
        return _footer(resources.files("tzdata.zoneinfo").joinpath(key).read_bytes())
    return ""


def _footer(data: bytes) -> str:
    """Return the last line of a zone file of version 2 or later, "" for others."""
    lines = data[-_FOOTER_BYTES:].split(b"\n")
    return lines[-2].decode("ascii", "replace") if len(lines) > 2 else ""
