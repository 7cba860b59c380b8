"""Why search cannot answer at the moment, and what people read then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from django.utils.translation import gettext as _

from gallery.decoding import PoolBusy
from gallery.user_errors import UserError
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.index import VectorIndexError


class Unavailability(StrEnum):
    """The codes of `SearchUnavailable`."""

    MODEL_LOADING = "model_loading"
    MODEL_UNAVAILABLE = "model_unavailable"
    INDEX_UNAVAILABLE = "index_unavailable"
    BUSY = "busy"


class SearchUnavailable(UserError):
    """Search cannot answer now, though the rest of the gallery can. Try again later."""

    status = 503

    def __init__(self, code: Unavailability, message: str) -> None:
        super().__init__(message, code=code.value)


@contextmanager
def unavailable_errors() -> Iterator[None]:
    """Turn the exceptions of models, index and decoders into `SearchUnavailable`."""
    try:
        yield
    except ModelUnavailable as error:
        raise SearchUnavailable(Unavailability.MODEL_UNAVAILABLE, str(error)) from error
    except VectorIndexError as error:
        raise SearchUnavailable(Unavailability.INDEX_UNAVAILABLE, str(error)) from error
    except PoolBusy as error:
        raise too_busy() from error


def too_busy() -> SearchUnavailable:
    """Return the error for more pictures at once than the decoders take."""
    message = _("Too many pictures are being read at once. Try again in a moment.")
    return SearchUnavailable(Unavailability.BUSY, message)


def still_loading() -> SearchUnavailable:
    """Return the error for a model that is not in memory yet."""
    message = _("The search model is still loading. Try again in a moment.")
    return SearchUnavailable(Unavailability.MODEL_LOADING, message)
