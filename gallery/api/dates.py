"""The dates part of the API: correct the dates of photos, see before what happens, undo."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Schema
from pydantic import ConfigDict, Field, StrictBool

from gallery import correct_dates, corrections, date_sentences
from gallery.api.albums import ChangedOut
from gallery.api.described import exactly_one, given, text, whole
from gallery.api.errors import ErrorOut, In
from gallery.api.trash import IDS_LIMIT
from gallery.models import Photo, PhotoQuerySet
from gallery.user_errors import UserError

router = Router(tags=["dates"])


_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = "[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
_LOCAL = text(f"^(?:{_DAY}(?:[T ]{_CLOCK})?)?$")
_ZONE = text(f"^(?:{corrections.ZONE_FORM})?$")
_LONGER = {"minLength": 1}


class SetIn(In):
    """A local date, perhaps with a time of day, and a zone; or the zone alone.

    `local` is ISO 8601 without an offset, `zone` an offset (`+02:00`) or a name (`Europe/Lisbon`).
    `keep` says for a zone alone whether the local time stays (`clock`) or the instant.
    """

    model_config = ConfigDict(
        json_schema_extra=exactly_one(
            given("local", _LONGER, keep={"const": "clock"}),
            given("zone", _LONGER, local={"const": ""}),
        )
    )

    local: Annotated[str, _LOCAL] = ""
    zone: Annotated[str, _ZONE] = ""
    keep: Literal["clock", "instant"] = "clock"


_Amount = Annotated[int, *whole()]


class ShiftIn(In):
    """How much later photos were taken; negative numbers for earlier."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [given(unit, {"not": {"const": 0}}) for unit in corrections.UNITS]
        }
    )

    years: _Amount = 0
    days: _Amount = 0
    hours: _Amount = 0
    minutes: _Amount = 0


class DatesIn(In):
    """Photos by id, and one correction; ids that are unknown or another person's are ignored.

    `unknown` takes the date away, `reset` brings back what the file said.
    """

    model_config = ConfigDict(
        json_schema_extra=exactly_one(
            given("set"),
            given("shift"),
            given("unknown", {"const": True}),
            given("reset", {"const": True}),
        )
    )

    ids: list[uuid.UUID] = Field(max_length=IDS_LIMIT)
    set: SetIn | None = None
    shift: ShiftIn | None = None
    unknown: StrictBool = False
    reset: StrictBool = False


class CorrectedOut(Schema):
    """How many dates changed; `undo` takes that back, and is null if there were none."""

    changed: int
    undo: uuid.UUID | None


class PreviewOut(Schema):
    """How many dates would change, and from when to when, as a sentence."""

    changed: int
    message: str


class UndoIn(In):
    """What the answer to a correction had as `undo`."""

    undo: uuid.UUID


@router.post("/photos/dates", response={200: CorrectedOut, 400: ErrorOut})
def correct_dates_of_photos(request: HttpRequest, body: DatesIn) -> CorrectedOut:
    """Correct the dates of up to 10,000 photos: all of them or, if one cannot be, none."""
    result = correct_dates.correct(_photos(request, body), _correction(body))
    return CorrectedOut(changed=result.photos, undo=result.batch)


@router.post("/photos/dates/preview", response={200: PreviewOut, 400: ErrorOut})
def preview_dates(request: HttpRequest, body: DatesIn) -> PreviewOut:
    """Say what a correction would change, and change nothing."""
    changes = list(correct_dates.changes(_photos(request, body), _correction(body)))
    return PreviewOut(changed=len(changes), message=date_sentences.preview(changes))


@router.post("/photos/dates/undo", response={200: ChangedOut, 400: ErrorOut})
def undo_dates(request: HttpRequest, body: UndoIn) -> ChangedOut:
    """Take a correction back, except from photos that were corrected again since."""
    return ChangedOut(changed=correct_dates.undo(request.user, body.undo))


def _photos(request: HttpRequest, body: DatesIn) -> PhotoQuerySet:
    return Photo.objects.visible_to(request.user).filter(pk__in=body.ids)


def _correction(body: DatesIn) -> corrections.Correction | correct_dates.AsInFile:
    said = [body.set is not None, body.shift is not None, body.unknown, body.reset]
    if said.count(True) != 1:
        message = _("Send one of set, shift, unknown and reset.")
        raise UserError(message, code="bad_parameter")
    if body.set is not None:
        return _set(body.set)
    if body.shift is not None:
        return corrections.Shift(**body.shift.dict())
    return corrections.Unknown() if body.unknown else correct_dates.AsInFile()


def _set(body: SetIn) -> corrections.Correction:
    zone = corrections.read_zone(body.zone) if body.zone else None
    if body.local and body.keep == "clock":
        return corrections.SetDate(*corrections.read_local(body.local), zone)
    if body.local or zone is None:
        message = _("Send a local date, a zone, or both; keep is for a zone alone.")
        raise UserError(message, code="bad_parameter")
    return corrections.SetZone(zone, keep_instant=body.keep == "instant")
