"""Typed reading of environment variables, each with one clear sentence when it is wrong."""

from __future__ import annotations

import os

from django.core.exceptions import ImproperlyConfigured


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
    if not raw:
        return default
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {raw!r}.")


def names(name: str) -> list[str]:
    """Return the variable's comma-separated parts without blanks."""
    return [part.strip() for part in text(name).split(",") if part.strip()]
