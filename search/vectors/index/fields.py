"""The payload keys that filters ask for, and the kind of values that each of them carries.

Engines index them, so that a filter that few points pass need not read the payload of all.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["tenant", "version", "keyword", "integer", "float", "bool", "geo"]

FIELDS: dict[str, Kind] = {
    "owner": "tenant",
    "form": "version",
    "taken": "integer",
    "dated": "bool",
    "camera": "keyword",
    "lens": "keyword",
    "orientation": "keyword",
    "aspect": "float",
    "megapixels": "float",
    "colours": "keyword",
    "type": "keyword",
    "bytes": "integer",
    "place": "geo",
}
"""Key to kind. `tenant` is a keyword by which most queries are narrowed first; an `integer`
is asked for by `Range` alone, since an index for `Eq` would take as much memory once more; a
`version` is asked for once, where points of an earlier one may have stayed."""
