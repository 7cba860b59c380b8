"""Paths as text. A file name is bytes, and not all of them are UTF-8.

Bytes that are no UTF-8 become `\\xe9` and the like, as the shell and Python write them.
"""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

_STRAY_BYTE = re.compile("[\udc80-\udcff]")
_ESCAPED = re.compile(rb"\\(\\|x[0-9a-f]{2})")
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def escape_bytes(name: str) -> str:
    """Return a name as the system gave it, with each byte that is no UTF-8 written as `\\xe9`."""
    return _STRAY_BYTE.sub(lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", name)


def shown(path: Path | str) -> str:
    """Return a path for people: in one line, and safe to print on any terminal.

    Nothing invisible stays as it is, since a name could otherwise pretend to be another message.
    """
    return "".join(
        character if unicodedata.category(character) not in _UNSAFE else _escape(character)
        for character in escape_bytes(str(path))
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def to_text(path: Path | str) -> str:
    """Return a path as text that every database takes; `from_text` gives the path back."""
    return os.fsencode(path).replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def from_text(text: str) -> Path:
    """Return the path that `to_text` wrote."""
    return Path(os.fsdecode(_ESCAPED.sub(_unescape, text.encode())))


def _unescape(escaped: re.Match[bytes]) -> bytes:
    return b"\\" if escaped[1] == b"\\" else bytes.fromhex(escaped[1][1:].decode("ascii"))
