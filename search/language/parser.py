"""Reads a query from text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from django.utils.translation import gettext as _

from search.language import values
from search.language.description import Cut, read_description, reads_back
from search.language.lexicon import GENERIC
from search.language.query_errors import ErrorCode, Misread, QueryError, excerpt, query_empty
from search.language.scanner import Token, clean_text, has_content, normalize_text, quote, tokens
from search.language.terms import (
    ALIASES,
    FILTERS,
    MAX_FILTERS,
    MAX_TERMS,
    MAX_VALUES,
    MAX_WEIGHT,
    PICTURES,
    URL_SCHEMES,
    Filter,
    Kind,
    Query,
    Reading,
    Term,
    closest_name,
)

_FLAGS = frozenset({"is", "has", "in"})
"""Filters that stay separate conditions: `is:favourite is:stacked` means both."""


def parse(text: str) -> Query:
    """Return the query that a text asks for.

    Raises `QueryError` with one of the codes query_empty, query_too_long, word_too_long,
    bad_characters, bad_weight, bad_filter, unknown_filter, too_many_terms and too_many_filters.
    The error is a `Misread` where it can point at a place in the text.
    """
    plain: list[str] = []
    said: list[str] = []
    signed: list[Term] = []
    terms: list[Term] = []
    filters: list[Filter] = []
    text = clean_text(text)
    for token in _join_radius(list(tokens(text))):
        if token.name and token.name not in URL_SCHEMES and token.name not in PICTURES:
            filters.append(_filter(token))
        elif not token.plain and (term := _term(token)):
            terms.append(term)
            if _is_signed_word(token):
                signed.append(term)
                said.append(token.whole)
        elif token.plain or not token.values[0].quoted:
            plain.append(token.whole)
            said.append(token.whole)
        # Filters may still be merged.
        if excess := _excess(len(terms), len(filters), 2 * MAX_FILTERS):
            raise _misread(*excess, token)
    words = normalize_text(" ".join(plain)) if plain else ""
    description, cuts = read_description(words)
    query = _complete(_with_cuts(cuts, terms, filters), description)
    if not cuts and not signed:
        return query
    with suppress(QueryError):  # All words together may be too long for one term.
        unsigned = [term for term in terms if term not in signed]
        literal = _literally(" ".join(said), unsigned, filters)
        readings = [_reading(cut, cuts, description, terms, filters) for cut in cuts]
        if len(readings) == 1 and not signed:
            readings = [replace(readings[0], plain=literal)]
        typed = " ".join(text.split())
        query = replace(query, readings=tuple(readings), plain=literal, typed=typed)
    return query


def _is_signed_word(token: Token) -> bool:
    """Tell whether a token is a word behind a mere minus, as in the name "DSC-0042 -edited"."""
    return token.sign == "-" and not (token.weight or token.name or token.values[0].quoted)


def _literally(text: str, terms: Sequence[Term], filters: Sequence[Filter]) -> Query:
    """Return the query of a text that is taken word for word, and of other terms and filters."""
    words = Term("text", normalize_text(text), quoted=True)
    return _complete(Query((words, *terms), merge_filters(filters)), "")


def with_filters(query: Query, filters: Sequence[Filter]) -> Query:
    """Return a query with further filters, with its readings. Raises `QueryError` for too many."""
    merged = merge_filters([*query.filters, *filters])
    if excess := _excess(len(query.terms), len(merged), MAX_FILTERS):
        raise QueryError(excess[0], f"{excess[1]}.")
    readings = (replace(each, plain=with_filters(each.plain, filters)) for each in query.readings)
    plain = with_filters(query.plain, filters) if query.plain else None
    return Query(query.terms, merged, tuple(readings), plain)


def _with_cuts(cuts: Iterable[Cut], terms: Sequence[Term], filters: Sequence[Filter]) -> Query:
    """Return the query of some terms and filters, and of what was cut out of a description."""
    exclusions = [term for cut in cuts for term in _exclusions(cut)]
    dates = [cut.filter for cut in cuts if cut.filter]
    return Query((*exclusions, *terms), merge_filters([*dates, *filters]))


def _exclusions(cut: Cut) -> tuple[Term, ...]:
    terms = (Term("text", " ".join(name.split()), weight=-1.0) for name in cut.names)
    return tuple(map(quote_if_needed, terms))


def _reading(
    cut: Cut,
    cuts: Sequence[Cut],
    description: str,
    terms: Sequence[Term],
    filters: Sequence[Filter],
) -> Reading:
    """Return a reading of one of several cuts, whose words in quotes are a term of their own."""
    others = [other for other in cuts if other is not cut]
    query = _with_cuts(others, [Term("text", cut.words, quoted=True), *terms], filters)
    dates = (cut.filter,) if cut.filter else ()
    return Reading(cut.words, _complete(query, description), _exclusions(cut), dates)


def term_to_text(term: Term) -> str:
    """Return a term as it is typed, with its sign."""
    size = abs(term.weight)
    weight = "" if size == 1 else f"{size:.4f}".rstrip("0").rstrip(".") + ":"
    unsigned = weight or term.quoted or term.kind != "text"
    sign = "-" if term.excluded else "" if unsigned else "+"
    if term.kind == "text":
        return sign + weight + (quote(term.value) if term.quoted else term.value)
    return f"{sign}{weight}{'picture' if term.kind == 'picture' else 'photo'}:{term.value}"


def quote_if_needed(term: Term) -> Term:
    """Return the term, in quotes if it would be read as something else without."""
    if term.kind != "text" or term.quoted:
        return term
    pieces = list(tokens(term_to_text(term)))
    alone = len(pieces) == 1 and not pieces[0].plain and not pieces[0].name
    same = alone and _bare_term(pieces[0]) == term
    return term if same else replace(term, quoted=True)


def merge_filters(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """Merge filters of one name, whose values are alternatives.

    Flags stay separate, and so do lower and upper bounds: photos must meet both.
    """
    merged: dict[tuple[object, ...], Filter] = {}
    for flt in filters:
        bound = values.bound_of(flt.name, flt.values[0]) if len(flt.values) == 1 else ""
        flag = flt.values if flt.name in _FLAGS else ()
        key = (flt.name, flt.excluded, bound, flag)
        earlier = merged[key].values if key in merged else ()
        merged[key] = replace(flt, values=tuple(dict.fromkeys([*earlier, *flt.values])))
    return tuple(merged.values())


def make_filter(name: str, texts: Iterable[str], *, excluded: bool = False) -> Filter:
    """Return a filter from unchecked values.

    Raises `QueryError` with code bad_filter when the filter does not accept a value.
    """
    canonical: list[str] = []
    for text in texts:
        value = values.check(name, text)
        if value is None:
            raise QueryError(ErrorCode.BAD_FILTER, f"{_refusal(name, text)}.")
        canonical.append(value)
    return Filter(name, tuple(dict.fromkeys(canonical)), excluded)


def _complete(query: Query, description: str) -> Query:
    """Return the query with its description in front; check that it is within the limits."""
    generic = description.lower() in GENERIC and (query.terms or query.filters)
    if has_content(description) and not generic:
        term = Term("text", description, quoted=not reads_back(description))
        query = Query((term, *query.terms), query.filters)
    for term in query.terms:
        if term.kind == "text":
            normalize_text(term.value)
    if excess := _excess(len(query.terms), len(query.filters), MAX_FILTERS):
        raise QueryError(excess[0], f"{excess[1]}.")
    if not query.terms and not query.filters:
        raise query_empty()
    return query


def _term(token: Token) -> Term | None:
    """Return the term of a token with a sign, weight, quotes or picture; None if it is empty."""
    if token.name in PICTURES:
        return _picture(token, _weight(token))
    term = _bare_term(token)
    return quote_if_needed(term) if term else None


def _bare_term(token: Token) -> Term | None:
    """Return the text term of a token exactly as typed; None if it is empty."""
    weight = _weight(token)
    value = token.values[0]
    text = value.text if value.quoted else value.text.rstrip(".,;!?，。；！？、")
    if token.name or not has_content(text):
        return None
    return Term("text", text, weight, quoted=value.quoted)


def _picture(token: Token, weight: float) -> Term:
    text = ",".join(value.text for value in token.values)
    from_outside = token.name == "picture"
    canonical = values.picture_token(text) if from_outside else values.photo_or_part(text)
    if canonical is None:
        raise _misread(ErrorCode.BAD_FILTER, _refusal(token.name, text), token)
    kind: Kind = "picture" if from_outside else "part" if "@" in canonical else "photo"
    return Term(kind, canonical, weight)


def _weight(token: Token) -> float:
    """Return the signed weight of a token. Raises `Misread` when it is out of range."""
    size = round(float(token.weight), 4) if token.weight else 1.0
    if not 0 < size <= MAX_WEIGHT:
        problem = _("The weight %(weight)s is not between 0 and %(limit)s; 2:sunset counts twice")
        details = {"weight": excerpt(token.weight), "limit": f"{MAX_WEIGHT:g}"}
        raise _misread(ErrorCode.BAD_WEIGHT, problem % details, token)
    return -size if token.sign == "-" else size


def _filter(token: Token) -> Filter:
    """Return the filter of a token. Raises `Misread` when there is no such name or value."""
    name = ALIASES.get(token.name, token.name)
    if name not in FILTERS:
        raise _misread(ErrorCode.UNKNOWN_FILTER, _unknown_filter(name, token), token)
    texts = [value.text for value in token.values if value.text or value.quoted]
    if name in {"near", "area"} and sum("," in text for text in texts) < 2:
        texts = [",".join(texts)]  # one place, whose own numbers are separated by commas
    if problem := _shape_problem(name, token, texts):
        raise _misread(ErrorCode.BAD_FILTER, problem, token)
    try:
        return make_filter(name, texts, excluded=token.sign == "-")
    except QueryError as error:
        raise _misread(ErrorCode.BAD_FILTER, error.message.rstrip("."), token) from error


def _join_radius(pieces: list[Token]) -> list[Token]:
    """Join a radius that follows near:"lat,lon" after a space to that filter."""
    joined: list[Token] = []
    for token in pieces:
        last = joined[-1] if joined else None
        radius = token.plain and values.RADIUS.fullmatch(token.whole)
        if radius and last and last.name == "near" and not _has_radius(last):
            both, whole = (*last.values, *token.values), f"{last.whole} {token.whole}"
            joined[-1] = replace(last, end=token.end, whole=whole, values=both)
        else:
            joined.append(token)
    return joined


def _has_radius(token: Token) -> bool:
    return ",".join(value.text for value in token.values).count(",") != 1


# --- sentences ------------------------------------------------------------------------------------
# Without a full stop, as `_misread` adds the place.


def _misread(code: ErrorCode, problem: str, token: Token) -> Misread:
    message = _("%(problem)s (character %(place)s: %(text)s).") % {
        "problem": problem,
        "place": token.start + 1,
        "text": excerpt(token.whole),
    }
    return Misread(code, message, start=token.start, end=token.end)


def _excess(terms: int, filters: int, most_filters: int) -> tuple[ErrorCode, str] | None:
    """Return what there is too much of, terms or filters; None if neither."""
    if terms > MAX_TERMS:
        problem = _("A query has at most %(limit)s terms") % {"limit": MAX_TERMS}
        return ErrorCode.TOO_MANY_TERMS, problem
    if filters > most_filters:
        problem = _("A query has at most %(limit)s filters") % {"limit": MAX_FILTERS}
        return ErrorCode.TOO_MANY_FILTERS, problem
    return None


def _unknown_filter(name: str, token: Token) -> str:
    details = {"filter": excerpt(f"{token.name}:"), "name": closest_name(name)}
    problem = _("There is no filter %(filter)s; put the words in quotes to search for them exactly")
    if details["name"]:
        problem = _(
            "There is no filter %(filter)s; did you mean %(name)s:? Put the words in quotes to "
            "search for them exactly"
        )
    return problem % details


def _shape_problem(name: str, token: Token, texts: list[str]) -> str:
    """Return what is wrong with a filter apart from single values; empty if nothing is."""
    details = {"filter": f"{name}:", "limit": MAX_VALUES}
    if token.weight:
        return _("The filter %(filter)s has no weight") % details
    if not texts:
        return _("The filter %(filter)s has no value") % details
    if len(texts) > MAX_VALUES:
        return _("The filter %(filter)s has more than %(limit)s values") % details
    return ""


def _refusal(name: str, value: str) -> str:
    return _("%(filter)s does not take %(value)s; it takes %(accepted)s") % {
        "filter": f"{name}:",
        "value": excerpt(value),
        "accepted": values.accepted_values(name),
    }
