"""Typed reading of environment variables, and of secrets that are made at their first use.

A variable that is wrong raises ImproperlyConfigured with one clear sentence.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from gallery import time_zones

_MAX_PORT = 65_535
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_TOKEN_CHARACTERS = 16
_ISSUER_CHARACTERS = 250
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
_DIGEST = re.compile(rb"[0-9A-Fa-f]{40}\b")
_TILES = re.compile(r"(?:https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?)?(?P<path>/[!-~]*)")
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


def half_of_the_cores(least: int, most: int) -> int:
    """Return half the CPU cores that this process may use, kept between two bounds."""
    asks_the_system = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if asks_the_system else os.cpu_count() or 1
    return min(most, max(least, cores // 2))


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


def issuer(name: str) -> str:
    """Return the variable as the address of an OpenID provider, "" when unset.

    Raises ImproperlyConfigured unless it is https://, or http:// on this machine: whoever can
    change what a provider says can sign in as anybody.
    """
    raw = text(name)
    if not raw:
        return ""
    try:
        parts = urlsplit(raw)
        _ = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{name} is no address: {raw!r}.") from None
    is_here = parts.scheme == "http" and parts.hostname in _THIS_MACHINE
    if not parts.hostname or not (parts.scheme == "https" or is_here):
        example = "https://auth.example.org/application/o/scry/"
        raise ImproperlyConfigured(f"{name} must be like {example}, not {raw!r}.")
    if parts.query or parts.fragment or parts.username or len(raw) > _ISSUER_CHARACTERS:
        raise ImproperlyConfigured(f"{name} is too long, or has @, ? or # in it: {raw!r}.")
    return raw


def tile_address(name: str) -> str:
    """Return the variable as the address of map tiles with {z}, {x} and {y} in it, "" when unset.

    It is https://host/..., http://host/..., or /... on the gallery's own host. Raises
    ImproperlyConfigured for anything else: its host goes into a header.
    """
    raw = text(name)
    if not raw:
        return ""
    match = _TILES.fullmatch(raw)
    if match is None or not all(part in match["path"] for part in ("{z}", "{x}", "{y}")):
        example = "https://tiles.example.org/{z}/{x}/{y}.png"
        raise ImproperlyConfigured(f"{name} must be an address like {example}, not {raw!r}.")
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


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over; without a host, nowhere. `tls` begins after a greeting."""

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    ssl: bool = False
    tls: bool = False


def mail_server(name: str) -> MailServer:
    """Return the variable as a mail server: smtps://user:password@host, or smtp:// with STARTTLS.

    A server on this machine (localhost, 127.0.0.1, ::1) is asked without TLS by smtp://. Raises
    ImproperlyConfigured for anything else; the message does not repeat it, since it may hold a
    password.
    """
    raw = text(name)
    if not raw:
        return MailServer()
    problem = (
        f"{name} must be like smtps://user:password@mail.example.org, or smtp:// for STARTTLS."
    )
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(problem) from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/"):
        raise ImproperlyConfigured(problem)
    ssl, is_here = parts.scheme == "smtps", parts.hostname in _THIS_MACHINE
    return MailServer(
        parts.hostname,
        port or (465 if ssl else 25 if is_here else 587),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        ssl=ssl,
        tls=not ssl and not is_here,
    )


def log_level(name: str, default: str) -> str:
    """Return the variable as a level of logging; raise ImproperlyConfigured when it is none."""
    level = text(name).upper() or default
    if level not in _LEVELS:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(_LEVELS)}, not {level!r}.")
    return level


def sorted_digests(name: str) -> Path | None:
    """Return the variable as a file of SHA-1 digests, a line each; None when unset.

    Raises ImproperlyConfigured when it cannot be read, or its first line is no digest.
    """
    raw = text(name)
    if not raw:
        return None
    path = Path(raw)
    try:
        with path.open("rb") as file:
            first = file.readline(100)
    except OSError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {path} ({error.strerror}).") from None
    if not _DIGEST.match(first):
        raise ImproperlyConfigured(
            f"{name} must have a SHA-1 in each line, and they must be in order."
        )
    return path


def one_of(name: str, default: str, *others: str) -> str:
    """Return the variable, which is one of these words; raise ImproperlyConfigured if not."""
    word, words = text(name).lower() or default, (default, *others)
    if word not in words:
        raise ImproperlyConfigured(f"{name} must be {' or '.join(words)}, not {word!r}.")
    return word


def flag(name: str, *, default: bool = False) -> bool:
    """Return whether the variable says yes (1, true, yes, on) or no (0, false, no, off)."""
    raw = text(name).lower()
    if raw not in {"", *_YES, *_NO}:
        raise ImproperlyConfigured(f"{name} must be yes or no, not {raw!r}.")
    return raw in _YES if raw else default


def token(name: str) -> str:
    """Return the variable, a secret or empty; raise ImproperlyConfigured if it can be guessed."""
    raw = text(name)
    if raw and len(raw) < _TOKEN_CHARACTERS:
        raise ImproperlyConfigured(
            f"{name} is too weak: use at least {_TOKEN_CHARACTERS} random characters, as from "
            "openssl rand -hex 32."
        )
    return raw


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


def folders(name: str) -> list[Path]:
    """Return the variable's comma-separated parts, each the whole path of a folder.

    The folders need not exist yet. Raises ImproperlyConfigured when a part is no such path.
    """
    paths = [Path(part) for part in names(name)]
    for path in paths:
        if not path.is_absolute() or ".." in path.parts:
            raise ImproperlyConfigured(
                f"{name} must be whole paths, with commas between them, not {str(path)!r}."
            )
    return paths


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
