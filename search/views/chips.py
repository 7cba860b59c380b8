"""The chips above the results: one for each part of a query, with the picture it names."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _, gettext_lazy

from gallery import gazetteer
from gallery.areas import Area
from gallery.models import User
from search import language
from search.language import Chip, Filter, Query, Term, values
from search.language.terms import MAX_TERMS
from search.views.pictures import Picture, picture_of

WEIGHTS = (0.5, 1.0, 2.0, 3.0)
"""How much a term may count, step by step; other weights can be typed."""


@dataclass(frozen=True)
class QueryChip:
    """A chip as it is drawn, with the address of the query without it.

    `flipped` is the address of the query with the opposite filter. `more` and `less` are those of
    the query in which a term counts a step more or less; below the least weight it is left out.
    They are empty where there is no such step, and for filters. `image` is the address of the
    picture that a term shows, `link` that of its photo, or of a part of the map; both are empty for
    words and most filters.
    `words` are the typed words that were read as this date or exclusion, and `as_words` is the
    address of the query in which they are words; both are empty for all other parts.
    """

    chip: Chip
    label: str
    without: str
    flipped: str = ""
    more: str = ""
    less: str = ""
    leaves_out: bool = False
    image: str = ""
    link: str = ""
    is_filter: bool = False
    words: str = ""
    as_words: str = ""

    @property
    def excluded(self) -> bool:
        """Whether photos of this are left out."""
        return self.chip.sign == "-"


@dataclass(frozen=True)
class Refine:
    """The text before and after one more term in the address of the same query.

    `start + "photo:<id>" + end` asks for more like that photo, `"-photo:<id>"` for less, and
    several terms are separated by "+". `room` says how many terms there may still be.
    """

    start: str
    end: str
    room: int


@dataclass(frozen=True)
class PlainReading:
    """A query as nothing but words: its text and address, and how else they were read."""

    notes: tuple[str, ...]
    text: str
    address: str


_READ_AS = {
    True: gettext_lazy("“%(words)s” was read as a date."),
    False: gettext_lazy("“%(words)s” was read as something to leave out."),
}


def query_chips(user: User, query: Query, shown_as: str = "") -> list[QueryChip]:
    """Return a chip for each part of a query, terms first.

    `shown_as` goes at the end of each address, such as "&fold=0".
    """
    chips = language.chips(query)
    pairs = zip(chips, query.terms, strict=False)
    terms = [_of_term(user, query, chip, term, shown_as) for chip, term in pairs]
    filters = zip(chips[len(terms) :], query.filters, strict=True)
    drawn = terms + [_of_filter(chip, flt, shown_as) for chip, flt in filters]
    parts: list[Term | Filter] = [*query.terms, *query.filters]
    return [
        _with_words(chip, query, part, shown_as) for chip, part in zip(drawn, parts, strict=True)
    ]


def _with_words(chip: QueryChip, query: Query, part: Term | Filter, shown_as: str) -> QueryChip:
    """Return a chip with the words that it was read from, if any."""
    reading = next((each for each in query.readings if each.is_of(part)), None)
    if reading is None:
        return chip
    plain = address_of(language.turned_back(query, reading), shown_as)
    return replace(chip, words=reading.words, as_words=plain)


def plain_reading(query: Query, shown_as: str = "") -> PlainReading | None:
    """Return what to offer where nothing is left because of how words were read."""
    if query.plain is None:
        return None
    notes = tuple(_READ_AS[bool(each.filters)] % {"words": each.words} for each in query.readings)
    text = language.to_text(query.plain)
    return PlainReading(notes, text, address_of(text, shown_as))


def address_of(text: str, shown_as: str = "") -> str:
    """Return the address of a search for a query; without one, that of all photos."""
    return f"{reverse('search')}?{urlencode({'q': text})}{shown_as}" if text else reverse("grid")


def refine(query: Query, shown_as: str = "") -> Refine:
    """Return how the query is asked again with photos as further terms."""
    terms, filters = (
        language.to_text(Query(query.terms)),
        language.to_text(Query((), query.filters)),
    )
    start = urlencode({"q": f"{terms} "}) if terms else "q="
    end = urlencode({"": f" {filters}"})[1:] if filters else ""
    return Refine(f"{reverse('search')}?{start}", f"{end}{shown_as}", MAX_TERMS - len(query.terms))


def _of_term(user: User, query: Query, chip: Chip, term: Term, shown_as: str) -> QueryChip:
    less, more = _steps(query, term)
    picture = picture_of(user, term) if term.kind != "text" else None
    return QueryChip(
        chip,
        chip.label if term.kind == "text" else _label(term, picture),
        address_of(chip.without, shown_as),
        more=_weighted(query, term, more, shown_as),
        less=_weighted(query, term, less, shown_as),
        leaves_out=less is not None and less < 0,
        image=picture.image if picture else "",
        link=picture.link if picture else "",
    )


def _steps(query: Query, term: Term) -> tuple[float | None, float | None]:
    """Return the weights one step below and above that of a term; None where there is no step.

    Weights compare terms, so a term alone is only wanted or left out.
    """
    if term.excluded:
        return None, 1.0
    weights = WEIGHTS if len(query.terms) > 1 else ()
    lighter = [weight for weight in weights if weight < term.weight]
    heavier = [weight for weight in weights if weight > term.weight]
    return (lighter[-1] if lighter else -1.0), (heavier[0] if heavier else None)


def _weighted(query: Query, term: Term, weight: float | None, shown_as: str) -> str:
    if weight is None:
        return ""
    return address_of(
        language.to_text(query.replacing(term, replace(term, weight=weight))), shown_as
    )


def _label(term: Term, picture: Picture | None) -> str:
    if term.kind == "picture":
        if picture is None:
            return _("A picture that is no longer kept")
        name = picture.name
        return _("Looks like %(name)s") % {"name": name} if name else _("Looks like your picture")
    if picture is None:
        return _("A photo that is not in the gallery")
    text = _("Part of %(name)s") if term.kind == "part" else _("Similar to %(name)s")
    return text % {"name": picture.name}


def _of_filter(chip: Chip, flt: Filter, shown_as: str) -> QueryChip:
    # The sign is drawn apart from the label.
    label, link = language.filter_label(replace(flt, excluded=False)), ""
    if flt.name == "area":
        label, link = _of_area(values.area(flt.values[0]), label)
    without, flipped = address_of(chip.without, shown_as), address_of(chip.flipped, shown_as)
    return QueryChip(chip, label, without, flipped, link=link, is_filter=True)


def _of_area(area: Area, label: str) -> tuple[str, str]:
    """Return the label of a part of the map, with a town near its middle, and its address."""
    town = gazetteer.nearest(*area.middle)
    named = _("on the map near %(town)s") % {"town": town.label} if town else label
    return named, f"{reverse('places')}#{area}"
