"""Photos whose words are those of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from gallery.models.photos import PhotoQuerySet
from search.language import Query, Term
from search.models import PhotoWords
from search.narrowing import Narrowed
from search.words import folding, reasons, upkeep
from search.words.folding import Phrase
from search.words.schema import INDEX, TABLE, VECTOR

MANY = 500
"""Words that more photos of a person have say too little: "img", "jpg", the only camera."""
_NUMBER = 4
"""Digits from which on a number may be the beginning of a longer one, such as a date."""

Text = tuple[Phrase, ...]


@dataclass(frozen=True)
class WordHit:
    """A photo whose words are those of the query; `reason` says where, for people.

    Such as "file name: IMG_2231.jpg" or "caption: … in Lisbon".
    """

    photo_id: UUID
    reason: str


@dataclass(frozen=True)
class Said:
    """What a person's query says in words, as full-text search takes it.

    All phrases of one of the `wanted` texts are to be there; `avoided` texts are to be absent.
    """

    owner_id: object
    wanted: tuple[Text, ...] = ()
    avoided: tuple[Text, ...] = ()

    @classmethod
    def of(cls, owner_id: object, query: Query) -> Said:
        """Return what the texts among the terms of a query say."""
        return cls(owner_id, _texts(query.wanted), _texts(query.avoided))


def _texts(terms: Sequence[Term]) -> tuple[Text, ...]:
    found = (folding.phrases(one.value, quoted=one.quoted) for one in terms if one.kind == "text")
    return tuple(dict.fromkeys(text for text in found if text))


def search(photos: PhotoQuerySet, said: Said, *, limit: int = 200) -> list[WordHit]:
    """Return those of `photos` that have all words of one of the texts, best first.

    Better is where the words are more of the name, tag, album or caption that they stand in; of
    equally good ones the newest first. None are returned where more than `MANY` have the words.
    """
    if not said.wanted:
        return []
    upkeep.refresh_before_a_search(said.owner_id)
    texts = said.wanted
    found = _found(said.owner_id, texts)
    if not found and (longer := any(_is_number(text) for text in texts)):
        found = _found(said.owner_id, texts, longer=longer)
    columns = ("pk", "shown_at", "name", "caption", "camera", "lens")
    rows = photos.filter(pk__in=found).values_list(*columns) if found else ()
    known = [reasons.Known(pk, shown_at, found[pk], *rest) for pk, shown_at, *rest in rows]
    return [WordHit(pk, reason) for pk, reason in reasons.best(known, texts, limit)]


def saying(owner_id: object, texts: Sequence[Text]) -> frozenset[UUID]:
    """Return the photos of a person that have all words of one of the texts.

    Empty where more than `MANY` have them.
    """
    if not texts:
        return frozenset()
    upkeep.refresh_before_a_search(owner_id)
    return frozenset(_found(owner_id, texts))


def without(narrowed: Narrowed, said: Said) -> Narrowed:
    """Leave out the photos whose words say what is to be absent."""
    ids = saying(said.owner_id, said.avoided)
    return narrowed.leaving_out(ids) if ids else narrowed


def _is_number(text: Text) -> bool:
    return text[-1][-1].isdecimal() and len(text[-1][-1]) >= _NUMBER


def _found(owner_id: object, texts: Sequence[Text], *, longer: bool = False) -> dict[UUID, str]:
    """Return the words of the photos found; none where they are more than `MANY`.

    With `longer`, a number at the end of a text may go on.
    """
    asked = [_asked(text, longer=longer and _is_number(text)) for text in texts]
    owner = folding.owner(owner_id)
    if connection.vendor == "sqlite":
        source = f"{INDEX} JOIN {TABLE} ON {TABLE}.id = {INDEX}.rowid"
        matches, query = f"{INDEX} MATCH %s", f"{owner} AND ({' OR '.join(asked)})"
    else:
        source, query = TABLE, f"{owner} & ({' | '.join(asked)})"
        matches = f"{VECTOR} @@ to_tsquery('simple', %s)"
    rows = PhotoWords.objects.raw(
        f"SELECT {TABLE}.* FROM {source} WHERE {matches} LIMIT %s",  # noqa: S608 - no user's text
        [query, MANY + 1],
    )
    found = {row.photo_id: row.words for row in rows}
    return found if len(found) <= MANY else {}


def _asked(text: Text, *, longer: bool) -> str:
    """Return a text in the database's own query language; words are letters and digits only."""
    if connection.vendor == "sqlite":
        each = [f'"{" ".join(phrase)}"' for phrase in text]
        return f"({' AND '.join(each)}{' *' if longer else ''})"
    each = [f"({' <-> '.join(phrase)}{{}})" for phrase in text]
    ends = [""] * (len(each) - 1) + [":*" if longer else ""]
    return f"({' & '.join(one.format(end) for one, end in zip(each, ends, strict=True))})"
