"""What the OpenAPI description says of a field, where the code that reads it has its own sentence.

Such a field is checked where it is used, in words for people. The description is as narrow, by the
same constants, so that programs know before they ask. `docs/reference/api.md` says what no
description can: how a query is written, and which fields depend on what the gallery holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from ninja.files import UploadedFile
from ninja.params import functions as param_functions
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    Strict,
    WithJsonSchema,
)
from pydantic_core import CoreSchema

from gallery.models.photo_library import CAPTION_LIMIT, NAME_LIMIT, TAG_LIMIT
from gallery.names import name_pattern, shown_pattern, tag_pattern
from gallery.paging import MAX_LIMIT

Json = dict[str, Any]


class Later:
    """A description that takes a moment to make, so it is made when it is asked for."""

    def __init__(self, describe: Callable[[], Json]) -> None:
        self._describe = describe

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        """Return the description."""
        return self._describe()


# --- numbers --------------------------------------------------------------------------------------


def up_to(most: int = MAX_LIMIT) -> WithJsonSchema:
    """Describe a number from 1 to `most`."""
    return WithJsonSchema({"type": "integer", "minimum": 1, "maximum": most})


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _no_text(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("Input should be a number")
    return value


def whole(least: int | None = None, most: int | None = None) -> tuple[Any, ...]:
    """Return what a whole number in a body is: `Annotated[int, *whole(1, 5)]`.

    JSON may write it as 4.0 as well.
    """
    return Strict(), Field(ge=least, le=most), BeforeValidator(_whole)


def number(least: float | None = None, most: float | None = None) -> tuple[Any, ...]:
    """Return what a number in a body is, and no text that reads as one."""
    return Field(ge=least, le=most, allow_inf_nan=False), BeforeValidator(_no_text)


Share = WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})
"""A number from 0 to 1."""


# --- texts ----------------------------------------------------------------------------------------


def one_of(values: Iterable[str]) -> WithJsonSchema:
    """Describe a text that is one of these."""
    return WithJsonSchema({"type": "string", "enum": [str(value) for value in values]})


def none_of(values: Iterable[str]) -> WithJsonSchema:
    """Describe a text that is none of these."""
    return WithJsonSchema({"type": "string", "not": {"enum": [str(value) for value in values]}})


def text(pattern: str = "", *, least: int = 0, most: int | None = None) -> WithJsonSchema:
    """Describe a text of so many characters that a regular expression (ECMA 262) matches whole."""
    limits: Json = {"minLength": least} if least else {}
    limits |= {} if most is None else {"maxLength": most}
    return WithJsonSchema({"type": "string", **limits, **({"pattern": pattern} if pattern else {})})


def empty_or(*described: Json) -> WithJsonSchema:
    """Describe a text that may be empty."""
    return WithJsonSchema({"anyOf": [{"type": "string", "enum": [""]}, *described]})


def cursor_like(*forms: str) -> WithJsonSchema:
    """Describe where a list goes on: empty, or what an answer had as `next`."""
    return text(f"^(?:{'|'.join(forms)})?$")


def filled(most: int | None = None) -> WithJsonSchema:
    """Describe a text that is not blank."""
    return text(r"\S", least=1, most=most)


def name_up_to(most: int = NAME_LIMIT) -> Later:
    """Describe what `gallery.names.clean_name` takes."""
    return Later(lambda: _shown(name_pattern(), most, least=1))


def name_or_none(most: int = NAME_LIMIT) -> Later:
    """Describe what `gallery.names.clean_name` takes, or a blank text."""
    return Later(lambda: _shown(rf"^\s*$|{name_pattern()}", most))


def tag() -> Later:
    """Describe what `gallery.names.clean_tag` takes."""
    return Later(lambda: _shown(tag_pattern(), TAG_LIMIT, least=1))


def shown(most: int) -> Later:
    """Describe what `gallery.names.shows_all` takes."""
    return Later(lambda: _shown(shown_pattern(), most))


def _shown(pattern: str, most: int, *, least: int = 0) -> Json:
    limits = {"minLength": least} if least else {}
    return {"type": "string", **limits, "maxLength": most, "pattern": pattern}


Name = Annotated[str, name_up_to()]
TagName = Annotated[str, tag()]
Caption = Annotated[str, text(most=CAPTION_LIMIT)]


# --- lists and objects ----------------------------------------------------------------------------


def _without_repeats(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("Items should be unique")
    return values


unique = (AfterValidator(_without_repeats), Field(json_schema_extra={"uniqueItems": True}))
"""A list in which nothing is there twice: `Annotated[list[X], *unique]`."""


def items(least: int | None = None, most: int | None = None, **others: Any) -> Any:
    """Describe how many things a list holds, where the code that reads it has its own sentence."""
    limits = {"minItems": least, "maxItems": most}
    known = {name: limit for name, limit in limits.items() if limit is not None}
    return Field(json_schema_extra=known | others)


def given(name: str, value: Json | None = None, **others: Json) -> Json:
    """Return the part of `exactly_one` that is met by a field which is there, and not null.

    The others may be left out.
    """
    values = {name: value or {"not": {"type": "null"}}, **others}
    return {"required": [name], "properties": values}


def exactly_one(*parts: Json) -> Json:
    """Return what says of an object that one of these parts is met, and no other one."""
    return {"oneOf": list(parts)}


def with_file(field: str = "file") -> Json:
    """Return what a route adds to the description of a form that needs a file."""
    form = {"schema": {"required": [field]}}
    return {"requestBody": {"content": {"multipart/form-data": form}, "required": True}}


SentFile = Annotated[UploadedFile | None, WithJsonSchema({"type": "string", "format": "binary"})]
NO_FILE: Any = param_functions.File(None)
"""The file of such a form, and its default: what is missing is refused in words for people."""
