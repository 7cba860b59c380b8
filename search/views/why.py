"""Why a photo is in a result: a heat map of how well its parts match."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from gallery.views import PageRequest
from gallery.views.pages import own


@require_safe
@login_required
def why(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """How well each part of a photo matches the query, as a layer over it."""
    own(request, photo_id)
    raise Http404
