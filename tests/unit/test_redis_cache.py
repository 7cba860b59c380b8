"""The cache in Redis while Redis does not answer: pages wait for it once, and go on without it."""

from __future__ import annotations

import time

import pytest

from gallery import redis_cache
from gallery.redis_cache import ForgivingRedisCache
from tests.fault_proxy import FaultProxy, Hang, Refuse
from tests.server.processes import free_port

pytestmark = pytest.mark.slow


@pytest.fixture(params=[Hang(), Refuse()], ids=["frozen", "away"])
def cache(request, monkeypatch):
    monkeypatch.setattr(redis_cache, "_asked_from", 0.0)
    with FaultProxy(("127.0.0.1", free_port())) as proxy:
        proxy.suffer(request.param)
        options = {"socket_timeout": 1, "socket_connect_timeout": 1}
        yield ForgivingRedisCache(f"redis://{proxy.address}/0", {"OPTIONS": options})


def test_a_page_waits_once_for_a_redis_that_does_not_answer(cache):
    began = time.monotonic()
    for _ in range(10):
        assert cache.get("key", "nothing") == "nothing"
        cache.set("key", 1)
        assert cache.add("key", 1)
        assert not cache.touch("key")
    assert time.monotonic() - began < 1.9


def test_it_is_asked_again_after_a_while(cache, monkeypatch):
    asked = []
    monkeypatch.setattr(redis_cache, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(redis_cache.RedisCache, "get", lambda *_: asked.append(1))
    cache.set("key", 1)
    cache.get("key")
    assert asked == [1]
