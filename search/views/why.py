"""Why a photo is in a result, with a heat map of how well its parts match."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _, gettext_noop
from django.views.decorators.http import require_safe

from gallery.user_errors import UserError
from gallery.views import PageRequest, get_photo, vary_on_htmx
from search import language
from search.engine.explain import Explanation, explain
from search.parts.boxes import Box
from search.views.address import query_of

_PLACES = (
    (
        gettext_noop("in the upper left"),
        gettext_noop("at the top"),
        gettext_noop("in the upper right"),
    ),
    (gettext_noop("on the left"), gettext_noop("in the middle"), gettext_noop("on the right")),
    (
        gettext_noop("in the lower left"),
        gettext_noop("at the bottom"),
        gettext_noop("in the lower right"),
    ),
)


@require_safe
@login_required
def why(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Where in a photo the query of the address matches; for htmx, only the part of a page."""
    photo = get_photo(request, photo_id)
    status, context = 200, {"photo": photo, "query": ""}
    try:
        explanation = explain(request.user, photo, query_of(request.user, request.GET))
        context |= _context(explanation)
    except UserError as error:
        status, context["message"] = error.status, error.message
    template = "search/_why.html" if request.htmx else "search/why.html"
    # htmx swaps in nothing from an error answer, and the sentence is the content here.
    response = render(request, template, context, status=200 if request.htmx else status)
    return vary_on_htmx(response, status)


def _context(explanation: Explanation) -> dict[str, Any]:
    heat = explanation.heat
    rows, columns = heat.values.shape
    return {
        "why": explanation,
        "place": _place(heat.box) if heat.box else "",
        "query": language.to_text(explanation.query),
        "rows": rows,
        "columns": columns,
        "cells": [f"{float(value):.2f}" for value in heat.values.ravel()],
        "box": [f"{side:.4f}" for side in heat.box or ()],
    }


def _place(box: Box) -> str:
    """Return where a part lies on its photo, in words."""
    left, top, width, height = box
    column, row = int(3 * (left + width / 2)), int(3 * (top + height / 2))
    return _(_PLACES[min(row, 2)][min(column, 2)])
