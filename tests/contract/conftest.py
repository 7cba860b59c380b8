"""The indexes that the contract is tried on."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from search.vectors.index import Point, VectorIndex
from search.vectors.index.qdrant_edge import EdgeIndex
from search.vectors.index.qdrant_server import ServerIndex
from tests.contract.exact_index import ExactIndex
from tests.fake_qdrant import FakeQdrant

DIM = 16
MIB = 1024 * 1024


@contextmanager
def exact(_: Path) -> Iterator[VectorIndex]:
    yield ExactIndex(DIM)


@contextmanager
def edge(folder: Path) -> Iterator[VectorIndex]:
    index = EdgeIndex(folder / "index", DIM, "model", free_bytes=64 * MIB)
    yield index
    index.close()


@contextmanager
def local_engine(_: Path) -> Iterator[VectorIndex]:
    """The server adapter over the client's own local engine."""
    from qdrant_client import QdrantClient

    client = QdrantClient(":memory:")
    index = ServerIndex(client, "", DIM, "model")
    with warnings.catch_warnings():
        # It says once per process that it ignores search parameters and payload indexes.
        warnings.filterwarnings("ignore", message=r"(Local mode|Payload indexes)")
        index.query(unit_vectors(1)[0], limit=1)
    yield index
    index.close()
    client.close()


@contextmanager
def fake_server(_: Path) -> Iterator[VectorIndex]:
    """The server adapter over HTTP."""
    with FakeQdrant(api_key="secret") as server:
        index = ServerIndex(server.url, "secret", DIM, "model")
        yield index
        index.close()


@contextmanager
def real_server(_: Path) -> Iterator[VectorIndex]:
    """The server adapter over HTTP on a server of someone who runs these tests with one."""
    url = os.environ.get("QDRANT_TEST_URL")
    if not url:
        pytest.skip("QDRANT_TEST_URL is not set: no real Qdrant server to test with")
    index = ServerIndex(url, os.environ.get("QDRANT_TEST_API_KEY", ""), DIM, f"t-{uuid.uuid4()}")
    yield index
    index.drop()
    index.close()


MAKERS: list[Callable[[Path], object]] = [exact, edge, local_engine, fake_server, real_server]


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
def index(request, tmp_path) -> Iterator[VectorIndex]:
    """An empty index of each kind, 16 numbers a vector."""
    with request.param(tmp_path) as made:
        made.ensure()
        yield made


def unit_vectors(count: int, dim: int = DIM, seed: int = 0) -> np.ndarray:
    """Return random unit rows, shape (count, dim), float32."""
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def make_points(count: int, *, dim: int = DIM, seed: int = 0) -> list[Point]:
    """Return points with ids 1, 2, ... that belong to three owners in turn."""
    rows = unit_vectors(count, dim, seed)
    return [
        Point(uuid.UUID(int=n + 1), row, {"owner": f"owner-{n % 3}", "gen": n})
        for n, row in enumerate(rows)
    ]
