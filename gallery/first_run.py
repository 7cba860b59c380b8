"""The one-time token with which the person who starts the gallery creates the owner's account."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model

from gallery import env


def is_first_run() -> bool:
    """Return whether nobody has an account yet."""
    return not get_user_model().objects.exists()


def token() -> str:
    """Return the token; the first call makes it, in a file with mode 0600."""
    return env.secret_in(_path(), 24)


def is_token(candidate: str) -> bool:
    """Return whether `candidate` is the token, in constant time; it makes none."""
    try:
        kept = _path().read_bytes().strip()
    except FileNotFoundError:  # Another request may have used it up just now.
        return False
    return bool(kept) and secrets.compare_digest(candidate.encode(), kept)


def remove_token() -> None:
    """Remove the token once the owner exists."""
    _path().unlink(missing_ok=True)


def _path() -> Path:
    return Path(settings.DATA_DIR) / "first_run_token"
