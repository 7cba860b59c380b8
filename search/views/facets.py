"""Facets: what the photos of the current result have in common, with counts."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from gallery.views import PageRequest


@require_safe
@login_required
def facets(request: PageRequest) -> HttpResponse:
    """The facets of a search, for the side of its results."""
    raise Http404
