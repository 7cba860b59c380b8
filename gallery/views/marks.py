"""What the marks part of a photo's details shows: heart, stars, caption, tags, albums."""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Lower

from gallery import albums
from gallery.facts import MAX_STARS
from gallery.models import Album, Photo
from gallery.models.collections import NAME_LIMIT
from gallery.views import PageRequest


def marks(request: PageRequest, photo: Photo, problem: str = "") -> dict[str, Any]:
    """Return the marks of a photo, and the names that are offered while somebody types.

    `problem` is the sentence on what was just typed and could not be taken.
    """
    own = Album.objects.visible_to(request.user)
    by_name = own.order_by(Lower("name"), "name").values_list("name", flat=True)
    return {
        "photo": photo,
        "stars": range(1, MAX_STARS + 1),
        "tags": list(photo.tags.order_by(Lower("name"), "name").values_list("name", flat=True)),
        "albums": list(own.filter(photos=photo).order_by(Lower("name"), "name")),
        "known_tags": albums.tags_in_use(request.user),
        "known_albums": list(by_name[: albums.OFFERED]),
        "caption_limit": albums.CAPTION_LIMIT,
        "tag_limit": albums.TAG_LIMIT,
        "name_limit": NAME_LIMIT,
        "problem": problem,
    }
