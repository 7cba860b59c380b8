"""The trash page: what was deleted and can still come back."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from gallery.views import PageRequest


@require_safe
@login_required
def page(request: PageRequest) -> HttpResponse:
    """The photos in the trash, those trashed last first."""
    raise Http404


@require_safe
@login_required
def thumbnail(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """The thumbnail of a photo in the trash."""
    raise Http404


@require_safe
@login_required
def preview(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """The preview of a photo in the trash."""
    raise Http404


@require_POST
@login_required
def restore(request: PageRequest) -> HttpResponse:
    """Bring photos back (`photo` fields, or `all`)."""
    raise Http404


@require_POST
@login_required
def empty(request: PageRequest) -> HttpResponse:
    """Delete photos in the trash for ever (`photo` fields, or `all`)."""
    raise Http404
