"""Searching in captions for those with whom photos are shared, where they may read them.

The index of words is kept by owner: what it finds, and how much, would tell of photos that are not
shared. So the captions of the shared photos are compared one by one, and nothing else is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from django.utils.translation import gettext as _

from gallery.models import PhotoQuerySet
from search.fulltext import TextHit, caption_excerpt, normalization
from search.fulltext.normalization import Text

MOST_CAPTIONS = 10_000
"""Captions that are compared, those of the newest photos. That many take a third of a second."""


def search_captions(photos: PhotoQuerySet, texts: Sequence[Text], *, limit: int) -> list[TextHit]:
    """Return those of `photos` whose caption has all phrases of one of the texts, closest first.

    A caption is closer the more of it the phrases make up; among equals the newest photo is first.
    """
    found = sorted(_matches(photos, texts), key=lambda match: -match[0])[:limit]
    reason = _("caption: %(text)s")
    return [
        TextHit(pk, reason % {"text": caption_excerpt(caption, text)})
        for _share, pk, caption, text in found
    ]


def captioned(photos: PhotoQuerySet, texts: Sequence[Text]) -> frozenset[UUID]:
    """Return those of `photos` whose caption has all phrases of one of the texts."""
    return frozenset(pk for _share, pk, _caption, _text in _matches(photos, texts))


def _matches(
    photos: PhotoQuerySet, texts: Sequence[Text]
) -> Iterator[tuple[float, UUID, str, Text]]:
    if not texts:
        return
    rows = photos.exclude(caption="").newest_first().values_list("pk", "caption")
    for pk, caption in rows[:MOST_CAPTIONS]:
        words = normalization.words(caption)
        line = f" {' '.join(words)} "
        for text in texts:
            if all(f" {' '.join(phrase)} " in line for phrase in text):
                yield sum(map(len, text)) / max(1, len(words)), pk, caption, text
                break
