"""The box below a photo that tells which of some sentences describes it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from gallery.user_errors import UserError
from gallery.views import PageRequest, get_photo, vary_on_htmx
from search.understanding.sentences import lines
from search.understanding.sentences.matching import match


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def sentences(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """A box for sentences, and after a POST how well each describes the photo."""
    photo = get_photo(request, photo_id)
    text = request.POST.get("texts", "")
    status, context = 200, {"photo": photo, "texts": text, "most": lines.MOST}
    if request.method == "POST":
        try:
            context |= _context(match(request.user, photo, text.splitlines()).matches)
        except UserError as error:
            status, context["problem"] = error.status, error.message
    template = "understanding/_sentences.html" if request.htmx else "understanding/sentences.html"
    # htmx swaps in nothing from an error answer, and the sentence is the content here.
    response = render(request, template, context, status=200 if request.htmx else status)
    return vary_on_htmx(response, status)


def _context(matches: list[Any]) -> dict[str, Any]:
    rows = [(each, f"{each.probability:.4f}", round(100 * each.probability)) for each in matches]
    return {"rows": rows, "reordered": any(each.reordered for each in matches)}
