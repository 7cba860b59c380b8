"""Sentences that a worker says now and people read later, each in their own language.

A worker knows no reader. So what it says is kept as the text of the catalogues and the values that
belong into it, and is put into words when a page shows it (`told`, also a filter of templates).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.utils.translation import gettext

Value = str | int | float

if TYPE_CHECKING:
    _Text = models.TextField[str, str]
else:
    _Text = models.TextField


class Sentence(str):
    """A sentence in English that also knows its text in the catalogues, and its values.

    Values may be sentences too. Mark the text with `gettext_noop`.
    """

    __slots__ = ("text", "values")

    text: str
    values: dict[str, Value]

    def __new__(cls, text: str, **values: Value) -> Self:
        sentence = super().__new__(cls, text % values if values else text)
        sentence.text, sentence.values = text, values
        return sentence

    def __reduce__(self) -> tuple[Any, ...]:
        return _read, (_written(self),)


def joined(*sentences: str, between: str = " ") -> Sentence:
    """Return several sentences as one, with `between` in between; empty ones are left out."""
    said = {f"part{number}": one for number, one in enumerate(filter(None, sentences))}
    return Sentence(between.join(f"%({name})s" for name in said), **said)


def told(sentence: str) -> str:
    """Return a sentence in the language of whoever reads it; a plain text if it has one there."""
    if not sentence:
        return ""
    if not isinstance(sentence, Sentence):
        return gettext(sentence)
    values = {
        name: told(value) if isinstance(value, str) else value
        for name, value in sentence.values.items()
    }
    return gettext(sentence.text) % values if values else gettext(sentence.text)


def said_by(error: BaseException) -> str:
    """Return what an error says, as a sentence if it was raised with one."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, Sentence) else str(error)


class SentenceField(_Text):
    """A column that keeps sentences; plain texts are kept as they are."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        """Return what was saved."""
        return value and _read(value)

    def get_prep_value(self, value: Any) -> Any:
        """Return what to save."""
        return _written(value) if isinstance(value, Sentence) else super().get_prep_value(value)


_MARK = '{"say":'


def _written(sentence: Sentence) -> str:
    return json.dumps(packed(sentence), ensure_ascii=False, separators=(",", ":"))


def packed(value: Value) -> Any:
    """Return a sentence as JSON has it; whatever else, as it is."""
    if not isinstance(value, Sentence):
        return value
    return {"say": value.text, "with": {name: packed(one) for name, one in value.values.items()}}


def _read(text: str) -> str:
    if not text.startswith(_MARK):
        return text
    try:
        read: str = unpacked(json.loads(text))
    except (ValueError, TypeError, KeyError):
        return text  # Nobody but a person with access to the database wrote it.
    return read


def unpacked(value: Any) -> Any:
    """Return what was packed."""
    if not isinstance(value, dict):
        return value
    return Sentence(value["say"], **{name: unpacked(one) for name, one in value["with"].items()})
