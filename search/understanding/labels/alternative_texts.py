"""What photos surely show, in the words of their owner's labels, for people who cannot see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from gallery.models import EmbeddingModel, Photo
from search.understanding.labels import cuts
from search.understanding.models import LabelHit

MOST = 3
"""Labels in one text: more is a list, not a description."""


def describe(photos: Sequence[Photo]) -> dict[UUID, str]:
    """Return the surest labels of photos, such as "dog and beach", in the language of the page.

    One query tells it of all photos.
    """
    if not photos:
        return {}
    rows = LabelHit.objects.filter(
        photo__in=[photo.pk for photo in photos],
        projection__model__state=EmbeddingModel.State.ACTIVE,
        score__gte=cuts.STRONG,
    )
    found: dict[UUID, list[str]] = defaultdict(list)
    for photo_id, name in rows.order_by("-score").values_list("photo", "projection__label__name"):
        if len(found[photo_id]) < MOST and name not in found[photo_id]:
            found[photo_id].append(name)
    return {photo_id: get_text_list(names, _("and")) for photo_id, names in found.items()}
