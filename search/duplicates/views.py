"""The review page of duplicates, its actions, and the history of decisions."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from gallery.views import PageRequest


@require_safe
@login_required
def review(request: PageRequest) -> HttpResponse:
    """Many groups of one kind at once, with the keeper chosen and why."""
    raise Http404


@require_safe
@login_required
def progress(request: PageRequest) -> HttpResponse:
    """How far the search for duplicates is, asked for again and again."""
    raise Http404


@require_POST
@login_required
def find(request: PageRequest) -> HttpResponse:
    """Search all photos for duplicates anew."""
    raise Http404


@require_POST
@login_required
def criteria(request: PageRequest) -> HttpResponse:
    """Change what decides which photo is kept."""
    raise Http404


@require_POST
@login_required
def resolve(request: PageRequest, group_id: uuid.UUID) -> HttpResponse:
    """Decide one group: keep some, stack all, or say that they are not the same."""
    raise Http404


@require_POST
@login_required
def resolve_many(request: PageRequest) -> HttpResponse:
    """Decide many groups in the same way at once."""
    raise Http404


@require_safe
@login_required
def history(request: PageRequest) -> HttpResponse:
    """What was decided, newest first."""
    raise Http404


@require_POST
@login_required
def undo(request: PageRequest, batch: uuid.UUID) -> HttpResponse:
    """Undo the decisions that were taken together."""
    raise Http404


@require_safe
@login_required
def of_photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """The duplicates and similar shots of one photo."""
    raise Http404
