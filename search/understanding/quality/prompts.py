"""Texts such as "an award-winning photograph" as a score of quality, if a model can tell at all.

Most small models cannot: they rank a photo above its own blurred copy about as often as a coin
does. So each model is asked once about the built-in pictures and copies that are plainly worse.
Only a model that knows them apart is asked about people's photos.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from gallery.models import EmbeddingModel
from search.understanding.directions import directions
from search.understanding.library_vectors import LibraryVectors, Vectors
from search.vectors.embedders import adapter, image_embedder, is_loaded, text_embedder
from search.vectors.embedders.base import Embedder, ModelUnavailable, Pixels

logger = logging.getLogger(__name__)

PAIRS = (
    ("an award-winning photograph", "a bad photograph"),
    ("a beautiful photo", "an ugly photo"),
    ("a sharp photo", "a blurry photo"),
)
"""What a good and a bad photo are called."""

_failed: set[str] = set()
_BLUR = 5  # pixels of a box of 192, three times over each other
_DARK = 0.3


def is_unmeasured(model: EmbeddingModel) -> bool:
    """Tell whether a model was not asked yet and is loaded here."""
    if model.prompts_right is not None or model.key in _failed:
        return False
    return is_loaded(model.key, "image")


def measure(model: EmbeddingModel) -> None:
    """Ask a model and save how often it is right. Raises `ModelUnavailable`."""
    probes = adapter().probes().pictures
    try:
        right = share_right(image_embedder(model.key), text_embedder(model.key), probes)
    except ModelUnavailable:
        raise
    except Exception:
        # Whatever the model library raises: nothing depends on this, so it is not tried again.
        logger.exception("The texts on quality could not be tried with %s.", model.key)
        _failed.add(model.key)
        return
    model.prompts_right = right
    model.save(update_fields=["prompts_right"])


def share_right(image: Embedder, text: Embedder, pictures: Sequence[Pixels]) -> float:
    """Return the share of pairs, a picture and its worse copy, that the texts rank right."""
    towards = text.embed_texts([good for good, _ in PAIRS])
    away = text.embed_texts([bad for _, bad in PAIRS])
    axes = towards - away
    own = image.embed_images(pictures) @ axes.T
    copies = ([blurred(each) for each in pictures], [darkened(each) for each in pictures])
    return float(np.mean([own > image.embed_images(worse) @ axes.T for worse in copies]))


def scores(model: EmbeddingModel, library: LibraryVectors) -> Vectors | None:
    """Return a score for each photo of a library, in deviations; None with a model that fails.

    Raises `ModelUnavailable`.
    """
    if not model.ranks_by_prompts or not len(library):
        return None
    good, bad = directions(model.key, [[pair[0] for pair in PAIRS], [pair[1] for pair in PAIRS]])
    found = library.scores((good - bad)[None])[:, 0]
    return np.asarray((found - found.mean()) / max(float(found.std()), 1e-6), np.float32)


def blurred(picture: Pixels) -> Pixels:
    """Return a copy as if it were out of focus."""
    soft = picture.astype(np.float32)
    for axis in (0, 1) * 3:
        soft = _box(soft, axis)
    return np.asarray(np.rint(soft), np.uint8)


def _box(picture: Vectors, axis: int) -> Vectors:
    half = _BLUR // 2
    edges = [(0, 0)] * picture.ndim
    edges[axis] = (half, half)
    padded = np.pad(picture, edges, mode="edge")
    length = picture.shape[axis]
    parts = [np.take(padded, range(at, at + length), axis) for at in range(_BLUR)]
    return np.asarray(np.mean(parts, axis=0), np.float32)


def darkened(picture: Pixels) -> Pixels:
    """Return a copy as if it were far too dark."""
    return np.asarray(np.rint(picture * _DARK), np.uint8)
