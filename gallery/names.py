"""Cleans the texts that people type: names, tags, captions and file names."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache

from django.utils.translation import gettext as _

from gallery.models.photo_library import CAPTION_LIMIT, NAME_LIMIT, TAG_LIMIT
from gallery.paths import escape_bytes
from gallery.user_errors import UserError

TAGS_PER_PHOTO = 100
_FILE_NAME_LIMIT = 200  # characters, and as many bytes would overflow common file systems' 255

# Control characters, those that change the direction of text, surrogates and line separators. What
# is for private use is shown by some fonts: one has the logo of its maker there.
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Some emoji and some scripts need these two.
JOINERS = {"\u200c", "\u200d"}
# The flags of England, Scotland and others are a black flag and letters that nobody sees, with an
# end of their own (Unicode Technical Standard 51, "emoji tag sequences"). Elsewhere such letters
# only hide text.
FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,30}\U000e007f")
_PLANES = range(0, 0x110000, 0x10000)
# Characters that Unicode will never assign, or never shows. The others that this Python does not
# know are newer than it is: emoji, and letters of scripts.
_NONCHARACTERS = "".join(chr(plane + end) for plane in _PLANES for end in (0xFFFE, 0xFFFF))
_NEVER_SHOWN = re.compile(
    f"[\u2065\ufdd0-\ufdef\ufff0-\ufff8\U000e0000-\U000e0fff{_NONCHARACTERS}]"
)
NOT_IN_TAGS = frozenset("/,")
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
    if not name.strip("".join(JOINERS)):
        raise BadName(_("Enter a name."))
    # Space around it counts, as the description of the API has it.
    if max(len(text), len(name)) > limit:
        raise BadName(_("The name is longer than %(limit)d characters.") % {"limit": limit})
    return name


def clean_tag(text: str) -> str:
    """Return a tag as it is stored; raise `BadName` for one that could not have an address."""
    name = clean_name(text, limit=TAG_LIMIT)
    if NOT_IN_TAGS & set(name) or not name.strip(". "):
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
    if not name.strip("".join(JOINERS)):
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
    flags = FLAG.findall(text)
    between = ["".join(filter(is_shown, part)) for part in FLAG.split(text)]
    return between[0] + "".join(map("".join, zip(flags, between[1:], strict=True)))


def is_shown(character: str) -> bool:
    """Tell whether a character may stand in a text; those of `FLAG` may only stand there."""
    if character in JOINERS or ord(character) in _SELECTORS:
        return True
    is_invisible = unicodedata.category(character) in _INVISIBLE
    return not is_invisible and not _NEVER_SHOWN.match(character)


def shows_all(text: str) -> bool:
    """Tell whether a text has none of the characters that nobody sees."""
    return _visible(text) == text


# --- for the description of the API -------------------------------------------------------------


@cache
def name_pattern() -> str:
    """Return what `clean_name` takes as a regular expression (ECMA 262), whatever the length.

    The first call takes half a second. So does that of the other two.
    """
    return _text(f"[{_space()}{_joiners()}]*", _hidden())


@cache
def tag_pattern() -> str:
    """Return what `clean_tag` takes."""
    blank = f"[{_space()}]*(?:[{_joiners()}]*|[. ]*)[{_space()}]*"
    return _text(blank, _hidden() + "".join(sorted(NOT_IN_TAGS)))


@cache
def shown_pattern() -> str:
    """Return what `shows_all` takes."""
    return f"^(?:[^{_hidden()}]|{FLAG.pattern})*$"


def _text(blank: str, hidden: str) -> str:
    """Return texts without what is hidden that are not blank; space around them does not count."""
    return f"^(?!{blank}$)[{_space()}]*(?:[^{hidden}]|{FLAG.pattern})*[{_space()}]*$"


def _joiners() -> str:
    return "".join(sorted(JOINERS))


@cache
def _space() -> str:
    return _characters(str.isspace)


@cache
def _hidden() -> str:
    # A half of a surrogate pair becomes a mark that is shown.
    return _characters(lambda one: not is_shown(one) and unicodedata.category(one) != "Cs")


def _characters(belongs: Callable[[str], bool]) -> str:
    """Return what a class of an expression holds for these characters."""
    ranges: list[list[int]] = []
    for number in range(sys.maxunicode + 1):
        if not belongs(chr(number)):
            continue
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
