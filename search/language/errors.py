"""Checking and normalising what people type into the search bar."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from django.conf import settings

from gallery.user_errors import UserError

# Scripts written without spaces: Thai to Myanmar, Khmer, and the CJK blocks. A long run of them
# is a sentence, not a word.
_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef"
_SPACELESS += "\U00020000-\U0003ffff"


class QueryError(UserError):
    """A query cannot be answered as it is. `message` says what to change."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message, code=code, status=status)


def require_known(given: Iterable[str], *names: str) -> None:
    """Raise `QueryError` for a parameter that is none of `names`; a slip would go unnoticed."""
    if unknown := sorted(set(given) - set(names)):
        raise QueryError("bad_parameter", f"There is no parameter {unknown[0][:40]!r} here.")


def parse(text: str) -> str:
    """Return the query in NFC with single spaces.

    Raises `QueryError` for an empty text, control characters, more than
    `MAX_QUERY_CHARACTERS`, or a word of more than `MAX_WORD_CHARACTERS` (the byte-pair
    tokenisers take time quadratic in the length of a word).
    """
    if len(text) > 8 * settings.MAX_QUERY_CHARACTERS:
        raise _too_long()
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()
    if not text:
        raise QueryError("query_empty", "Type what the photo shows, for example: dog on a beach.")
    if len(text) > settings.MAX_QUERY_CHARACTERS:
        raise _too_long()
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in text):
        raise QueryError("bad_characters", "The query contains characters that are not text.")
    if re.search(rf"[^\s{_SPACELESS}]{{{settings.MAX_WORD_CHARACTERS + 1},}}", text):
        limit = settings.MAX_WORD_CHARACTERS
        raise QueryError("word_too_long", f"One word has more than {limit} characters.")
    return text


def _too_long() -> QueryError:
    limit = settings.MAX_QUERY_CHARACTERS
    return QueryError("query_too_long", f"The query has more than {limit} characters.")
