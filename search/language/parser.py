"""From text to a query."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from search.language import datewords, errors as typed, negation, values
from search.language.errors import QueryError
from search.language.lexicon import GENERIC
from search.language.names import ALIASES, FILTERS, PICTURES, SCHEMES, suggestion
from search.language.scanner import (
    Token,
    cleaned,
    quoted,
    says_something,
    single_spaced,
    tokens,
)
from search.language.terms import (
    MAX_FILTERS,
    MAX_TERMS,
    MAX_VALUES,
    MAX_WEIGHT,
    Filter,
    Kind,
    Misread,
    Query,
    Term,
    shown,
)

_EDGES = " ,;，；、"
_SEPARATE = frozenset({"is", "has", "in"})
"""Filters of which several are several conditions: a favourite that is stacked as well."""


def parse(text: str) -> Query:
    """Return what a text asks for; an empty text is refused.

    Raises `QueryError` with one of the codes query_empty, query_too_long, word_too_long,
    bad_characters, bad_weight, bad_filter, unknown_filter, too_many_terms and too_many_filters;
    it is a `Misread` where there is a place to point at.
    """
    plain: list[str] = []
    terms: list[Term] = []
    filters: list[Filter] = []
    for token in _with_radius(list(tokens(cleaned(text)))):
        if token.name and token.name not in SCHEMES and token.name not in PICTURES:
            filters.append(_filter(token))
        elif not token.plain and (term := _term(token)):
            terms.append(term)
        elif not token.plain and token.values[0].quoted:
            continue
        else:
            plain.append(token.whole)
        _bound(terms, filters, token)
    words = typed.parse(" ".join(plain)) if plain else ""
    described, more_terms, more_filters = _described(words)
    found = Query((*more_terms, *terms), merged([*more_filters, *filters]))
    return _checked(found, described)


def reads_back(text: str) -> bool:
    """Tell whether a description is understood as itself and nothing else."""
    try:
        pieces = list(tokens(cleaned(text)))
    except QueryError:
        return False
    plain = all(token.plain for token in pieces)
    return (
        plain
        and says_something(text)
        and _described(" ".join(p.whole for p in pieces)) == (text, [], [])
    )


def as_written(term: Term) -> str:
    """Return a term as it is typed, with its sign."""
    sign = "-" if term.weight < 0 else "+"
    size = abs(term.weight)
    weight = "" if size == 1 else f"{size:.4f}".rstrip("0").rstrip(".") + ":"
    if sign == "+" and (weight or term.quoted or term.kind != "text"):
        sign = ""
    if term.kind == "text":
        return sign + weight + (quoted(term.value) if term.quoted else term.value)
    return f"{sign}{weight}{'picture' if term.kind == 'picture' else 'photo'}:{term.value}"


def settled(term: Term) -> Term:
    """Return a term in quotes if it would be read as something else without."""
    if term.kind != "text" or term.quoted:
        return term
    pieces = list(tokens(as_written(term)))
    alone = len(pieces) == 1 and not pieces[0].plain and not pieces[0].name
    same = alone and _term(pieces[0], settle=False) == term
    return term if same else replace(term, quoted=True)


def merged(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """Put the values of one kind together, since any of them counts.

    Flags stay apart, and so do lower and upper bounds: both are to be met.
    """
    found: dict[tuple[object, ...], Filter] = {}
    for one in filters:
        bound = values.bounded(one.name, one.values[0]) if len(one.values) == 1 else ""
        flag = one.values if one.name in _SEPARATE else ()
        key = (one.name, one.excluded, bound, flag)
        known = found.get(key)
        both = tuple(dict.fromkeys([*(known.values if known else ()), *one.values]))
        found[key] = Filter(one.name, both, one.excluded)
    return tuple(found.values())


def filter_of(name: str, texts: Iterable[str], *, excluded: bool = False) -> Filter:
    """Return a filter from values that are not checked yet.

    Raises `QueryError` with code bad_filter when a value is not one that it takes.
    """
    found: list[str] = []
    for text in texts:
        value = values.check(name, text)
        if value is None:
            raise QueryError("bad_filter", _refusal(name, text))
        found.append(value)
    return Filter(name, tuple(dict.fromkeys(found)), excluded)


def _checked(found: Query, described: str) -> Query:
    """Return the query with its description, within the limits and not empty."""
    generic = described.lower() in GENERIC and (found.terms or found.filters)
    if says_something(described) and not generic:
        term = Term("text", described, quoted=not reads_back(described))
        found = Query((term, *found.terms), found.filters)
    for term in found.terms:
        if term.kind == "text":
            typed.parse(term.value)
    if len(found.terms) > MAX_TERMS:
        raise QueryError("too_many_terms", f"A query has at most {MAX_TERMS} terms.")
    if len(found.filters) > MAX_FILTERS:
        raise QueryError("too_many_filters", f"A query has at most {MAX_FILTERS} filters.")
    if not found.terms and not found.filters:
        raise QueryError("query_empty", "Type what the photo shows, for example: dog on a beach.")
    return found


def _bound(terms: list[Term], filters: list[Filter], token: Token) -> None:
    """Stop at the first term or filter too many, and say where it stands."""
    for parts, limit, code, name in (
        (terms, MAX_TERMS, "too_many_terms", "terms"),
        (filters, 2 * MAX_FILTERS, "too_many_filters", "filters"),
    ):
        if len(parts) > limit:
            raise _misread(code, f"A query has at most {min(limit, 16)} {name}", token)


def _described(text: str) -> tuple[str, list[Term], list[Filter]]:
    """Return the description that is left, what it excludes, and the dates that it names."""
    text = text.strip(_EDGES)
    terms: list[Term] = []
    filters: list[Filter] = []
    # Cutting one thing out may bring another to the end of a clause.
    for _ in range(MAX_TERMS):
        left, dates = _dated(text)
        left, named = negation.exclusions(left)
        left = single_spaced(left).strip(_EDGES)
        terms += [settled(Term("text", single_spaced(name), -1.0)) for name in named]
        filters += dates
        if not dates and not named:
            return left, terms, filters
        text = left
    return text, terms, filters


def _dated(text: str) -> tuple[str, list[Filter]]:
    found = []
    place, left = 0, ""
    for one in datewords.find(text):
        if one.start < place:
            continue
        found.append(Filter(one.name, (one.value,), one.excluded))
        left += text[place : one.start]
        place = one.end
    return single_spaced(left + text[place:]), found


def _term(token: Token, *, settle: bool = True) -> Term | None:
    """Return the term of a token with a sign, a weight, quotes or a picture; None for a blank."""
    weight = _weight(token)
    if token.name in PICTURES:
        return _picture(token, weight)
    value = token.values[0]
    text = value.text if value.quoted else token.values[0].text.rstrip(".,;!?，。；！？、")
    if token.name or not says_something(text):
        return None
    term = Term("text", text, weight, quoted=value.quoted)
    return settled(term) if settle else term


def _picture(token: Token, weight: float) -> Term:
    value = ",".join(one.text for one in token.values)
    read = values.token if token.name == "picture" else values.photo_or_region
    found = read(value)
    if found is None:
        raise _misread("bad_filter", _refusal(token.name, value), token)
    photo: Kind = "part" if "@" in found else "photo"
    return Term("picture" if token.name == "picture" else photo, found, weight)


def _weight(token: Token) -> float:
    """Return the signed weight of a token. Raises `Misread` when it is out of range."""
    size = round(float(token.weight), 4) if token.weight else 1.0
    if not 0 < size <= MAX_WEIGHT or math.isnan(size):
        raise _misread(
            "bad_weight",
            f"The weight {shown(token.weight)} is not between 0 and {MAX_WEIGHT:g}; "
            "2:sunset counts twice",
            token,
        )
    return -size if token.sign == "-" else size


def _filter(token: Token) -> Filter:
    """Return the filter of a token. Raises `Misread` when there is none of that name or value."""
    name = ALIASES.get(token.name, token.name)
    if name not in FILTERS:
        near = suggestion(name)
        hint = f"did you mean {near}:? Put" if near else "put"
        raise _misread(
            "unknown_filter",
            f"There is no filter {shown(token.name + ':')}; {hint} "
            f"words in quotes to look for them as they are",
            token,
        )
    texts = [value.text for value in token.values if value.text or value.quoted]
    if name == "near" and sum("," in one for one in texts) < 2:
        texts = [",".join(texts)]  # one place, whose figures are divided by commas themselves
    if token.weight or not texts or len(texts) > MAX_VALUES:
        problem = "has no weight" if token.weight else "has no value"
        problem = problem if token.weight or not texts else f"has more than {MAX_VALUES} values"
        raise _misread("bad_filter", f"The filter {name}: {problem}", token)
    try:
        return filter_of(name, texts, excluded=token.sign == "-")
    except QueryError as error:
        raise _misread("bad_filter", error.message.rstrip("."), token) from error


def _refusal(name: str, value: str) -> str:
    takes = values.ACCEPTED.get(name, f"words, at most {values.MAX_TEXT} characters")
    return f"{name}: does not take {shown(value)}; it takes {takes}."


def _misread(code: str, problem: str, token: Token) -> Misread:
    message = f"{problem} (character {token.start + 1}: {shown(token.whole)})."
    return Misread(code, message, start=token.start, end=token.end)


def _with_radius(found: list[Token]) -> list[Token]:
    """Put a radius that follows near:"lat,lon" after a blank into the filter."""
    kept: list[Token] = []
    for token in found:
        last = kept[-1] if kept else None
        radius = token.plain and values.RADIUS.fullmatch(token.whole)
        if radius and last and last.name == "near" and not _has_radius(last):
            both = (*last.values, *token.values)
            whole = f"{last.whole} {token.whole}"
            kept[-1] = replace(last, end=token.end, whole=whole, values=both)
        else:
            kept.append(token)
    return kept


def _has_radius(token: Token) -> bool:
    return ",".join(value.text for value in token.values).count(",") != 1
