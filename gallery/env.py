"""Typed reading of environment variables, and of secrets that are made at their first use.

A variable that is wrong raises ImproperlyConfigured with one clear sentence.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from gallery import time_zones

_MAX_PORT = 65_535
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """Return the variable's value without surrounding blanks, or `default` when unset or empty.

    A compose file hands on what an `.env` leaves out as an empty variable.
    """
    return os.environ.get(name, "").strip() or default


def whole(name: str, default: int, *, at_least: int = 0) -> int:
    """Return the variable as a whole number; raise ImproperlyConfigured when it is none."""
    raw = text(name)
    return _whole_of(name, raw, at_least) if raw else default


def _whole_of(name: str, raw: str, at_least: int) -> int:
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {raw!r}.") from None
    if value < at_least:
        raise ImproperlyConfigured(f"{name} must be at least {at_least}, not {value}.")
    return value


def port(name: str, default: int) -> int:
    """Return the variable as the number of a port; raise ImproperlyConfigured when it is none."""
    raw = text(name)
    return port_of(name, raw) if raw else default


def port_of(name: str, raw: str) -> int:
    """Return a text as the number of a port; raise ImproperlyConfigured when it is none."""
    value = _whole_of(name, raw, 1)
    if value > _MAX_PORT:
        raise ImproperlyConfigured(f"{name} must be at most {_MAX_PORT}, not {value}.")
    return value


def is_everywhere(host: str) -> bool:
    """Tell whether a server that listens on `host` listens on all addresses of the machine."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_unspecified
    return host in {"0", "*"}


def folder(name: str, default: Path) -> Path:
    """Return the variable as a folder that can be written, made if it is missing.

    `~` is a home folder. Raises ImproperlyConfigured when it is no folder or read-only.
    """
    path = Path(text(name) or default)
    try:
        path = path.expanduser().resolve()
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except RuntimeError:
        raise ImproperlyConfigured(f"{name} names a home folder that is unknown: {path}.") from None
    except (FileExistsError, NotADirectoryError):
        raise ImproperlyConfigured(f"{name} must be a folder, but {path} is a file.") from None
    except OSError as error:
        message = f"{name} cannot be written: {path} ({error.strerror})."
        raise ImproperlyConfigured(message) from None
    return path


def time_zone(name: str, default: str) -> str:
    """Return the IANA name of the variable's time zone, which may be spelled as POSIX does.

    Raises ImproperlyConfigured when there is no such zone.
    """
    raw = text(name) or default
    key = time_zones.key_of(raw)
    if key is None:
        raise ImproperlyConfigured(f"{name} is no time zone: {raw!r}. Try one like Europe/Berlin.")
    return key


def public_url(name: str) -> str:
    """Return the variable as an address without a path, "" when unset.

    Raises ImproperlyConfigured for anything else than http(s)://host or http(s)://host:port.
    """
    raw = text(name).rstrip("/")
    if not raw:
        return ""
    example = "https://photos.example.org"
    try:
        parts = urlsplit(raw)
        _ = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{name} is no address: {raw!r}. Try {example}.") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ImproperlyConfigured(f"{name} must be an address like {example}, not {raw!r}.")
    if parts.path or parts.query or parts.fragment:
        message = f"{name} cannot have a path, give Scry a host name of its own: {example}."
        raise ImproperlyConfigured(message)
    return raw


def service(name: str) -> str:
    """Return the variable as the address of a service, "" when unset.

    Raises ImproperlyConfigured when it does not begin like one, as in `redis://`. The message does
    not repeat it, since it may hold a password.
    """
    raw = text(name)
    try:
        is_address = bool(urlsplit(raw).scheme) and "://" in raw
        _ = urlsplit(raw).port
    except ValueError:
        is_address = False
    if raw and not is_address:
        raise ImproperlyConfigured(f"{name} is no address of a service: it has no valid scheme://.")
    return raw


def log_level(name: str, default: str) -> str:
    """Return the variable as a level of logging; raise ImproperlyConfigured when it is none."""
    level = text(name).upper() or default
    if level not in _LEVELS:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(_LEVELS)}, not {level!r}.")
    return level


def flag(name: str, *, default: bool = False) -> bool:
    """Return whether the variable says yes (1, true, yes, on) or no (0, false, no, off)."""
    raw = text(name).lower()
    if raw not in {"", *_YES, *_NO}:
        raise ImproperlyConfigured(f"{name} must be yes or no, not {raw!r}.")
    return raw in _YES if raw else default


def secret_in(path: Path, length: int) -> str:
    """Return the secret that a file keeps; the first call makes it: `length` bytes, mode 0600."""
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(length))
    return path.read_text().strip()


def names(name: str) -> list[str]:
    """Return the variable's comma-separated parts without blanks."""
    return [part.strip() for part in text(name).split(",") if part.strip()]


def owned_folders(name: str) -> list[tuple[str, Path]]:
    """Return the variable's comma-separated parts, each an account and a folder: alice:/inbox.

    The folder need not exist yet. Raises ImproperlyConfigured when a part is no such pair.
    """
    pairs = [part.partition(":") for part in names(name)]
    for owner, _, folder in pairs:
        if not owner or not Path(folder).is_absolute():
            raise ImproperlyConfigured(
                f"{name} must be like alice:/photos/inbox, several with commas between them; "
                f"{owner + _ + folder!r} is not."
            )
    return [(owner, Path(folder)) for owner, _, folder in pairs]
