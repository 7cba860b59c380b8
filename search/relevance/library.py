"""The background of a person's library, measured once and kept for a while."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import random
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import DatabaseError, connections

from gallery.models import Embedding, EmbeddingModel, User
from search.relevance.background import FEWEST, SAMPLE, Background, Vectors, texts
from search.vectors import embedders
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.phrasing import embed_worded, wordings
from search.vectors.index import slug

logger = logging.getLogger(__name__)

KEPT = 8
"""Libraries whose background is kept in memory, about 10 MB each."""
FRESH_S = 900.0
"""Seconds after which a library is measured again: photos come and go."""
FRESH_SMALL_S = 30.0
"""The same for one of fewer than `SAMPLE` photos, where a few photos change much."""
RETRY_S = 60.0
"""Seconds until background texts that could not be embedded are tried again."""
_BATCH = 4  # texts embedded at once: a query that comes in between waits for so many only


@dataclass
class _Kept:
    background: Background | None
    until: float


_guard = threading.Lock()  # Held for moments only, around the dictionaries below.
_kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
_under_way: set[tuple[str, str]] = set()
_tried: dict[str, float] = {}
_measuring = threading.Lock()  # One at a time: each takes a processor for 0.3 s.


def of(user: User, model: EmbeddingModel) -> Background | None:
    """Return the background of a person's library, or None where there is none (yet).

    None means: fewer than `FEWEST` photos, or the texts are still being embedded (seconds to a
    minute, once per model; the worker does it, or else a thread that this starts). Answers are
    then shown without bands. Only the first request for a library waits for it to be measured
    (0.3 s); later on the former measure is served while a thread takes the next.
    """
    key = (model.key, str(user.pk))
    found = _recall(key)
    if found is None:
        return _first(user, model, key)
    if found.until <= time.monotonic() and _claim(key):
        threading.Thread(target=_renew, args=(user, model, key), daemon=True).start()
    return found.background


def _recall(key: tuple[str, str]) -> _Kept | None:
    with _guard:
        found = _kept.get(key)
        if found:
            _kept.move_to_end(key)
        return found


def _first(user: User, model: EmbeddingModel, key: tuple[str, str]) -> Background | None:
    rows = stored_texts(model.key)
    if rows is None:
        _start_embedding(model.key)
        return None
    with _measuring:
        # Another request may have measured it while this one waited.
        found = _recall(key)
        return found.background if found else _measure(user, model, key, rows)


def _measure(
    user: User, model: EmbeddingModel, key: tuple[str, str], rows: Vectors
) -> Background | None:
    sample = _sample(user, model)
    background = Background(rows, sample) if len(sample) >= FEWEST else None
    fresh = FRESH_S if len(sample) >= SAMPLE else FRESH_SMALL_S
    with _guard:
        _kept[key] = _Kept(background, time.monotonic() + fresh)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return background


def _claim(key: tuple[str, str]) -> bool:
    """Tell whether this thread is the one to measure a library again."""
    with _guard:
        if key in _under_way:
            return False
        _under_way.add(key)
        return True


def _renew(user: User, model: EmbeddingModel, key: tuple[str, str]) -> None:
    try:
        rows = stored_texts(model.key)
        if rows is not None:
            with _measuring:
                _measure(user, model, key, rows)
    except DatabaseError as error:
        logger.warning("The library could not be measured: %s", error)
    finally:
        with _guard:
            _under_way.discard(key)
        connections.close_all()


def forget() -> None:
    """Forget all backgrounds in memory, as after photos or models changed."""
    with _guard:
        _kept.clear()
        _tried.clear()


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
    """Embed the background texts with a model as queries are, and keep them.

    Does nothing where they are kept already or another process is at it. Raises
    `ModelUnavailable` and OSError.
    """
    file = _file(key)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if stored_texts(key) is None:
            _embed_into(file, key)


def _embed_into(file: Path, key: str) -> None:
    model = embedders.text_embedder(key)
    parts = [texts()[start : start + _BATCH] for start in range(0, len(texts()), _BATCH)]
    rows = np.concatenate([embed_worded(model, part) for part in parts])
    unfinished = file.with_suffix(".part")
    with unfinished.open("wb") as stream:
        np.save(stream, rows.astype(np.float16))
    unfinished.replace(file)


def _start_embedding(key: str) -> None:
    """Have the texts embedded by a thread, at most once in `RETRY_S`."""
    now = time.monotonic()
    with _guard:
        if now < _tried.get(key, -RETRY_S) + RETRY_S:
            return
        _tried[key] = now
    threading.Thread(target=_embed_quietly, args=(key,), daemon=True).start()


def _embed_quietly(key: str) -> None:
    try:
        embed_texts(key)
    except (ModelUnavailable, OSError) as error:
        logger.warning("The background texts could not be embedded: %s", error)


def _file(key: str) -> Path:
    worded = "\n".join(wording for text in texts() for wording in wordings(text))
    version = hashlib.sha256(worded.encode()).hexdigest()[:8]
    return Path(settings.DATA_DIR) / "relevance" / f"{slug(key)}-{version}.npy"
