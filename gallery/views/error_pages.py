"""Error pages; under /api/ they become the API's own shape (`gallery.api.errors`)."""

from __future__ import annotations

import errno
import sys

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from gallery import database_outages
from gallery.api.errors import API_PREFIX, error
from gallery.files import StorageFull
from gallery.quotas import QuotaFull
from gallery.sqlite import record_file
from gallery.user_errors import RETRY_SECONDS

_FULL_CODES = (errno.ENOSPC, errno.EDQUOT)
_FULL_MESSAGES = ("disk is full", "No space left on device")
"""Messages of SQLite and Postgres; Django has no exception for a full disk."""
_RECORD_SECONDS = "60"
_OUTAGE_SECONDS = "5"
_LOCK_MESSAGES = ("database is locked", "database table is locked")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The one 404: it does not tell an unknown photo from somebody else's."""
    return render(request, "404.html", status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer an error that no route expected.

    That is a full account (413) or disk (507), a database that is lost, away or locked (503), or a
    bug (500).

    The pages are rendered without the request, because reading from it may fail again.
    """
    problem = sys.exception()
    if isinstance(problem, QuotaFull):
        page = render_to_string("507.html", {"message": problem.message, "is_quota": True})
        answer = HttpResponse(page, status=problem.status)
        answer._has_been_logged = True  # type: ignore[attr-defined]
        return answer
    if _is_full(problem):
        page = render_to_string("507.html", {"message": StorageFull.sentence})
        return HttpResponse(page, status=507)
    if sentence := record_file.tell(problem):
        return _without_database(request, record_file.CODE, str(sentence), _RECORD_SECONDS)
    if sentence := database_outages.tell(problem):
        code = database_outages.CODE
        return _without_database(request, code, str(sentence), _OUTAGE_SECONDS)
    if isinstance(problem, OperationalError) and str(problem).startswith(_LOCK_MESSAGES):
        busy = render_to_string("503.html")
        return HttpResponse(busy, status=503, headers={"Retry-After": RETRY_SECONDS})
    return HttpResponse(render_to_string("500.html"), status=500)


def _without_database(request: HttpRequest, code: str, sentence: str, seconds: str) -> HttpResponse:
    """Answer that the database is gone or away, which is logged once and not at each request."""
    if request.path.startswith(API_PREFIX):
        answer: HttpResponse = error(503, code, sentence)
    else:
        page = render_to_string("no_record.html", {"message": sentence})
        answer = HttpResponse(page, status=503)
    answer["Retry-After"] = seconds
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer


def _is_full(error: BaseException | None) -> bool:
    if isinstance(error, OSError):
        return error.errno in _FULL_CODES
    if isinstance(error, OperationalError):
        return any(message in str(error) for message in _FULL_MESSAGES)
    return isinstance(error, StorageFull)
