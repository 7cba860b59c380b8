"""The query language: typed text, chips and addresses, each turning into the others.

    dog on a beach -people 2:sunset        a dog, but no cartoon
    photo:<id> "at night"                  summer 2023 camera:nikon,canon -in:album

`parse` reads, `to_text` writes what reads back as the same query, `chips` shows the parts.
"""

from __future__ import annotations

from search.language.completion import Suggestion, autocomplete
from search.language.parser import parse
from search.language.terms import Filter, Kind, Misread, Query, Term
from search.language.writer import Chip, chips, from_params, to_params, to_text

__all__ = [
    "Chip",
    "Filter",
    "Kind",
    "Misread",
    "Query",
    "Suggestion",
    "Term",
    "autocomplete",
    "chips",
    "from_params",
    "parse",
    "to_params",
    "to_text",
]
