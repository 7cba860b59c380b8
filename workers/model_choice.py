"""Choosing the embedding model at start and changing over from one to another."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction

from gallery.models import Embedding, EmbeddingModel, Photo
from search import embedders
from search.embedders.base import Embedder, ModelUnavailable
from search.embedders.choice import Choice, choose
from search.embedders.starter import KEY as STARTER
from workers import heartbeat

log = logging.getLogger(__name__)


def settle() -> EmbeddingModel:
    """Choose and load the model, register it, and make it active when nothing stands against it.

    Raises `ModelUnavailable` when a model that was named explicitly cannot be loaded.
    """
    choice = choose(settings.EMBEDDING_MODEL, weights=settings.EMBEDDING_WEIGHTS)
    embedder, choice = _load(choice)
    model = _register(choice, embedder)
    if promotable(model):
        model.activate()
    Embedding.objects.add_missing(model)
    heartbeat.describe(model.key, embedder.device, embedder.device_reason)
    return model


def _load(choice: Choice) -> tuple[Embedder, Choice]:
    """Load the chosen model; where the choice was automatic, fall back to the starter."""
    try:
        return embedders.image_embedder(choice.key), choice
    except ModelUnavailable as error:
        if settings.EMBEDDING_MODEL != "auto" or choice.key == STARTER:
            raise
        log.warning("%s", error)
        fallback = Choice(STARTER, f"{choice.key} could not be loaded: {error}", choice.hint)
        return embedders.image_embedder(STARTER), fallback


def _register(choice: Choice, embedder: Embedder) -> EmbeddingModel:
    """Write the model down; a retired one that is wanted again is built up anew."""
    with transaction.atomic():
        model, _ = EmbeddingModel.objects.get_or_create(
            key=choice.key, defaults={"dim": embedder.dim}
        )
        model.dim, model.why, model.hint = embedder.dim, choice.why[:300], choice.hint[:300]
        if model.state == EmbeddingModel.State.RETIRED:
            model.state = EmbeddingModel.State.BUILDING
        model.save()
        # Whatever else was being built is no longer wanted.
        EmbeddingModel.objects.filter(state=EmbeddingModel.State.BUILDING).exclude(
            pk=model.pk
        ).update(state=EmbeddingModel.State.RETIRED)
    return model


def promotable(model: EmbeddingModel) -> bool:
    """Return whether a model being built may take over: all live photos settled in it.

    With no active model there is nothing to wait for.
    """
    if model.state != EmbeddingModel.State.BUILDING:
        return False
    active = EmbeddingModel.objects.active()
    if active is None:
        return True
    settled = Embedding.objects.live().filter(
        model=model, state__in=[Embedding.State.INDEXED, Embedding.State.FAILED]
    )
    return settled.count() >= Photo.objects.live().count()


def promote() -> None:
    """Let a model that is complete take over."""
    for model in EmbeddingModel.objects.filter(state=EmbeddingModel.State.BUILDING):
        if promotable(model):
            model.activate()
            log.info("Search now uses %s.", model.key)
