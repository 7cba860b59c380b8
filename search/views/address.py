"""What the addresses of searches say, and addresses that say something else."""

from __future__ import annotations

from django.http import QueryDict
from django.utils.http import urlencode

from gallery.views import PageRequest
from search import language
from search.engine.answer import LEVELS, Asked, Sort, read_cursor
from search.language import Query, QueryError, Term

_HOW = ("fold", "sort", "least", "weak")
"""Parameters that say how an answer is shown; all others belong to the query."""


def asks_for_something(params: QueryDict) -> bool:
    """Tell whether an address has a query or filters, so that there is something to look for."""
    others = set(params) - {*_HOW, "cursor"}
    return any(value.strip() for name in others for value in params.getlist(name))


def asked(params: QueryDict, limit: int) -> Asked:
    """Return what an address asks for; raise `QueryError`."""
    return how(params, language.from_params(params), limit)


def how(params: QueryDict, query: Query, limit: int) -> Asked:
    """Return a query with how the address wants it shown: folded, without weaker matches.

    Raises `QueryError` for values that no link or form has.
    """
    least = _least(params.get("least", ""))
    return Asked(
        query,
        limit,
        params.get("cursor", ""),
        fold=params.get("fold") != "0",
        sort=_sort(params.get("sort", "")),
        # The slider's lower end is everything, also what follows behind the first hits.
        least=least or None,
        weak=params.get("weak") == "1" or least == 0,
    )


def _sort(text: str) -> Sort:
    return "newest" if text == "newest" else "relevance"


def _least(text: str) -> float | None:
    """Return the trust that a slider was set to; anything but a number counts as not set.

    It is one of the slider's steps, so that what is counted is what is shown.
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return round(value * LEVELS) / LEVELS if 0 <= value <= 1 else None


def with_picture(text: str, token: str) -> Query:
    """Return a typed query with a sent picture as one more term; raise `QueryError`."""
    return with_term(text, Term("picture", token))


def with_term(text: str, term: Term) -> Query:
    """Return a typed query with one more term; raise `QueryError`."""
    query = language.parse(text) if text.strip() else Query()
    return Query((*query.terms, term), query.filters)


class Address:
    """Addresses of the same search shown in another way, for links in the templates."""

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

    def weaker_from(self, place: int) -> str:
        """Only the weaker matches, which begin at a place of the ranking."""
        return self._with(weak="1", least=None, sort=None, cursor=str(place))

    @property
    def unset(self) -> str:
        """With what the bands let through, whatever the slider was set to."""
        return self._with(least=None, weak=None)

    @property
    def path(self) -> str:
        """Without any parameters, as a form's action."""
        return self._path

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Parameters that a form which sets the slider hands on."""
        left_out = {"cursor", "least", "weak"}
        named = ((name, values) for name, values in self._given.lists() if name not in left_out)
        return [(name, value) for name, values in named for value in values]

    @property
    def shown_as(self) -> str:
        """How look-alikes and order are chosen, for addresses of other queries: "&fold=0"."""
        chosen = {name: self._given[name] for name in ("fold", "sort") if self._given.get(name)}
        return f"&{urlencode(chosen)}" if chosen else ""

    @property
    def least(self) -> float | None:
        """The trust that the slider is set to."""
        return _least(self._given.get("least", ""))

    @property
    def with_weak(self) -> bool:
        """Whether weaker matches are listed too."""
        return self._given.get("weak") == "1" or self.least == 0

    @property
    def offset(self) -> int:
        """The place in the ranking that this page begins at."""
        try:
            return read_cursor(self._given.get("cursor", ""))
        except QueryError:
            return 0

    @property
    def newest(self) -> str:
        """Only what matches, newest first."""
        return self._with(sort="newest")

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
        return self._given.get("sort") == "newest"

    def _with(self, **changed: str | None) -> str:
        """Return the address with some parameters changed, those that are None left out."""
        kept = {name: value for name, value in self._given.lists() if name != "cursor"}
        kept |= {name: [value] if value is not None else [] for name, value in changed.items()}
        text = urlencode(kept, doseq=True)
        return f"{self._path}?{text}" if text else self._path
