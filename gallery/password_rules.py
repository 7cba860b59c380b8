"""Passwords that are refused: words of this gallery, and those that leaked elsewhere.

The words are listed in docs/reference/limits.md. Leaked passwords are looked for in a file of the
machine (LEAKED_HASHES), so that nobody outside learns of a new password.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

CONTEXT_WORDS = (
    "administrator", "password", "pictures", "semantic", "gallery", "picture", "welcome", "images",
    "photos", "search", "secret", "admin", "album", "image", "login", "owner", "photo", "scry",
    "foto", "fotos", "galerie", "galeria",
)  # fmt: skip
"""What somebody types who thinks of this program: longer words first."""
_SPARE_LETTERS = 5
"""A password of such words needs as many other letters beside them."""
_LOOKS_LIKE = str.maketrans("013457@$!", "oleastasi")


class ContextWords:
    """Refuses passwords that are made of words about this gallery, and of digits and signs."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError if little is left without these words."""
        rest = password.casefold().translate(_LOOKS_LIKE)
        found = False
        for word in (*_names_of_host(), *CONTEXT_WORDS):
            found |= word in rest
            rest = rest.replace(word, " ")
        if found and sum(letter.isalpha() for letter in rest) < _SPARE_LETTERS:
            raise ValidationError(
                _("Do not make the password of words about this gallery."), code="context_words"
            )

    def get_help_text(self) -> str:
        """Return what the password must not be."""
        return _("Do not make the password of words about this gallery.")


def _names_of_host() -> list[str]:
    """Return the parts of the address of this gallery that are long enough to be words."""
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    return [name for name in host.split(".")[:-1] if len(name) > 3]


class LeakedPasswords:
    """Refuses passwords that are in the file of LEAKED_HASHES, if there is one.

    The file has lines `SHA1` or `SHA1:COUNT` in ascending order, as the downloader of Have I Been
    Pwned writes them. It has tens of gigabytes, so it is searched where it is, by bisection.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError if the password is in the file.

        Raises OSError if the file is gone, which is a fault of the server: passwords that cannot be
        looked for are not taken.
        """
        path = settings.LEAKED_HASHES
        if path is not None and is_in(path, password):
            raise ValidationError(
                _("This password has leaked elsewhere. Choose another one."), code="leaked"
            )

    def get_help_text(self) -> str:
        """Return what the password must not be."""
        return _("Choose a password that has not leaked elsewhere.")


def is_in(path: Path, password: str) -> bool:
    """Tell whether the SHA-1 of a password has a line in a file whose lines are in order."""
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as file:
        # The line looked for begins after `low`, and not after `high`.
        low, high = 0, file.seek(0, os.SEEK_END)
        while high - low > 1:
            middle = (low + high) // 2
            digest = _digest_behind(file, middle)
            if digest == wanted:
                return True
            low, high = (middle, high) if digest and digest < wanted else (low, middle)
        return _digest_behind(file, 0) == wanted


def _digest_behind(file: Any, place: int) -> bytes:
    """Return the digest of the first line that begins at or behind a place; empty at the end."""
    if place:
        file.seek(place - 1)
        file.readline()
    else:
        file.seek(0)
    return bytes(file.readline()[:40].upper())
