"""What the address of a search asks for, and addresses of the same search listed otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import QueryDict
from django.utils.http import urlencode

from gallery.models import User
from gallery.views import PageRequest
from search import language
from search.engine import names
from search.engine.answer import SearchRequest, Sort
from search.engine.cursor import read_cursor
from search.engine.figures import LEVELS
from search.language import Query, QueryError

_LISTING = ("fold", "sort", "least", "weak")
"""Parameters that say how an answer is listed; all others belong to the query."""
CLOSEST = 20
"""Photos that a page lists where none matches well."""


def has_query(params: QueryDict) -> bool:
    """Tell whether an address has text or filters to search for."""
    others = set(params) - {*_LISTING, "cursor"}
    return any(value.strip() for name in others for value in params.getlist(name))


def query_of(user: User, params: QueryDict) -> Query:
    """Return the query of an address; a text that is a name here is that name.

    Raises `QueryError`.
    """
    return language.from_params(params, lambda text: names.read(user, text))


def request_of(params: QueryDict, limit: int, query: Query) -> SearchRequest:
    """Return how an address asks for a query to be listed.

    Raises `QueryError` for values that no link or form has.
    """
    least = _least(params.get("least", ""))
    return SearchRequest(
        query,
        limit,
        params.get("cursor", ""),
        fold=params.get("fold") != "0",
        sort=_sort(params.get("sort", "")),
        # The lower end of the slider is everything, also what follows behind the window.
        least=least or None,
        weak=params.get("weak") == "1" or least == 0,
        closest=CLOSEST,
    )


def _least(text: str) -> float | None:
    """Return the confidence that the slider was set to; None if it is not a number.

    It is one of the slider's steps, so that as many photos are listed as it counts.
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return round(value * LEVELS) / LEVELS if 0 <= value <= 1 else None


def with_pictures(user: User, typed: str, pictures: Sequence[str]) -> str:
    """Return the text of a query as it was typed, with pictures beside it; raise `QueryError`.

    What is no picture is left out. The typed text alone may be a name, which the whole is not.
    """
    words = language.to_words(names.read(user, typed)) if typed.strip() else ""
    _words, terms = language.split_pictures(" ".join(pictures))
    text = " ".join([words, *map(language.term_to_text, terms)]).strip()
    if text:
        language.parse(text)
    return text


class Address:
    """Addresses of the same search listed in another way, for links in templates."""

    def __init__(self, request: PageRequest, cursor: str | None) -> None:
        self._path, self._given, self._cursor = request.path, request.GET, cursor

    @property
    def more(self) -> str:
        """The next page."""
        return self._with(cursor=self._cursor)

    @property
    def folded(self) -> str:
        """With look-alikes as one."""
        return self._with(fold=None)

    @property
    def unfolded(self) -> str:
        """With every photo by itself."""
        return self._with(fold="0")

    @property
    def weaker(self) -> str:
        """With weaker matches below the others."""
        return self._with(weak="1", least=None, sort=None)

    def weaker_from(self, cursor: str) -> str:
        """Only the weaker matches, which begin at a cursor of the list."""
        return self._with(weak="1", least=None, sort=None, cursor=cursor)

    @property
    def unset(self) -> str:
        """With the matches of the bands, whatever the slider was set to."""
        return self._with(least=None, weak=None)

    @property
    def path(self) -> str:
        """Without any parameters, as a form's action."""
        return self._path

    @property
    def kept(self) -> list[tuple[str, str]]:
        """The parameters that the form of the slider passes on."""
        left_out = {"cursor", "least", "weak"}
        return [
            (name, value)
            for name, values in self._given.lists()
            if name not in left_out
            for value in values
        ]

    @property
    def shown_as(self) -> str:
        """How look-alikes and order are chosen, for addresses of other queries, as "&fold=0"."""
        chosen = {name: self._given[name] for name in ("fold", "sort") if self._given.get(name)}
        return f"&{urlencode(chosen)}" if chosen else ""

    @property
    def least(self) -> float | None:
        """The confidence that the slider is set to."""
        return _least(self._given.get("least", ""))

    @property
    def with_weak(self) -> bool:
        """Whether weaker matches are listed too."""
        return self._given.get("weak") == "1" or self.least == 0

    @property
    def offset(self) -> int:
        """The position at which this page begins."""
        try:
            return read_cursor(self._given.get("cursor", "")).position
        except QueryError:
            return 0

    @property
    def newest(self) -> str:
        """Only what matches, newest first."""
        return self._with(sort="newest")

    @property
    def best(self) -> str:
        """Only what matches, the best of each burst, best first."""
        return self._with(sort="best")

    @property
    def sort(self) -> str:
        """The order that was asked for: newest, best, or nothing for relevance."""
        return next((sort for sort in ("newest", "best") if self._given.get("sort") == sort), "")

    @property
    def relevance(self) -> str:
        """Best first."""
        return self._with(sort=None)

    @property
    def is_folded(self) -> bool:
        """Whether look-alikes are shown as one."""
        return self._given.get("fold") != "0"

    @property
    def by_date(self) -> bool:
        """Whether the newest come first."""
        return self.sort == "newest"

    def _with(self, **changed: str | None) -> str:
        """Return the address with some parameters changed; None removes one."""
        kept = {name: value for name, value in self._given.lists() if name != "cursor"}
        kept |= {name: [value] if value is not None else [] for name, value in changed.items()}
        text = urlencode(kept, doseq=True)
        return f"{self._path}?{text}" if text else self._path


def _sort(text: str) -> Sort:
    """Return the order of that name; links that nobody made get the usual one."""
    return next((sort for sort in Sort if sort == text), Sort.RELEVANCE)
