"""Finds photos by their whole file name, whatever is in it.

Full-text search finds the few names that begin with the same words; the names themselves are then
compared. So no other index is needed, and a name is found in milliseconds among 100,000.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from operator import or_
from uuid import UUID

from django.db import connection
from django.db.models import Q

from search.fulltext import normalization, upkeep
from search.fulltext.upkeep import INDEX, TABLE, VECTOR
from search.language.values import EXTENSIONS
from search.models import PhotoWords

CANDIDATES = 500
"""Names with the same words at the beginning that are compared, those of the last photos first."""

_EXTENSION = re.compile(r"(?<=.)\.(?=\w*[^\W\d_])\w{1,5}$")
_SAME = str.maketrans(
    dict.fromkeys("“”„‟«»＂", '"') | dict.fromkeys("‘’‚‛`´", "'") | dict.fromkeys("‐‑‒–—−", "-")
)
# Accents, and the marks that only choose how the character before them is drawn.
_MARKS = re.compile("[\u0300-\u036f\ufe00-\ufe0f]")
_JOINERS = "\u200c\u200d"


@lru_cache(4096)
def fold_whole_name(text: str) -> str:
    """Return a name as whole names are compared: without case, accents and kinds of spaces."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    shown = (c for c in text if c in _JOINERS or unicodedata.category(c) not in {"Cf", "Cc", "Cs"})
    plain = _MARKS.sub("", "".join(shown)).translate(_SAME).translate(normalization.SPELLINGS)
    return unicodedata.normalize("NFC", " ".join(plain.split()))


def without_extension(name: str) -> str:
    """Return a file name without its extension: letters and digits behind the last dot."""
    return _EXTENSION.sub("", name)


def photos_with_file_name(owner_id: int, text: str) -> list[UUID]:
    """Return the photos of a person whose whole file name is a text, the last photo first.

    The extension may be left out. Photos in the trash may be among them.
    """
    wanted = fold_whole_name(text)
    words = normalization.words(text)
    if not wanted:
        return []
    upkeep.refresh_before_search(owner_id)
    found: dict[UUID, str] = {}
    for beginnings in _beginnings(words, text):
        rows = PhotoWords.objects.filter(pk__in=_rows(owner_id, beginnings)).order_by("-pk")
        # Comparing words first leaves few names to fold.
        whole = rows.filter(reduce(or_, map(_begins, beginnings)))
        found |= dict(whole.values_list("photo_id", "photo__name"))
    return [
        photo_id
        for photo_id, name in found.items()
        if wanted in {fold_whole_name(name), fold_whole_name(without_extension(name))}
    ]


def _begins(words: str) -> Q:
    """Return the condition that the file name has these words alone, as far as they go."""
    cut = words.count(" ") + 1 >= normalization.MAX_WORDS
    return Q(words__startswith=words if cut else f"{words}\n")


def _beginnings(words: Sequence[str], text: str) -> Iterator[list[str]]:
    """Yield words with which the name may begin: the text as it is, and with an extension."""
    first = " ".join(words[: normalization.MAX_WORDS])
    if first:
        yield [first]
    # Many names may begin with the text, such as "IMG", but few are that and an extension.
    if without_extension(text) == text and len(words) < normalization.MAX_WORDS:
        yield [" ".join([*words, *normalization.words(each)]) for each in EXTENSIONS]


def _rows(owner_id: int, beginnings: Sequence[str]) -> list[int]:
    """Return the keys of the words of photos whose file name begins with one of these."""
    owner = normalization.owner_word(owner_id)
    if connection.vendor == "sqlite":
        select = f"SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH %s ORDER BY rowid DESC LIMIT %s"  # noqa: S608
        anchored = " OR ".join(f'^"{words}"' for words in beginnings)
        values: list[str | int] = [f"{owner} AND ({anchored})", CANDIDATES]
    else:
        # The first line has the file name. Words are letters and digits, so they are no patterns.
        starts = " OR ".join(["words LIKE %s"] * len(beginnings))
        select = (
            f"SELECT id FROM {TABLE} WHERE {VECTOR} @@ to_tsquery('simple', %s) AND ({starts})"  # noqa: S608
            " ORDER BY id DESC LIMIT %s"
        )
        phrases = " | ".join(f"({' <-> '.join(words.split())})" for words in beginnings)
        patterns = [f"{words}%" for words in beginnings]
        values = [f"{owner} & ({phrases})", *patterns, CANDIDATES]
    with connection.cursor() as cursor:
        cursor.execute(select, values)
        return [row for (row,) in cursor.fetchall()]
