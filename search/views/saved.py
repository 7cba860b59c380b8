"""Saved searches: albums that keep filling."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from gallery.views import PageRequest


@require_POST
@login_required
def save(request: PageRequest) -> HttpResponse:
    """Keep a query under a name."""
    raise Http404


@require_safe
@login_required
def saved_search(request: PageRequest, saved_id: uuid.UUID) -> HttpResponse:
    """The photos that match a saved search now."""
    raise Http404


@require_POST
@login_required
def change(request: PageRequest, saved_id: uuid.UUID) -> HttpResponse:
    """Rename a saved search, give it another query, or remove it."""
    raise Http404
