"""Full-text search in file names, captions, tags, albums, cameras, lenses and places.

Finds the photos whose words match the texts of a query, and gives the reason for each in words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice, product
from typing import Protocol
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _

from gallery.models import InAlbum, Photo, PhotoQuerySet, Tagged
from gallery.models.dialects import one_of
from search.fulltext import normalization, upkeep
from search.fulltext.normalization import Text
from search.fulltext.upkeep import INDEX, TABLE, VECTOR, catch_up, faults, rebuild, refresh
from search.language.terms import Query, Term
from search.models import PhotoWords

__all__ = [
    "TextHit",
    "TextQuery",
    "catch_up",
    "faults",
    "photos_in",
    "photos_with_text",
    "rebuild",
    "refresh",
    "search",
]  # fmt: skip

MANY = 2000
"""Words that more of a person's photos have carry too little meaning: "img", "jpg", the only
camera."""
MAX_RANKED = 300
"""Of all hits, so many are ranked: the photos added last."""
_NUMBER = 4  # digits from which on a number may be the beginning of a longer one, such as a date
_BEFORE, _AFTER = 24, 60  # characters of a caption around the words

# In the order of the lines of `PhotoWords.words`.
_REASONS = {
    "file name": _("file name: %(text)s"),
    "tag": _("tag: %(text)s"),
    "album": _("album: %(text)s"),
    "caption": _("caption: %(text)s"),
    "camera": _("camera: %(text)s"),
    "lens": _("lens: %(text)s"),
    "place": _("place: %(text)s"),
}
_KINDS = tuple(_REASONS)
MAX_READINGS = 8
"""Combinations of places that the names in one text may mean: there are many Springfields."""
_TABLES = {"tag": (Tagged, "tag__name"), "album": (InAlbum, "album__name")}


@dataclass(frozen=True)
class TextHit:
    """A photo whose words match a query.

    `reason` says which words matched: "file name: IMG_2231.jpg", "caption: … in Lisbon". `exact`
    says that the query is a whole name of the photo.
    """

    photo_id: UUID
    reason: str
    exact: bool = False


class Mention(Protocol):
    """Where a text names places: its characters from `start` to `end`, as words of photos."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def words(self) -> tuple[str, ...]: ...


Mentions = Callable[[str], Sequence[Mention]]


def _no_places(_text: str) -> Sequence[Mention]:
    return ()


@dataclass(frozen=True)
class TextQuery:
    """The texts of a person's query, as full-text search compares them.

    A photo matches when it has all phrases of one of the `wanted` texts. Photos that have all
    phrases of one of the `avoided` texts are left out.
    """

    owner_id: int
    wanted: tuple[Text, ...] = ()
    avoided: tuple[Text, ...] = ()

    @classmethod
    def from_query(
        cls, owner_id: int | None, query: Query, mentions: Mentions = _no_places
    ) -> TextQuery:
        """Return the texts among the terms of a query; `owner_id` is None for nobody.

        `mentions` finds the names of places in a text. A text with some is looked for twice: as it
        is, and with the places in the stead of their names.

        Beside a picture there are no wanted texts: in "this photo, but at night" the words change
        what the picture should look like, and a photo with "night" in its file name is no match.
        """
        with_picture = any(term.kind != "text" for term in query.wanted)
        wanted = () if with_picture else _texts(query.wanted, mentions)
        return cls(owner_id or 0, wanted, _texts(query.avoided, mentions))


def _texts(terms: Sequence[Term], mentions: Mentions) -> tuple[Text, ...]:
    texts: list[Text] = []
    for term in (term for term in terms if term.kind == "text"):
        texts.append(normalization.phrases(term.value, quoted=term.quoted))
        texts += _placed(term, [each for each in mentions(term.value) if each.words])
    return tuple(dict.fromkeys(text for text in texts if text))


def _placed(term: Term, mentions: Sequence[Mention]) -> Iterator[Text]:
    """Yield the texts of a term with places in the stead of their names; nothing without any."""
    if not mentions:
        return
    rest = without(term.value, mentions)
    phrases = normalization.phrases(rest, quoted=term.quoted)
    # "in" and "photos from" say nothing more.
    said = tuple(phrase for phrase in phrases if not normalization.STOP_WORDS.issuperset(phrase))
    for words in islice(product(*(mention.words for mention in mentions)), MAX_READINGS):
        yield (*said, *((word,) for word in words))


def without(text: str, mentions: Sequence[Mention]) -> str:
    """Return a text without the names of places in it."""
    for mention in reversed(mentions):
        text = f"{text[: mention.start]} {text[mention.end :]}"
    return text


# --- finding --------------------------------------------------------------------------------------


def search(photos: PhotoQuerySet, query: TextQuery, *, limit: int = 200) -> list[TextHit]:
    """Return those of `photos` that have all words of a wanted text, best first.

    A hit is better the more of a name, tag, album or caption its words make up; among equals the
    newest photo comes first. Returns nothing where more than `MANY` photos have the words, and at
    most `MAX_RANKED` hits.
    """
    if not query.wanted:
        return []
    upkeep.refresh_before_search(query.owner_id)
    texts = query.wanted
    rows = _matching_rows(query.owner_id, texts)
    if not rows and any(map(_ends_in_number, texts)):
        rows = _matching_rows(query.owner_id, texts, open_numbers=True)
    if not rows:
        return []
    # In one query, SQLite would scan all photos of the person.
    ranked = PhotoWords.objects.filter(pk__in=rows[:MAX_RANKED])
    words = dict(ranked.values_list("photo_id", "words"))
    columns = ("pk", "shown_at", "name", "caption", "camera", "lens", "place")
    found = photos.filter(pk__in=words).values_list(*columns)
    return _best_hits([Candidate(words[row[0]], *row) for row in found], texts, limit)


def photos_with_text(owner_id: int, texts: Sequence[Text]) -> frozenset[UUID]:
    """Return the photos of a person that have all words of one of the texts.

    Empty where more than `MANY` photos have them.
    """
    if not texts:
        return frozenset()
    upkeep.refresh_before_search(owner_id)
    rows = PhotoWords.objects.filter(pk__in=_matching_rows(owner_id, texts))
    return frozenset(rows.values_list("photo_id", flat=True))


def _ends_in_number(text: Text) -> bool:
    return text[-1][-1].isdecimal() and len(text[-1][-1]) >= _NUMBER


def _matching_rows(
    owner_id: int, texts: Sequence[Text], *, open_numbers: bool = False
) -> list[int]:
    """Return the keys of matching rows, the last photo first; none where more than `MANY` match.

    With `open_numbers`, a number at the end of a text may be the beginning of a longer one.
    """
    queries = [
        _database_query(text, open_end=open_numbers and _ends_in_number(text)) for text in texts
    ]
    owner = normalization.owner_word(owner_id)
    if connection.vendor == "sqlite":
        select = f"SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH %s ORDER BY rowid DESC LIMIT %s"  # noqa: S608
        query = f"{owner} AND ({' OR '.join(queries)})"
    else:
        matches = f"{VECTOR} @@ to_tsquery('simple', %s)"
        select = f"SELECT id FROM {TABLE} WHERE {matches} ORDER BY id DESC LIMIT %s"  # noqa: S608
        query = f"{owner} & ({' | '.join(queries)})"
    with connection.cursor() as cursor:
        cursor.execute(select, [query, MANY + 1])
        rows = [row for (row,) in cursor.fetchall()]
    return rows if len(rows) <= MANY else []


def _database_query(text: Text, *, open_end: bool) -> str:
    """Return a text in the query language of the database; words are letters and digits only."""
    if connection.vendor == "sqlite":
        phrases = [f'"{" ".join(phrase)}"' for phrase in text]
        return f"({' AND '.join(phrases)}{' *' if open_end else ''})"
    phrases = [" <-> ".join(phrase) for phrase in text]
    phrases[-1] += ":*" if open_end else ""
    return f"(({') & ('.join(phrases)}))"


def photos_in(towns: Collection[int], photo_ids: Sequence[UUID]) -> list[TextHit]:
    """Return those of some photos that were taken in towns, by GeoNames number, in their order."""
    photos = Photo.objects.filter(pk__in=one_of(photo_ids), place_id__in=one_of(towns, int))
    places = dict(photos.values_list("pk", "place"))
    reason = str(_REASONS["place"])
    return [TextHit(pk, reason % {"text": places[pk]}) for pk in photo_ids if pk in places]


# --- ranking --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """A photo that has the words, with what a reason may quote."""

    words: str
    pk: UUID
    shown_at: datetime
    name: str
    caption: str
    camera: str
    lens: str
    place: str


@dataclass(frozen=True)
class Match:
    """The phrases of a text that one line of a photo's words has.

    `kind` is the number of the line. `share` says how much of it the phrases make up (of the
    closest tag or album), from 0 to 1.
    """

    kind: int
    phrases: Text
    share: float

    @property
    def weight(self) -> tuple[int, float]:
        """For comparing matches: more phrases first, then the greater share."""
        return len(self.phrases), self.share


def _best_hits(
    candidates: Collection[Candidate], texts: Sequence[Text], limit: int
) -> list[TextHit]:
    matches = {photo.pk: _matches(photo.words, texts) for photo in candidates}
    newest = sorted(candidates, key=lambda photo: (photo.shown_at, photo.pk), reverse=True)
    ranked = sorted(newest, key=lambda photo: -_closeness(matches[photo.pk]))[:limit]
    reasons = _reasons([(photo, matches[photo.pk]) for photo in ranked])
    return [TextHit(photo.pk, "; ".join(dict.fromkeys(reasons[photo.pk]))) for photo in ranked]


def _closeness(matches: Sequence[Match]) -> float:
    """One line with all words counts more than several that have some of them each."""
    best = max((match.share for match in matches), default=0.0)
    return best if len(matches) == 1 else best - 1.0


def _matches(words: str, texts: Sequence[Text]) -> list[Match]:
    """Return the one line that has all of a text; else the lines that have some of it."""
    lines = [[f" {name} " for name in line.split(" | ")] for line in words.split("\n")]
    by_text = {text: list(_line_matches(lines[: len(_KINDS)], text)) for text in texts}
    pairs = [(text, match) for text, matches in by_text.items() for match in matches]
    if whole := [match for text, match in pairs if len(match.phrases) == len(text)]:
        return [max(whole, key=lambda match: (match.share, -match.kind))]
    complete = [
        matches
        for text, matches in by_text.items()
        if {phrase for match in matches for phrase in match.phrases} == set(text)
    ]
    return max(complete or by_text.values(), key=len)


def _line_matches(lines: Iterable[list[str]], text: Text) -> Iterator[Match]:
    starts = [f" {phrase[0]}" for phrase in text]
    for kind, names in enumerate(lines):
        if not any(start in name for name in names for start in starts):
            continue
        best = max((_match(kind, name, text) for name in names), key=lambda match: match.weight)
        if best.phrases:
            yield best


def _match(kind: int, name: str, text: Text) -> Match:
    phrases = tuple(phrase for phrase in text if _has_phrase(name, " ".join(phrase)))
    size = max(1, len(name.split()))
    return Match(kind, phrases, min(1.0, sum(map(len, phrases)) / size))


def _has_phrase(name: str, phrase: str) -> bool:
    """Tell whether a name has a phrase; a number may be the beginning of a longer one."""
    return f" {phrase} " in name or (phrase[-1].isdecimal() and f" {phrase}" in name)


# --- reasons --------------------------------------------------------------------------------------


def _reasons(ranked: Sequence[tuple[Candidate, list[Match]]]) -> dict[UUID, list[str]]:
    names = {}
    for kind, table in _TABLES.items():
        place = _KINDS.index(kind)
        ids = [photo.pk for photo, matches in ranked if place in {each.kind for each in matches}]
        names[kind] = upkeep.names_by_photo(ids, *table)
    reasons: defaultdict[UUID, list[str]] = defaultdict(list)
    for photo, matches in ranked:
        columns = {
            "file name": photo.name,
            "camera": photo.camera,
            "lens": photo.lens,
            "place": photo.place,
        }
        for match in matches:
            kind = _KINDS[match.kind]
            if kind == "caption":
                text = caption_excerpt(photo.caption, match.phrases)
            elif kind in columns:
                text = columns[kind]
            else:
                text = _closest_name(names[kind].get(photo.pk, []), match)
            reasons[photo.pk].append(str(_REASONS[kind]) % {"text": text})
    return reasons


def _closest_name(names: Sequence[str], match: Match) -> str:
    """Return the name that matched; "…" if it has just been changed."""

    def weight(name: str) -> tuple[int, float]:
        return _match(match.kind, _name_words(name), match.phrases).weight

    return max(names, key=weight, default="…")


@lru_cache(1024)
def _name_words(name: str) -> str:
    """Return the words of a tag or album; many photos share the same ones."""
    return f" {normalization.line([name])} "


def caption_excerpt(text: str, phrases: Text) -> str:
    """Return the part of a caption around the first of the phrases, on one line."""
    # Finding the words takes longer than everything else, so a short caption is shown whole.
    start, end = next(_spans(text, phrases), (0, 0)) if len(text) > _AFTER else (0, 0)
    left, right = max(0, start - _BEFORE), min(len(text), end + _AFTER)
    if left:
        left = text.find(" ", left, start) + 1 or left
    if right < len(text):
        right = text.rfind(" ", end, right) if " " in text[end:right] else right
    part = re.sub(r"\s+", " ", text[left:right]).strip()
    return f"{'… ' if left else ''}{part}{' …' if right < len(text) else ''}"


def _spans(text: str, phrases: Text) -> Iterator[tuple[int, int]]:
    """Yield where the phrases are in a text."""
    # Most captions contain the words as typed. Reading word by word takes far longer.
    if (at := text.lower().find(" ".join(phrases[0]))) >= 0 and text.isascii():
        yield at, at + len(" ".join(phrases[0]))
    pieces = list(normalization.pieces(text))
    for at in range(len(pieces)):
        for phrase in phrases:
            here = pieces[at : at + len(phrase)]
            if tuple(piece.word for piece in here) == phrase:
                yield here[0].start, here[-1].end
