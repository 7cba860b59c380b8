"""What a query is made of, and the error that says what is wrong with one and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

from search.language.errors import QueryError

MAX_CHARACTERS = 4096
"""Characters of a whole query. The words of one term are bounded by `search.language.errors`."""
MAX_TERMS = 16
MAX_FILTERS = 16
MAX_VALUES = 20
"""Values of one filter."""
MAX_WEIGHT = 10.0
MAX_SHOWN = 40
"""Characters of a query that an error repeats."""

Kind = Literal["text", "photo", "picture", "part"]
_Part = TypeVar("_Part", "Term", "Filter")


@dataclass(frozen=True)
class Term:
    """Something that photos are to look like, or not to when `weight` is below zero.

    `value` is words (kind `text`), the id of a photo (`photo`), the id and a box such as
    `<id>@0.1,0.2,0.5,0.5` with left, top, width and height as fractions (`part`), or the token
    of a picture that was sent (`picture`). `quoted` words are taken as they are.
    """

    kind: Kind
    value: str
    weight: float = 1.0
    quoted: bool = False

    @property
    def excluded(self) -> bool:
        """Whether photos of this are to be left out."""
        return self.weight < 0

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """The left, top, width and height of a region as fractions; None for other terms."""
        if self.kind != "part":
            return None
        left, top, width, height = (float(part) for part in self.value.split("@")[1].split(","))
        return left, top, width, height

    @property
    def photo_id(self) -> str:
        """The id of the photo that a photo term or a region speaks of; empty for other terms."""
        return self.value.split("@")[0] if self.kind in {"photo", "part"} else ""


@dataclass(frozen=True)
class Filter:
    """A condition that photos must meet for one of `values`, or for none when `excluded`."""

    name: str
    values: tuple[str, ...]
    excluded: bool = False


@dataclass(frozen=True)
class Query:
    """What to look for and within what. All filters must be met, each by any of its values.

    The description, words without a sign, comes first among the terms if there is one.
    """

    terms: tuple[Term, ...] = ()
    filters: tuple[Filter, ...] = ()

    @property
    def wanted(self) -> tuple[Term, ...]:
        """The terms that photos are to look like."""
        return tuple(term for term in self.terms if not term.excluded)

    @property
    def avoided(self) -> tuple[Term, ...]:
        """The terms that photos are not to look like."""
        return tuple(term for term in self.terms if term.excluded)

    def without(self, part: Term | Filter) -> Query:
        """Return the query without the first such term or filter."""
        return Query(_less(self.terms, part), _less(self.filters, part))

    def replacing(self, part: Term | Filter, other: Term | Filter) -> Query:
        """Return the query with another term or filter where the first such one was."""
        if isinstance(part, Term) and isinstance(other, Term):
            place = self.terms.index(part)
            return Query((*self.terms[:place], other, *self.terms[place + 1 :]), self.filters)
        if isinstance(part, Filter) and isinstance(other, Filter):
            place = self.filters.index(part)
            return Query(self.terms, (*self.filters[:place], other, *self.filters[place + 1 :]))
        raise TypeError("A term takes the place of a term, a filter that of a filter.")


class Misread(QueryError):
    """Something in a query that cannot be understood.

    `start` and `end` say where in the text, in characters from 0, once invisible characters
    were taken out.
    """

    def __init__(self, code: str, message: str, *, start: int, end: int) -> None:
        super().__init__(code, message)
        self.start = start
        self.end = end


def shown(text: str) -> str:
    """Return the part of a query as an error repeats it: in quotes and not too long."""
    return f"“{text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + '…'}”"


def _less(parts: tuple[_Part, ...], part: Term | Filter) -> tuple[_Part, ...]:
    places = [place for place, one in enumerate(parts) if one == part]
    return parts[: places[0]] + parts[places[0] + 1 :] if places else parts
