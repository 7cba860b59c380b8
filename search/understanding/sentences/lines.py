"""Sentences as people send them: which are too many, too long, alike, or empty."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from django.utils.translation import gettext as _

from gallery.user_errors import UserError
from search.vectors.embedders import normalised

MOST = 200
"""Sentences for one photo."""
LONGEST = 1_000
"""Characters of a sentence. Models read the first 77 tokens or so, some 300 characters."""
_WORD = re.compile(r"\w+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def read(texts: Sequence[str]) -> list[str]:
    """Return the sentences without empty lines and without those that were there already.

    White space at the ends and in between does not count. Raises `UserError`.
    """
    if len(texts) > MOST:
        message = _("These are %(count)d lines. Send at most %(most)d.")
        raise _refused(message % {"count": len(texts), "most": MOST})
    found: dict[str, str] = {}
    for number, text in enumerate(texts, 1):
        if len(text) > LONGEST:
            message = _("Line %(number)d has more than %(most)d characters. Shorten it.")
            raise _refused(message % {"number": number, "most": LONGEST})
        if _SURROGATE.search(text):
            raise _refused(_("Line %(number)d holds half a character.") % {"number": number})
        if plain := normalised(text):
            found.setdefault(plain, plain)
    if not found:
        raise _refused(_("Write at least one sentence."))
    return list(found)


def in_other_order(texts: Sequence[str]) -> list[bool]:
    """Tell of each sentence whether another one has the same words in another order."""
    orders = [tuple(_WORD.findall(text.casefold())) for text in texts]
    counts = Counter(tuple(sorted(words)) for words in set(orders))
    return [counts[tuple(sorted(words))] > 1 for words in orders]


def _refused(message: str) -> UserError:
    return UserError(message, code="bad_parameter")
