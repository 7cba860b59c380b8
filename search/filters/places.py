"""The places of a person's library by all the names that they have, and where a text names them.

Only places of the library count, so a town that nobody photographed is an ordinary word. Towns are
known by the names that GeoNames has in any language, countries by their English ones.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

from gallery import gazetteer
from gallery.gazetteer import Town, country_names
from gallery.models import Audience, Photo, User
from gallery.recent import recent
from search.fulltext import normalization
from search.fulltext.normalization import Piece

SHORTEST = 3
"""Letters of a name that counts in plain words: a town called "Y" is no reason to look for it."""
_OTHER_NAMES = {"US": ("USA", "America"), "GB": ("UK", "Great Britain", "Britain")}
"""What people say instead of the names that GeoNames has."""
_MAX_PIECES = 10  # of a name, as `normalization.pieces` splits it


@dataclass(frozen=True)
class Mention:
    """Where a text names places: characters from `start` to `end`, and the towns that it may mean.

    `words` are those that the photos of these places have in full-text search, by
    `normalization.place_word` or `country_word`; empty for a name that is an everyday word too.
    """

    start: int
    end: int
    towns: frozenset[int]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Places:
    """The towns where photos of one library were taken, by GeoNames number."""

    towns: Mapping[int, Town]

    def called(self, name: str) -> frozenset[int]:
        """Return the towns that a name means: a town, a country, or "Lisbon, Portugal".

        Neither case nor accents matter. Codes of countries count as well: "PT".
        """
        code = name.strip().upper()
        return self.by_name.get(fold_place(name)) or self.by_country.get(code, frozenset())

    @cached_property
    def by_country(self) -> dict[str, frozenset[int]]:
        """Towns by the code of their country."""
        towns = defaultdict(set)
        for town in self.towns.values():
            towns[town.country_code].add(town.id)
        return {code: frozenset(ids) for code, ids in towns.items()}

    @cached_property
    def by_name(self) -> dict[str, frozenset[int]]:
        """Towns by folded name: of the town, of its country, and of both together."""
        found = defaultdict(set)
        for town in self.towns.values():
            for fold in _folds(town.id, town.names, town.country):
                found[fold].add(town.id)
        for code, ids in self.by_country.items():
            for fold in _country_folds(code):
                found[fold] |= ids
        return {fold: frozenset(ids) for fold, ids in found.items() if fold}

    def mentions(self, text: str) -> list[Mention]:
        """Return where a text names places, in order. The longest names come first."""
        pieces = list(normalization.pieces(text)) if self.towns else []
        found, start = [], 0
        while start < len(pieces):
            mention, end = self._mention_at(pieces, start)
            found += [mention] if mention else []
            start = end
        return found

    def _mention_at(self, pieces: list[Piece], start: int) -> tuple[Mention | None, int]:
        """Return the longest name that begins with a piece, and the piece to go on with."""
        for end in range(min(len(pieces), start + _MAX_PIECES), start, -1):
            part = pieces[start:end]
            fold = " ".join(piece.word for piece in part)
            towns = self.by_name.get(fold)
            if towns and len(fold) >= SHORTEST:
                words = () if is_everyday(fold) else tuple(self._words(fold, towns))
                return Mention(part[0].start, part[-1].end, towns, words), end
        return None, start + 1

    def _words(self, fold: str, towns: Collection[int]) -> Iterator[str]:
        """Yield the words of the towns. A country whose name is meant stands for its towns."""
        whole = {code for code in self.by_country if fold in _country_folds(code)}
        yield from map(normalization.country_word, sorted(whole))
        for key in sorted(towns):
            if self.towns[key].country_code not in whole:
                yield normalization.place_word(key)


def places_of(user: User) -> Places:
    """Return the places where the photos of a person were taken.

    There are none for an audience that may not know them.
    """
    if isinstance(user, Audience) and not user.shows_places:
        return _places(frozenset())
    return _places(recent(user, "places", partial(_town_ids, user)))


def _town_ids(user: User) -> frozenset[int]:
    photos = Photo.objects.visible_to(user).exclude(place_id=None)
    ids = photos.order_by().values_list("place_id", flat=True).distinct()
    return frozenset(key for key in ids if key is not None)


def place_names(places: Places, towns: Iterable[int] | None = None) -> list[str]:
    """Return names for people of towns, by default of all, in order, and then of their countries.

    Towns that share a name are told apart by their countries.
    """
    chosen = [places.towns[key] for key in towns or places.towns if key in places.towns]
    times = Counter(town.name for town in chosen)
    names = [town.name if times[town.name] == 1 else town.label for town in chosen]
    return list(dict.fromkeys([*names, *(town.country for town in chosen)]))


@lru_cache(16)
def _places(ids: frozenset[int]) -> Places:
    return Places(gazetteer.towns(ids))


@lru_cache(4096)
def _folds(key: int, names: Iterable[str], country: str) -> frozenset[str]:
    """Return the folded names of a town, alone and with the country."""
    alone = {fold_place(name) for name in names} - {""}
    return frozenset(alone | {f"{fold} {fold_place(country)}" for fold in alone})


@lru_cache(512)
def _country_folds(code: str) -> frozenset[str]:
    """Return the folded names of a country."""
    name = country_names().get(code, code)
    names = (name, name.removeprefix("The "), *_OTHER_NAMES.get(code, ()))
    return frozenset(map(fold_place, names))


def fold_place(name: str) -> str:
    """Return a name as names of places are compared: without case, accents and punctuation."""
    return " ".join(normalization.words(name))


def is_everyday(fold: str) -> bool:
    """Tell whether a folded name is an everyday word too: "nice", "bar", "reading"."""
    return fold in normalization.STOP_WORDS or fold in _everyday_words()


@lru_cache(1)
def _everyday_words() -> frozenset[str]:
    text = (Path(__file__).parent / "everyday_names.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in line.split())
