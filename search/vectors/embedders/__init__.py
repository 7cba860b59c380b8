"""The embedders of this process: loaded when first needed, kept, and shared by all threads.

`image_embedder` and `text_embedder` load one tower each, so that a process that only searches never
holds an image tower. Importing this package loads no model library.
"""

from __future__ import annotations

import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string
from numpy.typing import NDArray

from search.vectors.embedders.base import Embedder, ModelUnavailable, Tower
from search.vectors.embedders.phrasing import embed_worded

Vector = NDArray[np.float32]
"""One embedding, shape (dim,), dtype float32, of unit length."""

KEPT_KEYS = 2
"""Models kept in memory: the active one, and the next one while a gallery changes its model."""

KEPT_QUERIES = 2048
"""Query embeddings kept, about 4 MB at 512 dimensions."""

RETRY_AFTER_S = 30.0
"""Seconds after which a model that could not be loaded is tried again."""

_loading = threading.RLock()  # One load at a time: each needs seconds of CPU and much memory.
_guard = threading.Lock()  # Held for moments only, around the dictionaries below.
_loaded: OrderedDict[str, dict[Tower, Embedder]] = OrderedDict()
_failures: dict[tuple[str, Tower], tuple[float, ModelUnavailable]] = {}
_queries: OrderedDict[tuple[str, str], Vector] = OrderedDict()


def adapter() -> Any:
    """Return the module of EMBEDDER_FACTORY, which loads models.

    `checkpoint(name, weights)` returns the weight file of a model, or None for one that has none.
    `probes()` returns the pictures and the texts that `search.vectors.embedders.self_test` uses.
    """
    return import_module(settings.EMBEDDER_FACTORY.rpartition(".")[0])


def image_embedder(key: str) -> Embedder:
    """Return the embedder of `key` with its image tower; raise `ModelUnavailable`."""
    return _embedder(key, "image")


def text_embedder(key: str) -> Embedder:
    """Return the embedder of `key` with its text tower; raise `ModelUnavailable`."""
    return _embedder(key, "text")


def embed_query_text(key: str, text: str) -> Vector:
    """Return the unit embedding of a query, shape (dim,), read-only; raise `ModelUnavailable`.

    Recent queries are answered from memory. Texts that differ only in white space or in the Unicode
    form of their characters are the same query. A short text gets several wordings (see
    `search.vectors.embedders.phrasing`).
    """
    return embed_query_texts(key, [text])[0]


def embed_query_texts(key: str, texts: Sequence[str]) -> list[Vector]:
    """Return what `embed_query_text` returns for each text; new texts are embedded in one call."""
    wanted = [(key, normalised(text)) for text in texts]
    with _guard:
        found = {query: _queries[query] for query in wanted if query in _queries}
        for query in found:
            _queries.move_to_end(query)
    new = [query for query in dict.fromkeys(wanted) if query not in found]
    if new:
        found |= zip(new, embed_worded(text_embedder(key), [text for _, text in new]), strict=True)
        _keep({query: found[query] for query in new})
    return [found[query] for query in wanted]


def _keep(queries: dict[tuple[str, str], Vector]) -> None:
    for vector in queries.values():
        vector.flags.writeable = False
    with _guard:
        _queries.update(queries)
        while len(_queries) > KEPT_QUERIES:
            _queries.popitem(last=False)


def normalised(text: str) -> str:
    """Return the text in Unicode form NFC with each run of white space as one space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def is_loaded(key: str, tower: Tower) -> bool:
    """Return whether the tower is in memory, so that using it waits for no load."""
    with _guard:
        return tower in _loaded.get(key, {})


def wait_until_loaded(key: str, tower: Tower, seconds: float) -> bool:
    """Load the tower in a thread and wait `seconds` for it; return whether it is in memory.

    Raises `ModelUnavailable` when it cannot be loaded. The load goes on after the wait, so a
    request never waits as long as a load may take.
    """
    if is_loaded(key, tower):
        return True
    loader = threading.Thread(target=_load_quietly, args=(key, tower), daemon=True)
    loader.start()
    loader.join(seconds)
    return _recall(key, tower) is not None


def _load_quietly(key: str, tower: Tower) -> None:
    with suppress(ModelUnavailable):
        _embedder(key, tower)


def unload(key: str) -> None:
    """Forget a model and its kept queries."""
    with _loading, _guard:
        _loaded.pop(key, None)
        for query in [query for query in _queries if query[0] == key]:
            del _queries[query]


def unload_all() -> None:
    """Forget every model, every failure to load one, and every kept query."""
    with _loading, _guard:
        _loaded.clear()
        _failures.clear()
        _queries.clear()


def _embedder(key: str, tower: Tower) -> Embedder:
    found = _recall(key, tower)
    if found is not None:
        return found
    with _loading:
        # Another thread may have loaded it while this one waited.
        found = _recall(key, tower)
        return found if found is not None else _load(key, tower)


def _recall(key: str, tower: Tower) -> Embedder | None:
    with _guard:
        if key in _loaded and tower in _loaded[key]:
            _loaded.move_to_end(key)
            return _loaded[key][tower]
        failed_at, failure = _failures.get((key, tower), (0.0, None))
    if failure is not None and time.monotonic() - failed_at < RETRY_AFTER_S:
        raise ModelUnavailable(failure, failure.code)
    return None


def _load(key: str, tower: Tower) -> Embedder:
    # Everything that searches imports this package, and only loading needs the table of models.
    from search.vectors.embedders import folders

    build: Callable[..., Embedder] = import_string(settings.EMBEDDER_FACTORY)
    try:
        embedder = build(
            key,
            towers=frozenset({tower}),
            weights=folders.weights_of(key),
            device=settings.EMBEDDING_DEVICE or None,
            calibration_file=settings.DATA_DIR / "calibration.json",
        )
    except ModelUnavailable as failure:
        with _guard:
            _failures[key, tower] = (time.monotonic(), failure)
        raise
    with _guard:
        _failures.pop((key, tower), None)
        _loaded.setdefault(key, {})[tower] = embedder
        _loaded.move_to_end(key)
        while len(_loaded) > KEPT_KEYS:
            _loaded.popitem(last=False)
    return embedder
