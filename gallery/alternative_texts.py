"""What stands for a picture where it is not seen, such as what a screen reader reads out.

It is the caption of the photo, else what it surely shows, else its name. Pages of photos that are
shared say less: see search.views.shared_pages.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence

from gallery.models import Photo

Describe = Callable[[Sequence[Photo]], Mapping[uuid.UUID, str]]
describers: list[Describe] = []
"""What tells in a few words what photos show, by their ids, with one query for all of them. The
apps above register it; without any, a photo is called by its name alone."""


def describe(photos: Sequence[Photo]) -> None:
    """Note on photos what they show, for `Photo.alternative_text`; the number of queries is fixed.

    A photo that was not asked about has its caption or its name all the same.
    """
    shown = {key: text for tell in describers for key, text in tell(photos).items()}
    for photo in photos:
        photo.shows = shown.get(photo.pk, "")
