"""What the index of a model says of itself, for the settings page and the status of the API."""

from __future__ import annotations

from gallery.models import EmbeddingModel
from search.vectors.index import IndexStats, VectorIndexError, open_index


def index_figures(model: EmbeddingModel) -> IndexStats | str:
    """Return the index's figures, or the sentence that says why there are none."""
    try:
        return open_index(model.key, model.dim).stats()
    except VectorIndexError as error:
        return str(error)
