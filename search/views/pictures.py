"""Pictures that were searched by."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from gallery.views import PageRequest
from search.models import SentPicture

# It never changes under its address, and nobody else may be handed it from a cache.
_CACHE = "private, max-age=604800, immutable"


@require_safe
@login_required
def thumbnail(request: PageRequest, picture_id: uuid.UUID) -> HttpResponse:
    """The small copy of a picture that this person searched by, WebP."""
    row = get_object_or_404(SentPicture.objects.visible_to(request.user), pk=picture_id)
    headers = {"Cache-Control": _CACHE}
    return HttpResponse(bytes(row.thumbnail), content_type="image/webp", headers=headers)
