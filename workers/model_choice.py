"""Which model the gallery works with, and how it changes from one to the next.

A new model must pass its self-test. It is built beside the old one, which answers until every photo
is settled in the new vector space. Then one UPDATE switches over. Vectors of two models are never
mixed. The old one stays for a while, so that people can go back, and is removed then.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_noop

from gallery import model_change
from gallery.failpoints import failpoint
from gallery.models import Embedding, EmbeddingModel
from gallery.sentences import Sentence, said_by
from search.duplicates.groups import edges
from search.parts import nearest
from search.relevance import library
from search.understanding import library_vectors
from search.vectors import index
from search.vectors.embedders import (
    adapter,
    folders,
    image_embedder,
    keys,
    text_embedder,
    unload,
)
from search.vectors.embedders.base import Embedder, ModelUnavailable
from search.vectors.embedders.catalog import STARTER_KEY, Choice, is_replaced
from search.vectors.embedders.checkpoints import would_be_fetched
from search.vectors.embedders.self_test import require_sense
from search.vectors.index import VectorIndexError
from workers import heartbeat

logger = logging.getLogger(__name__)

REMOVED_AT_ONCE = 1000
"""Rows of a former model removed in one transaction."""

_refused: dict[str, ModelUnavailable] = {}
"""What is wrong with models that failed their self-test: their keys name their very weights."""

_settling = threading.Event()


def is_settling() -> bool:
    """Tell whether the model is being chosen and loaded, so that work should wait."""
    return _settling.is_set()


def settle() -> bool:
    """Choose, load, test and register the model; return False if it is not available now."""
    _settling.set()
    try:
        carry_over()
        choice, embedder = _load(folders.wanted())
        model = register(choice, embedder)
    except ModelUnavailable as error:
        _tell_trouble(error)
        return False
    finally:
        _settling.clear()
    heartbeat.report = replace(
        heartbeat.report,
        model_key=model.key,
        device=embedder.device,
        device_reason=embedder.device_reason,
    )
    heartbeat.tell("model", "")
    folders.note_refusal("", "")
    logger.info("Model %s on %s: %s", model.key, embedder.device, choice.why)
    return True


def _tell_trouble(error: ModelUnavailable) -> None:
    heartbeat.tell("model", error)
    folders.note_refusal(error.code, str(error))


def carry_over() -> None:
    """Give models from before weights were hashed the keys of the weights that are here.

    Their vectors stay, and so do their indexes, under the former names. A model whose weights are
    not here keeps its key until they are.
    """
    for model in EmbeddingModel.objects.exclude(key__contains=keys.MARK):
        if is_replaced(model.key) or would_be_fetched(model.key):
            continue
        try:
            key = folders.present_key(model.key)
        except ModelUnavailable as error:
            logger.info("The weights of %s are not here: %s", model.key, error)
            continue
        if key != model.key and not EmbeddingModel.objects.filter(key=key).exists():
            former = EmbeddingModel.objects.filter(pk=model.pk, key=model.key)
            former.update(key=key, index_name=model.collection)


def _load(choice: Choice) -> tuple[Choice, Embedder]:
    """Load the chosen model; if it was chosen automatically, the starter can stand in for it."""
    try:
        return choice, _sound(choice.key)
    except ModelUnavailable as error:
        if choice.firm or choice.key == STARTER_KEY:
            raise
        _tell_trouble(error)
        text = gettext_noop(
            "The small starter model is in use because %(model)s cannot be loaded: %(error)s"
        )
        why = Sentence(text, model=choice.key, error=said_by(error))
        return Choice(STARTER_KEY, why, choice.hint), _sound(STARTER_KEY)


def _sound(name: str) -> Embedder:
    """Return the image embedder of a model that makes sense; raise `ModelUnavailable`."""
    key = folders.present_key(name)
    if key in _refused:
        raise ModelUnavailable(_refused[key], _refused[key].code)
    embedder = image_embedder(key)
    if not EmbeddingModel.objects.filter(key=embedder.key).exclude(tested_at=None).exists():
        try:
            require_sense(embedder, text_embedder(key), adapter().probes())
        except ModelUnavailable as error:
            _refused[key] = error
            unload(key)
            raise
    return embedder


def register(choice: Choice, embedder: Embedder) -> EmbeddingModel:
    """Record a tested model, create its rows, and activate it if no other can answer.

    Raises `ModelUnavailable` if the key is recorded with another dimension.
    """
    with transaction.atomic():
        model = _record(embedder)
        model.why, model.hint = choice.why, choice.hint
        model.tested_at = model.tested_at or timezone.now()
        model.save(update_fields=["why", "hint", "tested_at"])
        if model.state == EmbeddingModel.State.RETIRED and not model.held:
            model.build()
        others = EmbeddingModel.objects.filter(state=EmbeddingModel.State.BUILDING)
        others.exclude(pk=model.pk).update(
            state=EmbeddingModel.State.RETIRED, retired_at=timezone.now()
        )
    active = EmbeddingModel.objects.active()
    if active is None or (model != active and not _can_answer(active)):
        # Its weights are gone, so it cannot read queries: those photos answer that the new model
        # has indexed.
        model.activate()
    add_missing_rows()
    return model


def _record(embedder: Embedder) -> EmbeddingModel:
    """Return the row of a model, a new one if need be."""
    defaults = {"dim": embedder.dim}
    model = EmbeddingModel.objects.get_or_create(key=embedder.key, defaults=defaults)[0]
    if model.state == EmbeddingModel.State.LEAVING:
        sentence = _("The former vectors of %(model)s are being removed; then it is built anew.")
        raise ModelUnavailable(sentence % {"model": model.name})
    if model.dim != embedder.dim:
        sentence = _(
            "%(model)s now gives %(new)d numbers per photo instead of %(old)d; restore the "
            "old weights or choose another model."
        )
        raise ModelUnavailable(
            sentence % {"model": model.key, "new": embedder.dim, "old": model.dim}
        )
    return model


def _can_answer(active: EmbeddingModel) -> bool:
    """Tell whether a model finds any photo, and can still read queries."""
    found = Embedding.objects.live().filter(model=active, state=Embedding.State.INDEXED)
    return found.exists() and folders.has_weights(active.key)


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
    """Activate the new model if it settled all photos and loses hardly any; return it."""
    change = model_change.under_way()
    if change is None or not change.may_take_over or change.model.tested_at is None:
        return None
    failpoint("model_ready")
    if not change.model.activate():
        return None
    failpoint("model_promoted")
    logger.info("Searches are now answered by the model %s.", change.model.key)
    return change.model


# --- former models --------------------------------------------------------------------------------


def remove_former() -> int:
    """Remove the models that were retired long enough ago; return how many are gone.

    Rows go first, the indexes next and the model last, so an interrupted removal is resumed.
    """
    retired, leaving = EmbeddingModel.State.RETIRED, EmbeddingModel.State.LEAVING
    until = timezone.now() - timedelta(days=settings.FORMER_MODEL_DAYS)
    # A state of its own, because somebody may go back to the model at this moment.
    EmbeddingModel.objects.filter(state=retired, retired_at__lt=until).update(state=leaving)
    total = 0
    for model in EmbeddingModel.objects.filter(state=leaving):
        try:
            total += _remove(model)
        except VectorIndexError as error:
            logger.warning("The index of %s is removed later: %s", model.key, error)
    if not is_settling():  # Otherwise a model that is about to be recorded may need its weights.
        folders.remove_kept_except(set(EmbeddingModel.objects.values_list("key", flat=True)))
    return total


def _remove(model: EmbeddingModel) -> bool:
    if not edges.hand_over(model):
        return False
    rows = Embedding.objects.filter(model=model).order_by("pk")
    while ids := list(rows.values_list("pk", flat=True)[:REMOVED_AT_ONCE]):
        Embedding.objects.filter(pk__in=ids).delete()
        heartbeat.progress()
    failpoint("former_rows_removed")
    index.remove(model.collection, model.dim)
    index.remove(nearest.collection(model), model.dim)
    failpoint("former_index_removed")
    library_vectors.remove_files(model.key)
    if model.held:
        # The word of whoever went back from it outlives its vectors.
        model.state, model.retired_at = EmbeddingModel.State.RETIRED, None
        model.save(update_fields=["state", "retired_at"])
    else:
        model.delete()
    logger.info("The former model %s and its vectors were removed.", model.key)
    return True
