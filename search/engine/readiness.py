"""Whether a search would be answered now, for monitors."""

from __future__ import annotations

from gallery.models import EmbeddingModel
from search.vectors import embedders
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.index import VectorIndexError, open_index

_TEXT = "photo"


def can_answer(model: EmbeddingModel) -> bool:
    """Tell whether a text is embedded and looked up in the index, by doing so.

    While the text tower is not in memory the answer is no, and it is loaded meanwhile. It may take
    as long as the index does to answer.
    """
    try:
        if not embedders.wait_until_loaded(model.key, "text", 0):
            return False
        vector = embedders.embed_query_text(model.key, _TEXT)
        open_index(model.collection, model.dim).query(vector, limit=1)
    except (ModelUnavailable, VectorIndexError):
        return False
    return True
