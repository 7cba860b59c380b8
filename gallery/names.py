"""Cleans the texts that people type: names, tags, captions and file names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from django.utils.translation import gettext as _

from gallery.models.photo_library import CAPTION_LIMIT, NAME_LIMIT, TAG_LIMIT
from gallery.paths import escape_bytes
from gallery.user_errors import UserError

TAGS_PER_PHOTO = 100
_FILE_NAME_LIMIT = 200  # characters, and as many bytes would overflow common file systems' 255

# Control characters, those that change the direction of text, surrogates and line separators.
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# Some emoji and some scripts need these two.
_JOINERS = {"\u200c", "\u200d"}


class BadName(UserError):
    """A name, tag, caption or rating cannot be used; the message says why."""

    code = "bad_name"


class NameTaken(BadName):
    """The owner already has one of this name."""

    code = "name_taken"
    status = 409


def clean_name(text: str, *, limit: int = NAME_LIMIT) -> str:
    """Return a name trimmed and in NFC; raise `BadName` if it is empty, too long or deceptive."""
    name = _normalize(text).strip()
    if any(_is_invisible(character) for character in name):
        raise BadName(_("The name contains invisible characters."))
    if not name.strip("".join(_JOINERS)):
        raise BadName(_("Enter a name."))
    if len(name) > limit:
        raise BadName(_("The name is longer than %(limit)d characters.") % {"limit": limit})
    return name


def clean_tag(text: str) -> str:
    """Return a tag as it is stored; raise `BadName` for one that could not have an address."""
    name = clean_name(text, limit=TAG_LIMIT)
    if "/" in name or "," in name or not name.strip("."):
        raise BadName(_("A tag cannot contain a slash or a comma, or consist of dots only."))
    return name


def clean_tags(texts: Iterable[str]) -> list[str]:
    """Return tags as they are stored, sorted, without repeats; raise `BadName`."""
    names = sorted({clean_tag(text) for text in texts})
    if len(names) > TAGS_PER_PHOTO:
        raise BadName(_("A photo can have %(limit)d tags.") % {"limit": TAGS_PER_PHOTO})
    return names


def clean_caption(text: str) -> str:
    """Return a caption trimmed and in NFC, with its line breaks; raise `BadName` if too long."""
    lines = _normalize(text).replace("\r\n", "\n").replace("\r", "\n")
    caption = "".join(c for c in lines if c == "\n" or not _is_invisible(c)).strip()
    if len(caption) > CAPTION_LIMIT:
        raise BadName(
            _("The caption is longer than %(limit)d characters.") % {"limit": CAPTION_LIMIT}
        )
    return caption


def clean_file_name(text: str) -> str:
    """Return a file name that is safe to show: its last part, NFC, no invisible characters.

    Bytes that are no UTF-8, as some systems pass them on, are written like `caf\\xe9.jpg`.
    """
    name = _normalize(escape_bytes(re.split(r"[\\/]", text)[-1]))
    # Unassigned characters (Cn) and joiners go too: nobody needs them in a file name.
    unsafe = _INVISIBLE | {"Cn"}
    name = "".join(c for c in name if unicodedata.category(c) not in unsafe).strip(" .")
    if len(name) > _FILE_NAME_LIMIT:
        stem, dot, extension = name.rpartition(".")
        length = _FILE_NAME_LIMIT - len(extension) - 1
        name = stem[:length] + dot + extension if dot and length > 100 else name[:_FILE_NAME_LIMIT]
    return name


def _normalize(text: str) -> str:
    """Return text in NFC; half a surrogate pair, which no database takes, becomes a mark."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE and character not in _JOINERS
