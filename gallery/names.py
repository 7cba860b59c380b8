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
# The flags of England, Scotland and others are a black flag and letters that nobody sees, with an
# end of their own (Unicode Technical Standard 51, "emoji tag sequences"). Elsewhere such letters
# only hide text.
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,30}\U000e007f")
_PLANES = range(0, 0x110000, 0x10000)
# Characters that Unicode will never assign, or never shows. The others that this Python does not
# know are newer than it is: emoji, and letters of scripts.
_NONCHARACTERS = "".join(chr(plane + end) for plane in _PLANES for end in (0xFFFE, 0xFFFF))
_NEVER_SHOWN = re.compile(
    f"[\u2065\ufdd0-\ufdef\ufff0-\ufff8\U000e0000-\U000e0fff{_NONCHARACTERS}]"
)
# Among them are variation selectors, which choose between two looks of one character.
_SELECTORS = range(0xE0100, 0xE01F0)


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
    if _visible(name) != name:
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
    caption = "\n".join(_visible(line) for line in lines.split("\n")).strip()
    if len(caption) > CAPTION_LIMIT:
        raise BadName(
            _("The caption is longer than %(limit)d characters.") % {"limit": CAPTION_LIMIT}
        )
    return caption


def clean_file_name(text: str) -> str:
    """Return a file name that is safe to show: its last part, NFC, no invisible characters.

    Bytes that are no UTF-8, as some systems pass them on, are written like `caf\\xe9.jpg`.
    """
    name = _visible(_normalize(escape_bytes(re.split(r"[\\/]", text)[-1]))).strip(" .")
    if not name.strip("".join(_JOINERS)):
        return ""
    if len(name) > _FILE_NAME_LIMIT:
        stem, dot, extension = name.rpartition(".")
        length = _FILE_NAME_LIMIT - len(extension) - 1
        name = stem[:length] + dot + extension if dot and length > 100 else name[:_FILE_NAME_LIMIT]
    return name


def _normalize(text: str) -> str:
    """Return text in NFC; half a surrogate pair, which no database takes, becomes a mark."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))


def _visible(text: str) -> str:
    """Return text without the characters that nobody sees, or that turn what follows around."""
    flags = _FLAG.findall(text)
    between = ["".join(filter(_is_shown, part)) for part in _FLAG.split(text)]
    return between[0] + "".join(map("".join, zip(flags, between[1:], strict=True)))


def _is_shown(character: str) -> bool:
    if character in _JOINERS or ord(character) in _SELECTORS:
        return True
    is_invisible = unicodedata.category(character) in _INVISIBLE
    return not is_invisible and not _NEVER_SHOWN.match(character)
