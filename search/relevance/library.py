"""Measures the background of a person's library and keeps it in memory for a while."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import random
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import DatabaseError, connections

from gallery import database_outages
from gallery.models import Audience, Embedding, EmbeddingModel, User
from gallery.slices import slices
from search.relevance.background import (
    MIN_PHOTOS,
    SAMPLE_SIZE,
    Background,
    Vectors,
    background_texts,
    nouns,
)
from search.vectors import embedders
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.catalog import READS_EVERY_LANGUAGE, STARTER_KEY
from search.vectors.embedders.phrasing import embed_worded, wordings
from search.vectors.index import slug

logger = logging.getLogger(__name__)

MAX_LIBRARIES = 8
"""Libraries whose background stays in memory, about 10 MB each."""
REFRESH_SECONDS = 900.0
"""A library is measured again after so long, because photos come and go."""
REFRESH_SMALL_SECONDS = 30.0
"""The same for libraries of fewer than `SAMPLE_SIZE` photos, where a few photos change much."""
RETRY_SECONDS = 60.0
"""Background texts that could not be embedded are tried again after so long."""
PUBLISHED = Path(__file__).with_name("embedded")
"""Folder with the starter model's embeddings, which would take a minute to make, as int8. Made by
`python -m benchmarks.embed_background`."""
_BATCH = 4  # texts embedded together; a query in between waits for one batch only


@dataclass
class _Measurement:
    background: Background
    expires: float


_guard = threading.Lock()  # held only briefly, around the dictionaries below
_measurements: OrderedDict[tuple[str, str], _Measurement] = OrderedDict()
_refreshes: set[tuple[str, str]] = set()
_attempts: dict[str, float] = {}
_rows: dict[Path, Vectors] = {}  # embedded texts by the file that keeps them
_measure_lock = threading.Lock()  # one at a time, as each takes a processor for 0.3 s


def background_of(user: User, model: EmbeddingModel) -> Background | None:
    """Return the background of a person's library, or None while there is none.

    There is none for fewer than `MIN_PHOTOS` photos, and while the texts are being embedded
    (seconds to a minute, once per model, by the worker or else by a thread that this starts; those
    of the starter model come with it).
    Answers have no bands then. Only the first request for a library waits for the measurement
    (0.3 s). Later requests get the last measurement while a thread takes the next one.
    """
    key = (model.key, str(user.pk))
    measurement = _recall(key)
    if measurement is None:
        return _measure_first(user, model, key)
    with _guard:
        refresh = measurement.expires <= time.monotonic() and key not in _refreshes
        if refresh:
            _refreshes.add(key)
    if refresh:
        threading.Thread(target=_refresh, args=(user, model, key), daemon=True).start()
    return measurement.background


def _recall(key: tuple[str, str]) -> _Measurement | None:
    with _guard:
        measurement = _measurements.get(key)
        if measurement:
            _measurements.move_to_end(key)
        return measurement


def _measure_first(user: User, model: EmbeddingModel, key: tuple[str, str]) -> Background | None:
    rows = stored_texts(model.key)
    if rows is None:
        _start_embedding(model.key)
        return None
    with _measure_lock:
        # Another request may have measured the library while this one waited.
        measurement = _recall(key)
        return measurement.background if measurement else _measure(user, model, key, rows)


def _measure(
    user: User, model: EmbeddingModel, key: tuple[str, str], rows: Vectors
) -> Background | None:
    sample = _sample(user, model)
    if len(sample) < MIN_PHOTOS:
        # Not kept: it takes milliseconds, and the first search after an import needs the answer.
        with _guard:
            _measurements.pop(key, None)
        return None
    texts, names = rows[: len(background_texts())], rows[len(background_texts()) :]
    background = Background(texts, sample, names)
    seconds = REFRESH_SECONDS if len(sample) >= SAMPLE_SIZE else REFRESH_SMALL_SECONDS
    with _guard:
        _measurements[key] = _Measurement(background, time.monotonic() + seconds)
        while len(_measurements) > MAX_LIBRARIES:
            _measurements.popitem(last=False)
    return background


def _refresh(user: User, model: EmbeddingModel, key: tuple[str, str]) -> None:
    try:
        rows = stored_texts(model.key)
        if rows is not None:
            with _measure_lock:
                _measure(user, model, key, rows)
    except DatabaseError as error:
        if not database_outages.is_told(error):
            logger.warning("The library could not be measured: %s", error)
    finally:
        with _guard:
            _refreshes.discard(key)
        connections.close_all()


def forget() -> None:
    """Forget all backgrounds in memory, for example after photos or models changed."""
    with _guard:
        _measurements.clear()
        _attempts.clear()
        _rows.clear()


def _sample(user: User, model: EmbeddingModel) -> Vectors:
    """Return the vectors of up to `SAMPLE_SIZE` random photos of a person, (n, dim) float32."""
    indexed = Embedding.objects.live().filter(model=model, state=Embedding.State.INDEXED)
    # What is not shared must not show in the bands of an audience either.
    is_shared = isinstance(user, Audience)
    own = indexed.visible_to(user) if is_shared else indexed.filter(photo__owner_id=user.pk)
    ids = list(own.values_list("pk", flat=True))
    chosen = random.sample(ids, min(SAMPLE_SIZE, len(ids)))
    vectors = [
        vector
        for batch in slices(chosen, 500)
        for row in Embedding.objects.filter(pk__in=batch)
        if (vector := row.get_vector()) is not None
    ]
    random.shuffle(vectors)
    return np.array(vectors, np.float32).reshape(-1, model.dim)


def stored_texts(key: str) -> Vectors | None:
    """Return the stored embeddings of the background texts, then those of the nouns, or None.

    They are the same array for all libraries. None means that there are none yet.
    """
    file = _file(key)
    with _guard:
        known = _rows.get(file)
    if known is not None:
        return known
    rows = _read(file)
    if rows is None and key == STARTER_KEY and READS_EVERY_LANGUAGE:
        # Without its encoder for every language the starter model reads the texts otherwise.
        rows = _read(PUBLISHED / file.name)
    if rows is not None:
        with _guard:
            _rows[file] = rows
    return rows


def _read(file: Path) -> Vectors | None:
    try:
        kept = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if kept.ndim != 2 or len(kept) != len(background_texts()) + len(nouns()):
        return None
    rows: Vectors = kept.astype(np.float32)
    # The published rows are whole numbers, each row on a scale of its own.
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def embed_texts(key: str) -> None:
    """Embed the background texts and the nouns, and store both.

    Does nothing if they are stored already, or if another process is embedding them. Raises
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


def embedded(key: str) -> Vectors:
    """Embed the background texts as queries are, and the nouns as they stand, float32.

    Raises `ModelUnavailable`.
    """
    model = embedders.text_embedder(key)
    texts = background_texts()
    worded = [embed_worded(model, batch) for batch in slices(texts, _BATCH)]
    names = [noun for noun, _ in nouns()]
    plain = [model.embed_texts(batch) for batch in slices(names, 4 * _BATCH)]
    return np.concatenate([*worded, *plain])


def _embed_into(file: Path, key: str) -> None:
    rows = embedded(key)
    temporary = file.with_suffix(".part")
    with temporary.open("wb") as stream:
        np.save(stream, rows.astype(np.float16))
    temporary.replace(file)


def _start_embedding(key: str) -> None:
    """Start a thread that embeds the texts, at most once in `RETRY_SECONDS`."""
    now = time.monotonic()
    with _guard:
        if now < _attempts.get(key, -RETRY_SECONDS) + RETRY_SECONDS:
            return
        _attempts[key] = now
    threading.Thread(target=_embed_quietly, args=(key,), daemon=True).start()


def _embed_quietly(key: str) -> None:
    try:
        embed_texts(key)
    except (ModelUnavailable, OSError) as error:
        logger.warning("The background texts could not be embedded: %s", error)


def _file(key: str) -> Path:
    return Path(settings.DATA_DIR) / "relevance" / file_name(key)


def file_name(key: str) -> str:
    """Return the name of the file with a model's embeddings of the present texts."""
    return f"{slug(key)}-{_version()}.npy"


@cache
def _version() -> str:
    """Return what changes with the texts and their wordings."""
    worded = "\n".join(wording for text in background_texts() for wording in wordings(text))
    worded += "\n".join(noun for noun, _ in nouns())
    return hashlib.sha256(worded.encode()).hexdigest()[:8]
