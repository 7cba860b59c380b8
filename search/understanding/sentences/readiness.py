"""The model that reads texts now, and how far apart the scores of a photo lie in its space."""

from __future__ import annotations

import numpy as np
from django.utils.translation import gettext as _

from gallery.models import Embedding, EmbeddingModel
from gallery.models.photo_library import User
from gallery.user_errors import UserError
from search.relevance.library import background_of
from search.understanding import grounds
from search.understanding.grounds import Grounds
from search.vectors import embedders
from search.vectors.embedders.base import ModelUnavailable

PATIENCE = 8.0
"""Seconds that a request waits for a model to be loaded."""
_FEW = 64
"""Photos that are looked at where there is no background."""


def answering_model() -> EmbeddingModel:
    """Return the active model with its text tower in memory.

    Raises `UserError` with status 503 while it is loading, and where it cannot be loaded.
    """
    model = EmbeddingModel.objects.active()
    try:
        if model is None or not embedders.wait_until_loaded(model.key, "text", PATIENCE):
            message = _("The search model is still loading. Try again in a moment.")
            raise UserError(message, code="model_loading", status=503)
    except ModelUnavailable as error:
        raise UserError(str(error), code="model_unavailable", status=503) from error
    return model


def unit_of(user: User, model: EmbeddingModel) -> float:
    """Return the deviation of a photo's scores for many texts, `Background.unit`.

    In a library that is too small for a background, it is measured with the photos there are.
    Raises `ModelUnavailable`.
    """
    background = background_of(user, model)
    if background is not None:
        return background.unit
    rows = Embedding.objects.live().with_vector().visible_to(user).filter(model=model)
    vectors = [vector for row in rows[:_FEW] if (vector := row.get_vector()) is not None]
    sample = np.array(vectors, np.float32).reshape(-1, model.dim)
    return Grounds(sample, *grounds.texts_of(model.key)).unit
