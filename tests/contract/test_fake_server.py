"""The fake Qdrant server as a program of its own: what it keeps when it is killed."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

import httpx
import pytest

from search.vectors.index import Eq, Not
from search.vectors.index.qdrant_server import ServerIndex
from tests.contract.conftest import DIM, make_points
from tests.server.processes import Program, free_port

pytestmark = pytest.mark.slow

POINTS = make_points(60)


@contextmanager
def running(tmp_path):
    """Start the server over one folder, and kill it at the end."""
    port = free_port()
    command = [sys.executable, "-m", "tests.fake_qdrant", "--port", str(port), "--api-key", "k"]
    program = Program(
        "qdrant",
        [*command, "--folder", tmp_path / "points"],
        folder=tmp_path,
        environment={"PATH": os.environ["PATH"]},
        port=port,
    )
    program.start()
    try:
        program.ready()
        yield f"http://127.0.0.1:{port}"
    finally:
        program.kill()


@contextmanager
def an_index(url):
    index = ServerIndex(url, "k", DIM, "model")
    yield index
    index.close()


def test_a_server_killed_in_the_middle_keeps_what_it_acknowledged(tmp_path):
    flt = Not(Eq("owner", "owner-1"))
    with running(tmp_path) as url, an_index(url) as index:
        index.upsert(POINTS)
        index.delete([point.id for point in POINTS[:10]])
        kept = list(index.scroll(with_vectors=True))
        hits = index.query(POINTS[20].vector, limit=5, flt=flt)
    assert len(kept) == 50
    for _ in range(2):
        with running(tmp_path) as url, an_index(url) as index:
            again = list(index.scroll(with_vectors=True))
            assert [(one.id, one.payload) for one in again] == [
                (one.id, one.payload) for one in kept
            ]
            assert index.query(POINTS[20].vector, limit=5, flt=flt) == hits
            assert not index.was_reset


def test_a_dropped_collection_stays_away(tmp_path):
    with running(tmp_path) as url, an_index(url) as index:
        index.upsert(POINTS)
        index.drop()
    with running(tmp_path) as url, an_index(url) as index:
        assert index.count() == 0
        assert index.was_reset


def test_what_the_fake_does_not_know_is_refused_and_not_guessed(tmp_path):
    with running(tmp_path) as url, an_index(url) as index:
        index.ensure()
        for body in ({"filter": {"min_should": {}}}, {"filter": {"must": [{"key": "a"}]}}):
            path = f"{url}/collections/{index.collection}/points/count"
            answer = httpx.post(path, json=body, headers={"api-key": "k"}, trust_env=False)
            assert answer.status_code == 400, answer.text
