"""The forms of the sharing page: what is shown, handed out and asked for, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy

from gallery.models import Downloads
from gallery.sharing.links import Terms
from gallery.user_errors import UserError

PERIODS = (
    ("1", gettext_lazy("1 day")),
    ("7", gettext_lazy("1 week")),
    ("30", gettext_lazy("1 month")),
    ("365", gettext_lazy("1 year")),
    ("", gettext_lazy("never")),
)
"""Days from now after which something expires, as the forms offer them."""
KEEP = "keep"
"""In the stead of a period, or as the choice about the password: as it is now."""
SWITCHES = ("places", "serials", "names", "captions")
MEMBER_SWITCHES = ("originals", "places", "names", "captions")


def of_link(form: QueryDict) -> Terms:
    """Return the terms of a new link; raise `UserError` for a period that is not offered."""
    return Terms(
        label=form.get("label", ""),
        password=form.get("password", ""),
        expires_at=_end(form.get("days", "7")),
        downloads=form.get("downloads", Downloads.NONE),
        **{name: name in form for name in SWITCHES},
    )


def changed_link(form: QueryDict) -> dict[str, Any]:
    """Return what changes of a link. An empty field for the password keeps the one there is."""
    terms: dict[str, Any] = {
        "label": form.get("label", ""),
        "downloads": form.get("downloads", Downloads.NONE),
        **{name: name in form for name in SWITCHES},
        **changed_end(form),
    }
    if "no_password" in form:
        terms["password"] = ""
    elif form.get("password"):
        terms["password"] = form["password"]
    return terms


def changed_member(form: QueryDict) -> dict[str, Any]:
    """Return what changes of a member; raise `UserError` for a period that is not offered."""
    switches = {name: name in form for name in MEMBER_SWITCHES}
    return {"role": form.get("role", ""), **switches, **changed_end(form)}


def changed_end(form: QueryDict) -> dict[str, datetime | None]:
    """Return the new end, or nothing if it stays."""
    days = form.get("days", KEEP)
    return {} if days == KEEP else {"expires_at": _end(days)}


def _end(days: str) -> datetime | None:
    if days not in {each for each, _label in PERIODS}:
        raise UserError(_("Choose when the link expires."), code="bad_parameter")
    return timezone.now() + timedelta(days=int(days)) if days else None
