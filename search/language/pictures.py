"""Takes the pictures out of a typed query: what they are called by are ids, which nobody types."""

from __future__ import annotations

from contextlib import suppress

from search.language.parser import parse
from search.language.query_errors import QueryError
from search.language.scanner import Token, clean_text, tokens
from search.language.terms import PICTURES, Term


def split_pictures(text: str) -> tuple[str, list[Term]]:
    """Return a typed text without its pictures, and their terms in order.

    What only looks like a picture stays in the text. Raises what `clean_text` raises.
    """
    cleaned = clean_text(text)
    pictures: list[Term] = []
    pieces, place = [], 0
    for token in tokens(cleaned):
        if picture := _picture(token):
            pictures.append(picture)
            pieces.append(cleaned[place : token.start].strip())
            place = token.end
    words = " ".join(piece for piece in [*pieces, cleaned[place:].strip()] if piece)
    return (words, pictures) if pictures else (text, [])


def _picture(token: Token) -> Term | None:
    if token.name not in PICTURES:
        return None
    with suppress(QueryError):
        return parse(token.whole).terms[0]
    return None
