"""Photos whose words are those of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from gallery.models import PhotoQuerySet
from search.filters import Narrowed
from search.fulltext import normalization, reasons, upkeep
from search.fulltext.normalization import Phrase
from search.fulltext.schema import INDEX, TABLE, VECTOR
from search.language import Query, Term
from search.models import PhotoWords

MANY = 2000
"""Words that more photos of a person have say too little: "img", "jpg", the only camera."""
TAKEN = 300
"""Of fewer photos, those added last are put in order."""
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

    owner_id: int
    wanted: tuple[Text, ...] = ()
    avoided: tuple[Text, ...] = ()

    @classmethod
    def of(cls, owner_id: int | None, query: Query) -> Said:
        """Return what the texts among the terms of a query say; nobody has no words.

        Beside a picture, wanted words change what it is to look like ("this photo, but at night"),
        and a file name with the word in it would be no such photo.
        """
        pictured = any(term.kind != "text" for term in query.wanted)
        wanted = () if pictured else _texts(query.wanted)
        return cls(owner_id or 0, wanted, _texts(query.avoided))


def _texts(terms: Sequence[Term]) -> tuple[Text, ...]:
    found = (
        normalization.phrases(one.value, quoted=one.quoted) for one in terms if one.kind == "text"
    )
    return tuple(dict.fromkeys(text for text in found if text))


def search(photos: PhotoQuerySet, said: Said, *, limit: int = 200) -> list[WordHit]:
    """Return those of `photos` that have all words of one of the texts, best first.

    Better is where the words are more of the name, tag, album or caption that they stand in; of
    equally good ones the newest first. None are returned where more than `MANY` have the words, and
    not more than `TAKEN`.
    """
    if not said.wanted:
        return []
    upkeep.refresh_before_a_search(said.owner_id)
    texts = said.wanted
    rows = _rows(said.owner_id, texts)
    if not rows and any(_is_number(text) for text in texts):
        rows = _rows(said.owner_id, texts, longer=True)
    if not rows:
        return []
    # In one query, SQLite would walk over all photos of the person.
    taken = PhotoWords.objects.filter(pk__in=rows[:TAKEN])
    written = dict(taken.values_list("photo_id", "words"))
    columns = ("pk", "shown_at", "name", "caption", "camera", "lens")
    known = {
        pk: reasons.Known(pk, shown_at, name, caption, camera, lens, written[pk])
        for pk, shown_at, name, caption, camera, lens in photos.filter(pk__in=written).values_list(
            *columns
        )
    }
    return [WordHit(pk, reason) for pk, reason in reasons.best(known.values(), texts, limit)]


def saying(owner_id: int, texts: Sequence[Text]) -> frozenset[UUID]:
    """Return the photos of a person that have all words of one of the texts.

    Empty where more than `MANY` have them.
    """
    if not texts:
        return frozenset()
    upkeep.refresh_before_a_search(owner_id)
    rows = PhotoWords.objects.filter(pk__in=_rows(owner_id, texts))
    return frozenset(rows.values_list("photo_id", flat=True))


def without(narrowed: Narrowed, said: Said) -> Narrowed:
    """Leave out the photos whose words say what is to be absent."""
    ids = saying(said.owner_id, said.avoided)
    return narrowed.leaving_out(ids) if ids else narrowed


def _is_number(text: Text) -> bool:
    return text[-1][-1].isdecimal() and len(text[-1][-1]) >= _NUMBER


def _rows(owner_id: int, texts: Sequence[Text], *, longer: bool = False) -> list[int]:
    """Return the keys of the words found, the last photo first; none where more than `MANY` are.

    With `longer`, a number at the end of a text may go on.
    """
    asked = [_asked(text, longer=longer and _is_number(text)) for text in texts]
    owner = normalization.owner(owner_id)
    if connection.vendor == "sqlite":
        select = f"SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH %s ORDER BY rowid DESC LIMIT %s"  # noqa: S608
        query = f"{owner} AND ({' OR '.join(asked)})"
    else:
        matches = f"{VECTOR} @@ to_tsquery('simple', %s)"
        select = f"SELECT id FROM {TABLE} WHERE {matches} ORDER BY id DESC LIMIT %s"  # noqa: S608
        query = f"{owner} & ({' | '.join(asked)})"
    with connection.cursor() as cursor:
        cursor.execute(select, [query, MANY + 1])
        rows = [row for (row,) in cursor.fetchall()]
    return rows if len(rows) <= MANY else []


def _asked(text: Text, *, longer: bool) -> str:
    """Return a text in the database's own query language; words are letters and digits only."""
    if connection.vendor == "sqlite":
        each = [f'"{" ".join(phrase)}"' for phrase in text]
        return f"({' AND '.join(each)}{' *' if longer else ''})"
    each = [f"({' <-> '.join(phrase)}{{}})" for phrase in text]
    ends = [""] * (len(each) - 1) + [":*" if longer else ""]
    return f"({' & '.join(one.format(end) for one, end in zip(each, ends, strict=True))})"
