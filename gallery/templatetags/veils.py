"""Which photos are covered until touched."""

from __future__ import annotations

import uuid
from typing import Any

from django.template import Context, Library

from gallery import sensitive
from gallery.models import Photo

register = Library()


@register.simple_tag(takes_context=True)
def is_veiled(context: Context, photo: Photo | None) -> bool:
    """Tell whether a photo is covered: `{% is_veiled photo as veiled %}`.

    The ids of all covered photos are few, and are read once for a request.
    """
    return photo is not None and photo.pk in _veiled(context)


def _veiled(context: Context) -> frozenset[uuid.UUID]:
    request: Any = context.get("request")
    if request is None or not request.user.is_authenticated:
        return frozenset()
    if not hasattr(request, "veiled_photos"):
        request.veiled_photos = sensitive.veiled_photos(request.user)
    veiled: frozenset[uuid.UUID] = request.veiled_photos
    return veiled
