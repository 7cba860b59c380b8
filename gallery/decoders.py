"""The decoder children that serve requests, shared by all threads of this process."""

from __future__ import annotations

import atexit
import threading

from django.conf import settings

from gallery.decoding.pool import DecoderPool

_lock = threading.Lock()
_pool: DecoderPool | None = None


def web_pool() -> DecoderPool:
    """Return the pool of this process; the first call starts it."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = DecoderPool(size=settings.DECODER_CHILDREN, max_pixels=settings.MAX_PIXELS)
            atexit.register(close)
        return _pool


def close() -> None:
    """Stop the children; the next `web_pool()` starts new ones."""
    global _pool
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.close()
