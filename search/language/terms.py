"""What a query consists of: terms, filters, and the names that may stand before a colon."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

MAX_CHARACTERS = 4096
"""Characters of a whole query. `scanner.normalize_text` limits the words of one term."""
MAX_TERMS = 16
MAX_FILTERS = 16
MAX_VALUES = 20
"""Values of one filter."""
MAX_WEIGHT = 10.0

Kind = Literal["text", "photo", "picture", "part"]

FILTERS = {
    "after": _("taken on or after, such as after:2020, after:2020-06-01"),
    "before": _("taken before, such as before:2020"),
    "date": _("taken within, such as date:2019..2021, date:summer-2023"),
    "camera": _("camera make or model, such as camera:Nikon"),
    "lens": _("lens, such as lens:50mm"),
    "orientation": _("landscape, portrait or square"),
    "aspect": _("width to height, such as aspect:16:9, aspect:>2"),
    "colour": _("main colour, such as colour:red"),
    "album": _("in an album, such as album:Lisbon"),
    "tag": _("with a tag, such as tag:family"),
    "label": _("with a label of your label sets, such as label:dog"),
    "type": _("file type, such as type:heic"),
    "name": _("file name, such as name:IMG_2231"),
    "place": _("taken in a town or country, such as place:Lisbon"),
    "area": _("taken in a part of the map, such as area:38.6,-9.3,38.8,-9"),
    "near": _("taken near, such as near:38.72,-9.14,5km"),
    "size": _("file size or megapixels, such as size:>10MB, size:>12mp"),
    "rating": _("stars, such as rating:>=4"),
    "is": _("favourite, stacked or untagged"),
    "has": _("gps, caption, date, camera or tag"),
    "in": _("in any album, such as in:album"),
}
"""All filters by name, each with a short explanation."""

PICTURES = ("photo", "picture")
"""Names of terms that are pictures: a photo of the gallery, or a picture from outside."""

ALIASES = {
    "color": "colour", "filename": "name", "file": "name", "filetype": "type", "format": "type",
    "since": "after", "year": "date", "taken": "date", "tags": "tag", "keyword": "tag",
    "albums": "album", "labels": "label", "stars": "rating", "ratio": "aspect", "town": "place",
    "city": "place", "country": "place",
}  # fmt: skip

NAMES = frozenset([*FILTERS, *PICTURES, *ALIASES])
"""Everything that may stand before a colon."""

URL_SCHEMES = frozenset({"http", "https", "ftp", "file", "mailto", "data", "tel", "sms", "about"})
"""A web address begins with one of these and is text, not a filter."""


def closest_name(name: str) -> str:
    """Return the name of the filter that was probably meant; empty when none is similar."""
    near = difflib.get_close_matches(name, sorted(NAMES), n=1)
    return ALIASES.get(near[0], near[0]) if near else ""


@dataclass(frozen=True)
class Term:
    """Something that photos should look like, or should not when `weight` is negative.

    `value` depends on `kind`: words (`text`); the id of a photo (`photo`); the id of a photo and
    a box such as `<id>@0.1,0.2,0.5,0.5`, with left, top, width and height as fractions (`part`);
    or the token of a picture from outside (`picture`). `quoted` words are taken literally.
    """

    kind: Kind
    value: str
    weight: float = 1.0
    quoted: bool = False

    @property
    def excluded(self) -> bool:
        """Whether photos of this are left out."""
        return self.weight < 0

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """Left, top, width and height of a part as fractions; None for other terms."""
        if self.kind != "part":
            return None
        left, top, width, height = (float(side) for side in self.value.split("@")[1].split(","))
        return left, top, width, height

    @property
    def photo_id(self) -> str:
        """The id of the photo that a photo or part term names; empty for other terms."""
        return self.value.split("@")[0] if self.kind in {"photo", "part"} else ""


@dataclass(frozen=True)
class Filter:
    """A condition: photos must meet one of `values`, or none of them when `excluded`."""

    name: str
    values: tuple[str, ...]
    excluded: bool = False


@dataclass(frozen=True)
class Reading:
    """Words of a typed text that were read as a date or as an exclusion.

    `terms` are the exclusions, `filters` the date. `plain` is the query in which these words are
    words instead; it keeps all other readings.
    """

    words: str
    plain: Query
    terms: tuple[Term, ...] = ()
    filters: tuple[Filter, ...] = ()

    def is_of(self, part: Term | Filter) -> bool:
        """Tell whether a part of the query comes from these words."""
        if isinstance(part, Term):
            return part in self.terms
        return any(
            (flt.name, flt.excluded) == (part.name, part.excluded)
            and set(flt.values) <= set(part.values)
            for flt in self.filters
        )


@dataclass(frozen=True)
class Query:
    """What to look for (`terms`) and among which photos (`filters`).

    Photos must meet all filters. If there is a description, words without a sign, it is the
    first term. `readings` say which words of a typed text became dates and exclusions. `plain` is
    the query with none of them and without minus signs, None where that is the same. `typed` is
    the text that `plain` takes word for word, empty without it. All three belong to the text as it
    was typed and not to the query, so queries are compared without them.
    """

    terms: tuple[Term, ...] = ()
    filters: tuple[Filter, ...] = ()
    readings: tuple[Reading, ...] = field(default=(), compare=False)
    plain: Query | None = field(default=None, compare=False)
    typed: str = field(default="", compare=False)

    @property
    def wanted(self) -> tuple[Term, ...]:
        """The terms that photos should look like."""
        return tuple(term for term in self.terms if not term.excluded)

    @property
    def avoided(self) -> tuple[Term, ...]:
        """The terms that photos should not look like."""
        return tuple(term for term in self.terms if term.excluded)

    def replacing(self, part: Term | Filter, *others: Term | Filter) -> Query:
        """Return the query with `others`, of the same class, for the first part that equals `part`.

        Without others, the part is removed.
        """
        return Query(_replace(self.terms, part, others), _replace(self.filters, part, others))


def _replace(parts: tuple[Any, ...], part: Term | Filter, others: tuple[Any, ...]) -> Any:
    if part not in parts:
        return parts
    place = parts.index(part)
    return parts[:place] + others + parts[place + 1 :]
