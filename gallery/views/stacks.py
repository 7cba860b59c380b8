"""Stacks in the grid: made, opened in place, and taken apart."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from gallery.views import PageRequest


@require_POST
@login_required
def make(request: PageRequest) -> HttpResponse:
    """Stack the chosen photos (`photo` fields; `cover` is one of them)."""
    raise Http404


@require_safe
@login_required
def photos(request: PageRequest, stack_id: uuid.UUID) -> HttpResponse:
    """The tiles folded under the cover, for opening the stack in place."""
    raise Http404


@require_POST
@login_required
def unstack(request: PageRequest, stack_id: uuid.UUID) -> HttpResponse:
    """Show the photos of a stack one by one again."""
    raise Http404
