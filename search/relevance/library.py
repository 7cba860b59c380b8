"""The background of a person's library, measured once and kept for a while."""

from __future__ import annotations

import hashlib
import logging
import os
import random
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from gallery.models import Embedding, EmbeddingModel
from search import embedders
from search.embedders.base import ModelUnavailable
from search.index.naming import slug
from search.relevance.background import FEWEST, SAMPLE, Background, Vectors, texts

logger = logging.getLogger(__name__)

KEPT = 8
"""Libraries whose background is kept in memory, about 10 MB each."""
FRESH_S = 900.0
"""Seconds after which a library is measured again: photos come and go."""
_BATCH = 8  # texts embedded at once: a query that comes in between waits for so many only

User = AbstractBaseUser | AnonymousUser


@dataclass
class _Kept:
    background: Background | None
    until: float


_guard = threading.Lock()
_kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
_embedding = threading.Lock()


def of(user: User, model: EmbeddingModel) -> Background | None:
    """Return the background of a person's library, or None where there is none (yet).

    None means: fewer than `FEWEST` photos, or the texts are still being embedded by a thread
    that this starts, once per model (seconds to a minute). Answers are then shown without
    bands. Measuring a library takes about 0.3 s and is done every quarter of an hour.
    """
    key = (model.key, str(user.pk))
    with _guard:
        kept = _kept.get(key)
        if kept and kept.until > time.monotonic():
            _kept.move_to_end(key)
            return kept.background
    rows = stored_texts(model.key)
    if rows is None:
        threading.Thread(target=_embed_quietly, args=(model.key,), daemon=True).start()
        return None
    background = _measured(user, model, rows)
    with _guard:
        _kept[key] = _Kept(background, time.monotonic() + FRESH_S)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return background


def forget() -> None:
    """Forget all backgrounds in memory, as after photos or models changed."""
    with _guard:
        _kept.clear()


def _measured(user: User, model: EmbeddingModel, rows: Vectors) -> Background | None:
    sample = _sample(user, model)
    return Background(rows, sample) if len(sample) >= FEWEST else None


def _sample(user: User, model: EmbeddingModel) -> Vectors:
    """Return the vectors of up to `SAMPLE` random photos of a person, (n, dim) float32."""
    mine = Embedding.objects.live().filter(
        model=model, state=Embedding.State.INDEXED, photo__owner_id=user.pk
    )
    ids = list(mine.values_list("pk", flat=True))
    chosen = random.sample(ids, min(SAMPLE, len(ids)))
    found = [
        vector
        for start in range(0, len(chosen), 500)
        for row in Embedding.objects.filter(pk__in=chosen[start : start + 500])
        if (vector := row.get_vector()) is not None
    ]
    random.shuffle(found)
    return np.array(found, np.float32).reshape(-1, model.dim)


def stored_texts(key: str) -> Vectors | None:
    """Return the embedded background texts of a model, or None if they were not kept yet."""
    try:
        rows: Vectors = np.load(_file(key), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return rows.astype(np.float32) if rows.ndim == 2 and len(rows) == len(texts()) else None


def embed_texts(key: str) -> None:
    """Embed the background texts with a model and keep them; raise `ModelUnavailable`."""
    model = embedders.text_embedder(key)
    parts = [texts()[start : start + _BATCH] for start in range(0, len(texts()), _BATCH)]
    rows = np.concatenate([model.embed_texts(part) for part in parts])
    file = _file(key)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}.part")
    with unfinished.open("wb") as stream:
        np.save(stream, rows.astype(np.float16))
    unfinished.replace(file)


def _embed_quietly(key: str) -> None:
    if not _embedding.acquire(blocking=False):
        return
    try:
        embed_texts(key)
    except (ModelUnavailable, OSError) as error:
        logger.warning("The background texts could not be embedded: %s", error)
    finally:
        _embedding.release()


def _file(key: str) -> Path:
    version = hashlib.sha256("\n".join(texts()).encode()).hexdigest()[:8]
    return Path(settings.DATA_DIR) / "relevance" / f"{slug(key)}-{version}.npy"
