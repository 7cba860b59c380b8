"""The chips above the results: one for each part of a query, with the picture it names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _, gettext_lazy

from gallery.models import Photo, User
from search import language
from search.engine import sent_pictures
from search.language import Chip, Filter, Query, Term
from search.language.terms import MAX_TERMS

WEIGHTS = (0.5, 1.0, 2.0, 3.0)
"""Weights to choose from; others can be typed."""


@dataclass(frozen=True)
class Weight:
    """A weight for a term, and the address of the query in which it has this weight."""

    value: float
    address: str


@dataclass(frozen=True)
class QueryChip:
    """A chip as it is drawn, with the addresses of the query without it and with its sign turned.

    `image` is the address of the picture that a term shows, `link` that of its photo; both are
    empty for words and filters. `weights` is empty where a weight changes nothing. `words` are the
    typed words that were read as this date or exclusion, and `as_words` is the address of the
    query in which they are words; both are empty for all other parts.
    """

    chip: Chip
    label: str
    without: str
    flipped: str
    image: str = ""
    link: str = ""
    weights: tuple[Weight, ...] = ()
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
    terms = [
        replace(_of_term(user, chip, shown_as), weights=_weights(query, term, shown_as))
        for chip, term in zip(chips, query.terms, strict=False)
    ]
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


def _weights(query: Query, term: Term, shown_as: str) -> tuple[Weight, ...]:
    """Return the weights to choose from; a term alone has none, since weights compare terms."""
    if len(query.terms) < 2 or not query.wanted:
        return ()
    sign = -1 if term.excluded else 1
    return tuple(
        Weight(value, address_of(_weighted(query, term, sign * value), shown_as))
        for value in sorted({*WEIGHTS, abs(term.weight)})
    )


def _weighted(query: Query, term: Term, weight: float) -> str:
    return language.to_text(query.replacing(term, replace(term, weight=weight)))


def _of_term(user: User, chip: Chip, shown_as: str) -> QueryChip:
    label, image, link = chip.label, "", ""
    if chip.kind in {"photo", "part"}:
        label, image, link = _of_photo(user, chip)
    elif chip.kind == "picture":
        label, image = _of_sent(user, chip)
    without, flipped = address_of(chip.without, shown_as), address_of(chip.flipped, shown_as)
    return QueryChip(chip, label, without, flipped, image, link)


def _of_filter(chip: Chip, flt: Filter, shown_as: str) -> QueryChip:
    # The sign is drawn apart from the label.
    label = language.filter_label(replace(flt, excluded=False))
    without, flipped = address_of(chip.without, shown_as), address_of(chip.flipped, shown_as)
    return QueryChip(chip, label, without, flipped, is_filter=True)


def _of_photo(user: User, chip: Chip) -> tuple[str, str, str]:
    photo_id = _id_of(chip).split("@")[0]
    photo = Photo.objects.visible_to(user).filter(pk=photo_id).first()
    if photo is None:
        return _("A photo that is not in the gallery"), "", ""
    text = _("Part of %(name)s") if chip.kind == "part" else _("Similar to %(name)s")
    label = text % {"name": photo.name}
    image = reverse("thumbnail", args=[photo.pk]) if photo.decoded_at else ""
    return label, image, photo.get_absolute_url()


def _of_sent(user: User, chip: Chip) -> tuple[str, str]:
    row = sent_pictures.picture_of(user, _id_of(chip))
    if row is None:
        return _("A picture that is no longer kept"), ""
    label = (
        _("Looks like %(name)s") % {"name": row.name} if row.name else _("Looks like your picture")
    )
    return label, reverse("sent-picture", args=[row.pk])


def _id_of(chip: Chip) -> str:
    """Return the id in a term such as `-0.5:photo:<id>`."""
    return UUID(chip.text.split("@")[0].rpartition(":")[2]).hex
