"""The query language: typed text, chips and addresses, each convertible into the others.

    dog on a beach -people 2:sunset        a dog, but no cartoon
    photo:<id> "at night"                  summer 2023 camera:nikon,canon -in:album

`parse` reads text, `to_text` writes text that reads back as the same query, and `chips` shows the
parts of a query.
"""

from __future__ import annotations

from search.language.parser import parse, term_to_text
from search.language.pictures import split_pictures
from search.language.query_errors import ErrorCode, Misread, QueryError, require_known_parameters
from search.language.terms import Filter, Kind, Query, Reading, Term
from search.language.writer import (
    Chip,
    chips,
    filter_label,
    filter_to_text,
    from_params,
    to_params,
    to_text,
    to_words,
    turned_back,
)

__all__ = [
    "Chip", "ErrorCode", "Filter", "Kind", "Misread", "Query", "QueryError", "Reading", "Term",
    "chips", "filter_label", "filter_to_text", "from_params", "parse", "require_known_parameters",
    "split_pictures", "term_to_text", "to_params", "to_text", "to_words", "turned_back",
]  # fmt: skip
