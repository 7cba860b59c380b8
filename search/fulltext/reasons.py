"""Which of a photo's words were those of a query, said in a way that people understand."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from gallery.models import InAlbum, Tagged
from search.fulltext import normalization
from search.fulltext.normalization import Phrase

KINDS = ("file name", "tag", "album", "caption", "camera", "lens")
"""In the order of the lines of `PhotoWords.words`."""
_TAGS, _ALBUMS = KINDS.index("tag"), KINDS.index("album")
_BEFORE, _AFTER = 24, 60  # characters of a caption around the words

Text = tuple[Phrase, ...]


@dataclass(frozen=True)
class Known:
    """A photo that was found, with its `words` and what is shown of it."""

    pk: UUID
    shown_at: datetime
    name: str
    caption: str
    camera: str
    lens: str
    words: str


@dataclass(frozen=True)
class Place:
    """The line of a photo's words that has some of the phrases of a text.

    `share` is how much of it they are (of the closest tag or album), 0 to 1.
    """

    kind: int
    phrases: Text
    share: float


def best(found: Collection[Known], texts: Sequence[Text], limit: int) -> list[tuple[UUID, str]]:
    """Return the ids of the best photos with the reason of each."""
    places = {one.pk: _places(one.words, texts) for one in found}
    newest = sorted(found, key=lambda one: (one.shown_at, one.pk), reverse=True)
    ranked = sorted(newest, key=lambda one: -_closeness(places[one.pk]))[:limit]
    shown = _shown([(one, places[one.pk]) for one in ranked])
    return [(one.pk, "; ".join(dict.fromkeys(shown[one.pk]))) for one in ranked]


def _closeness(places: Sequence[Place]) -> float:
    """One place with all words is better than several that have some of them each."""
    if not places:
        return -1.0
    return places[0].share if len(places) == 1 else max(one.share for one in places) - 1.0


def _places(written: str, texts: Sequence[Text]) -> list[Place]:
    """Return the one place with all words of a text; else those that have some of them."""
    lines = [[f" {one} " for one in line.split(" | ")] for line in written.split("\n")]
    each = [list(_with_some(lines[: len(KINDS)], text)) for text in texts]
    whole = [
        place
        for text, some in zip(texts, each, strict=True)
        for place in some
        if len(place.phrases) == len(text)
    ]
    if whole:
        return [max(whole, key=lambda place: (place.share, -place.kind))]
    complete = [
        some
        for text, some in zip(texts, each, strict=True)
        if {phrase for place in some for phrase in place.phrases} == set(text)
    ]
    return max(complete or each, key=len)


def _with_some(lines: Iterable[list[str]], text: Text) -> Iterator[Place]:
    starts = [f" {phrase[0]}" for phrase in text]
    for kind, names in enumerate(lines):
        if not any(start in name for name in names for start in starts):
            continue
        best = max((_in(kind, name, text) for name in names), key=lambda one: _worth(one))
        if best.phrases:
            yield best


def _worth(place: Place) -> tuple[int, float]:
    return len(place.phrases), place.share


def _in(kind: int, name: str, text: Text) -> Place:
    there = tuple(one for one in text if _is_in(name, " ".join(one)))
    size = max(1, len(name.split()))
    return Place(kind, there, min(1.0, sum(map(len, there)) / size))


def _is_in(name: str, phrase: str) -> bool:
    """Tell whether a name has the words; a number may be the beginning of a longer one."""
    return f" {phrase} " in name or (phrase[-1].isdecimal() and f" {phrase}" in name)


def _shown(ranked: Sequence[tuple[Known, list[Place]]]) -> dict[UUID, list[str]]:
    names = {
        _TAGS: _names(ranked, _TAGS, Tagged, "tag__name"),
        _ALBUMS: _names(ranked, _ALBUMS, InAlbum, "album__name"),
    }
    shown: defaultdict[UUID, list[str]] = defaultdict(list)
    for one, places in ranked:
        own = {"file name": one.name, "camera": one.camera, "lens": one.lens}
        for place in places:
            kind = KINDS[place.kind]
            if kind == "caption":
                said = excerpt(one.caption, place.phrases)
            elif kind in own:
                said = own[kind]
            else:
                said = _closest(names[place.kind].get(one.pk, []), place)
            shown[one.pk].append(f"{kind}: {said}")
    return shown


def _names(
    ranked: Sequence[tuple[Known, list[Place]]], kind: int, through: type, column: str
) -> dict[UUID, list[str]]:
    """Return the tags or albums of the photos that were found by one."""
    ids = [one.pk for one, places in ranked if any(place.kind == kind for place in places)]
    names: defaultdict[UUID, list[str]] = defaultdict(list)
    if ids:
        rows = through.objects.filter(photo_id__in=ids)  # type: ignore[attr-defined]
        for photo_id, name in rows.values_list("photo_id", column):
            names[photo_id].append(name)
    return names


def _closest(names: Sequence[str], place: Place) -> str:
    """Return the name that the place speaks of; names may have changed just now."""
    return max(
        sorted(names),
        key=lambda name: _worth(_in(place.kind, _line(name), place.phrases)),
        default="…",
    )


@lru_cache(1024)
def _line(name: str) -> str:
    """Return the words of a tag or album, of which many photos have the same."""
    return f" {normalization.line([name])} "


def excerpt(text: str, wanted: Text) -> str:
    """Return the part of a caption around the first of the words, on one line."""
    # Finding the words takes longer than all else; a short caption is shown whole.
    start, end = next(_spans(text, wanted), (0, 0)) if len(text) > _AFTER else (0, 0)
    left, right = max(0, start - _BEFORE), min(len(text), end + _AFTER)
    if left:
        left = text.find(" ", left, start) + 1 or left
    if right < len(text):
        right = text.rfind(" ", end, right) if " " in text[end:right] else right
    part = re.sub(r"\s+", " ", text[left:right]).strip()
    return f"{'… ' if left else ''}{part}{' …' if right < len(text) else ''}"


def _spans(text: str, wanted: Text) -> Iterator[tuple[int, int]]:
    # Most captions say it as it was asked for; reading them word by word takes far longer.
    if (at := text.lower().find(" ".join(wanted[0]))) >= 0 and text.isascii():
        yield at, at + len(" ".join(wanted[0]))
    pieces = list(normalization.pieces(text))
    for at in range(len(pieces)):
        for phrase in wanted:
            here = pieces[at : at + len(phrase)]
            if tuple(piece.word for piece in here) == phrase:
                yield here[0].start, here[-1].end
