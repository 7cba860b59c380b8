"""Albums, favourites, tags, and the marks that people put on a photo."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery.views import PageRequest


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def albums(request: PageRequest) -> HttpResponse:
    """All albums with their covers and counts; POST creates one."""
    raise Http404


@require_safe
@login_required
def album(request: PageRequest, album_id: uuid.UUID) -> HttpResponse:
    """The photos of one album, by day."""
    raise Http404


@require_POST
@login_required
def change_album(request: PageRequest, album_id: uuid.UUID) -> HttpResponse:
    """Rename an album, remove it, or take photos out of it."""
    raise Http404


@require_safe
@login_required
def favourites(request: PageRequest) -> HttpResponse:
    """The favourites, by day."""
    raise Http404


@require_safe
@login_required
def tag(request: PageRequest, name: str) -> HttpResponse:
    """The photos with a tag, by day."""
    raise Http404


@require_POST
@login_required
def mark_photo(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Change favourite, caption, tags or albums of a photo."""
    raise Http404
