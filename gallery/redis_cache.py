"""A cache in Redis that is only empty while Redis is away."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

PAUSE_SECONDS = 10.0
"""How long Redis is left alone after it did not answer, so that a page waits for it once."""

T = TypeVar("T")

_asked_from = 0.0


class ForgivingRedisCache(RedisCache):
    """What is cached can be made again, so nobody meets an error because Redis does not answer."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        # By itself, the client would wait for its time limit four times.
        options = {**params.get("OPTIONS", {}), "retry": Retry(NoBackoff(), 0)}
        super().__init__(server, {**params, "OPTIONS": options})

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        ask = super().get
        return _unless_away(lambda: ask(key, default, version), otherwise=default)

    def set(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        ask = super().set
        _unless_away(lambda: ask(key, value, timeout, version), otherwise=None)

    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        ask = super().add
        return _unless_away(lambda: ask(key, value, timeout, version), otherwise=True)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        ask = super().touch
        return _unless_away(lambda: ask(key, timeout, version), otherwise=False)


def _unless_away(ask: Callable[[], T], *, otherwise: T) -> T:
    """Return what Redis says, or the other value while it is away or was a moment ago."""
    global _asked_from
    if monotonic() < _asked_from:
        return otherwise
    try:
        return ask()
    except RedisError:
        _asked_from = monotonic() + PAUSE_SECONDS
        return otherwise
