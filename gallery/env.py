"""Typed reading of environment variables, and of secrets that are made at their first use.

A variable that is wrong raises ImproperlyConfigured with one clear sentence.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """Return the variable's value without surrounding blanks, or `default` when unset."""
    return os.environ.get(name, default).strip()


def whole(name: str, default: int, *, at_least: int = 0) -> int:
    """Return the variable as a whole number; raise ImproperlyConfigured when it is none."""
    raw = text(name)
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {raw!r}.") from None
    if value < at_least:
        raise ImproperlyConfigured(f"{name} must be at least {at_least}, not {value}.")
    return value


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
