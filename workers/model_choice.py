"""Which model the gallery works with, and how it changes from one to the next.

A new model is built beside the old one, which answers until every photo is settled in the new
vector space. Then one UPDATE switches over. Vectors of two models are never mixed.
"""

from __future__ import annotations

import logging
import threading

from django.db import transaction
from django.utils.translation import gettext as _

from gallery.models import Embedding, EmbeddingModel, Photo
from search.relevance import library
from search.vectors.embedders import folders, image_embedder
from search.vectors.embedders.base import Embedder, ModelUnavailable
from search.vectors.embedders.catalog import STARTER_KEY, Choice, is_replaced
from workers import heartbeat

logger = logging.getLogger(__name__)

ENOUGH = 0.9
"""The share of the old model's photos that must be searchable with the new one."""

_settling = threading.Event()


def is_settling() -> bool:
    """Tell whether the model is being chosen and loaded, so that work should wait."""
    return _settling.is_set()


def settle() -> bool:
    """Choose, load and register the model; return False if it is not available now."""
    _settling.set()
    try:
        choice, embedder = _load(folders.wanted())
        register(choice, embedder)
    except ModelUnavailable as error:
        heartbeat.tell("model", str(error))
        return False
    finally:
        _settling.clear()
    heartbeat.report = heartbeat.Report(choice.key, embedder.device, embedder.device_reason)
    heartbeat.tell("model", "")
    logger.info("Model %s on %s: %s", choice.key, embedder.device, choice.why)
    return True


def _load(choice: Choice) -> tuple[Choice, Embedder]:
    """Load the chosen model; if it was chosen automatically, the starter can stand in for it."""
    try:
        return choice, image_embedder(choice.key)
    except ModelUnavailable as error:
        if choice.firm or choice.key == STARTER_KEY:
            raise
        why = _("The small starter model is in use because %(model)s cannot be loaded: %(error)s")
        why %= {"model": choice.key, "error": error}
        return Choice(STARTER_KEY, why, choice.hint), image_embedder(STARTER_KEY)


def register(choice: Choice, embedder: Embedder) -> EmbeddingModel:
    """Record the model, create its rows, and activate it if no other can answer.

    Raises `ModelUnavailable` if the key is recorded with another dimension.
    """
    with transaction.atomic():
        defaults = {"dim": embedder.dim}
        model = EmbeddingModel.objects.get_or_create(key=choice.key, defaults=defaults)[0]
        if model.dim != embedder.dim:
            sentence = _(
                "%(model)s now gives %(new)d numbers per photo instead of %(old)d; restore the "
                "old weights or choose another model."
            )
            raise ModelUnavailable(
                sentence % {"model": choice.key, "new": embedder.dim, "old": model.dim}
            )
        model.why, model.hint = choice.why[:300], choice.hint[:300]
        if model.state == EmbeddingModel.State.RETIRED:
            model.state = EmbeddingModel.State.BUILDING
        model.save(update_fields=["why", "hint", "state"])
        others = EmbeddingModel.objects.filter(state=EmbeddingModel.State.BUILDING)
        others.exclude(pk=model.pk).update(state=EmbeddingModel.State.RETIRED)
    active = EmbeddingModel.objects.active()
    if active is None or (model != active and (not _searchable(active) or is_replaced(active.key))):
        # A starter model of another version cannot read queries any more: those photos answer
        # that the new one has indexed.
        model.activate()
    add_missing_rows()
    return model


def prepare_bands() -> None:
    """Embed the background texts with the chosen model before the first search needs them.

    Takes seconds to a minute. Without them results have no bands; a search would start this too.
    """
    key = heartbeat.report.model_key
    try:
        if key and library.stored_texts(key) is None:
            library.embed_texts(key)
    except (ModelUnavailable, OSError) as error:
        logger.warning("The background texts could not be embedded: %s", error)


def add_missing_rows() -> int:
    """Create missing rows of live photos for all wanted models; return how many."""
    total = 0
    for model in EmbeddingModel.objects.wanted():
        while added := Embedding.objects.add_missing(model):
            total += added
    return total


def promote() -> EmbeddingModel | None:
    """Activate the new model if all photos are settled in it; return it."""
    for model in EmbeddingModel.objects.filter(state=EmbeddingModel.State.BUILDING):
        if _is_complete(model):
            model.activate()
            logger.info("Searches are now answered by the model %s.", model.key)
            return model
    return None


def _is_complete(model: EmbeddingModel) -> bool:
    """Tell whether all photos are settled in `model`, and enough of them searchable."""
    rows = Embedding.objects.live().filter(model=model)
    settled = rows.filter(state__in=[Embedding.State.INDEXED, Embedding.State.FAILED])
    if settled.count() < Photo.objects.live().count():
        return False
    return _searchable(model) >= ENOUGH * _searchable(EmbeddingModel.objects.active())


def _searchable(model: EmbeddingModel | None) -> int:
    """Return how many photos a model finds; without a model, 0."""
    return Embedding.objects.live().filter(model=model, state=Embedding.State.INDEXED).count()
