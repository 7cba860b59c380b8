"""Why a photo is in a result: a heat map of how well its parts match."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gallery.models import Photo
from gallery.user_errors import RETRY_SECONDS
from gallery.views import PageRequest, get_photo, vary_on_htmx
from search import language
from search.engine import answer, explain
from search.engine.explain import Why
from search.language.errors import QueryError


@require_safe
@login_required
def why(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Where in a photo the query of the address matches; for htmx, only the part of a page."""
    photo = get_photo(request, photo_id)
    status, context = 200, _context(photo)
    try:
        found = explain.why(request.user, photo, language.from_params(request.GET))
        context |= _shown(found)
    except QueryError as error:
        status, context["message"] = error.status, error.message
    except answer.SearchUnavailable as error:
        status, context["message"] = 503, error.message
    template = "search/_why.html" if request.htmx else "search/why.html"
    # htmx swaps in nothing from an error answer, and the sentence is the content here.
    response = render(request, template, context, status=200 if request.htmx else status)
    if status == 503:
        response["Retry-After"] = RETRY_SECONDS
    return vary_on_htmx(response)


def _context(photo: Photo) -> dict[str, Any]:
    return {"photo": photo, "query": ""}


def _shown(found: Why) -> dict[str, Any]:
    rows, columns = found.heat.values.shape
    return {
        "why": found,
        "query": language.to_text(found.query),
        "rows": rows,
        "columns": columns,
        "cells": [f"{float(value):.2f}" for value in found.heat.values.ravel()],
        "box": [f"{side:.4f}" for side in found.heat.box],
    }
