"""How long requests take, and searches in each of their stages.

A stage is marked where it is worked on, `with stage("encode"):`, and costs a few microseconds.
Its time is its own: what a stage inside takes is not counted twice, so the stages of a search add
up to what was marked of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Literal

from django.db import connection
from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics

Stage = Literal["encode", "index", "sql", "rank", "render"]

disable_created_metrics()  # type: ignore[no-untyped-call]
WEB = CollectorRegistry()

_SEARCH_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SEARCHES = Histogram(
    "scry_search_duration_seconds",
    "Whole requests that searched.",
    registry=WEB,
    buckets=_SEARCH_BUCKETS,
)
STAGES = Histogram(
    "scry_search_stage_duration_seconds",
    "The stages of requests that searched, each without the others.",
    ["stage"],
    registry=WEB,
    buckets=_SEARCH_BUCKETS,
)
UPLOADS = Histogram(
    "scry_upload_duration_seconds",
    "Taking in one file that has arrived: checks, storing, rows.",
    registry=WEB,
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
REQUESTS = Histogram(
    "scry_http_request_duration_seconds",
    "Requests until their answer begins, by name of the route.",
    ["route", "method", "status"],
    registry=WEB,
    buckets=(0.05, 0.2, 1.0, 5.0),
)

_seconds: ContextVar[Counter[str] | None] = ContextVar("stages", default=None)


@contextmanager
def stage(name: Stage) -> Iterator[None]:
    """Count the time of this block for a stage; outside a request, do nothing."""
    seconds: Any = _seconds.get()
    if seconds is None:
        yield
        return
    started, others = perf_counter(), seconds.total()
    try:
        yield
    finally:
        inside = seconds.total() - others
        seconds[name] += perf_counter() - started - inside


@contextmanager
def request_stages() -> Iterator[None]:
    """Time the stages of one request; if it searched, they are counted at its end."""
    seconds: Any = Counter()
    token, started = _seconds.set(seconds), perf_counter()
    try:
        with connection.execute_wrapper(_timed_statement):
            yield
    finally:
        _seconds.reset(token)
        if "rank" in seconds:
            SEARCHES.observe(perf_counter() - started)
            for name, value in seconds.items():
                STAGES.labels(name).observe(value)


def _timed_statement(execute: Callable[..., Any], *statement: Any) -> Any:
    with stage("sql"):
        return execute(*statement)
