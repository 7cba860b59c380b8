"""The models to choose from, as the page on search quality shows them."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from gallery.models import EmbeddingModel
from search.vectors.embedders import catalog, downloads
from search.vectors.embedders.catalog import RecommendedModel
from search.vectors.embedders.downloads import Download
from search.vectors.embedders.keys import name_of


@dataclass(frozen=True)
class Card:
    """A model: whether it answers searches or is the next one, what it would cost here.

    `seconds` is how long embedding all photos takes at most, None while nothing was measured.
    """

    model: RecommendedModel
    is_active: bool
    is_next: bool
    is_here: bool
    seconds: int | None
    download: Download | None

    @property
    def memory_gb(self) -> float:
        """The memory of its weights, to a tenth."""
        return round(self.model.memory_mb / 1000, 1)


def cards(
    active: EmbeddingModel | None,
    following: str,
    download: Download | None,
    photos: int,
) -> list[Card]:
    """Return all recommended models, the quickest first. `following` names the next one."""
    return [
        Card(
            model=model,
            is_active=active is not None and name_of(active.key) == name_of(model.key),
            is_next=bool(following) and name_of(following) == name_of(model.key),
            is_here=not model.repo or downloads.place_of(model) is not None,
            seconds=_seconds(active, model, photos),
            download=download if download and download.model == model else None,
        )
        for model in sorted(catalog.MODELS, key=attrgetter("image_gflop", "text_mparams"))
    ]


def _seconds(active: EmbeddingModel | None, model: RecommendedModel, photos: int) -> int | None:
    """Return how long all photos take, by the speed that was measured with the active model.

    A model that computes more is taken to be slower by as much. Where reading files takes most of
    the time, as with a GPU, it is quicker than that; none is taken to be quicker than measured.
    """
    present = catalog.of_key(active.key) if active else None
    if active is None or present is None or not active.photos_per_second:
        return None
    more = max(model.image_gflop / present.image_gflop, 1.0)
    return round(photos / active.photos_per_second * more)
