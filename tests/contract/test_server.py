"""The server index when the server misbehaves, over real HTTP against the fake server."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from search.vectors.index import BadVector, IndexUnavailable, breaker, qdrant_server
from search.vectors.index.adapter import FIELDS
from search.vectors.index.qdrant_server import ServerIndex
from tests.contract.conftest import DIM, make_points
from tests.fake_qdrant import FakeQdrant, Fault
from tests.fault_proxy import Drip, FaultProxy

pytestmark = pytest.mark.slow

POINTS = make_points(20)


@pytest.fixture
def server():
    with FakeQdrant(api_key="secret", read_key="for reading") as running:
        yield running


@pytest.fixture
def index(server):
    index = ServerIndex(server.url, "secret", DIM, "model/one")
    index.upsert(POINTS)
    server.requests.clear()
    yield index
    index.close()


CALLS = {
    "query": lambda index: index.query(POINTS[0].vector, limit=3),
    "query_batch": lambda index: index.query_batch([POINTS[0].vector], limit=3),
    "fetch": lambda index: index.fetch([POINTS[0].id]),
    "scroll": lambda index: list(index.scroll()),
    "count": lambda index: index.count(),
    "upsert": lambda index: index.upsert(POINTS[:2]),
    "delete": lambda index: index.delete([POINTS[19].id]),
}


@pytest.fixture
def reader(server):
    """The same index, with a key that may not change anything."""
    reader = ServerIndex(server.url, "for reading", DIM, "model/one")
    yield reader
    reader.close()


@pytest.mark.parametrize("name", ["query", "query_batch", "fetch", "scroll", "count"])
def test_a_key_for_reading_reads(index, reader, name):
    assert CALLS[name](reader) == CALLS[name](index)


@pytest.mark.parametrize("name", ["upsert", "delete"])
def test_a_key_for_reading_changes_nothing(index, reader, name):
    with pytest.raises(IndexUnavailable, match="QDRANT_API_KEY"):
        CALLS[name](reader)
    assert index.count() == len(POINTS)


def test_a_reader_waits_for_a_worker_to_make_the_collection(server, reader):
    with pytest.raises(IndexUnavailable, match="worker creates it"):
        reader.count()
    assert not reader.was_reset
    index = ServerIndex(server.url, "secret", DIM, "model/one")
    index.ensure()
    assert reader.count() == 0
    index.close()


def test_a_reader_leaves_missing_payload_indexes_to_the_workers(index, server, reader):
    server.store.indexed.clear()
    assert reader.count() == len(POINTS)


def test_the_collection_is_named_readably_and_made_for_its_owners(index, server):
    (name,) = server.store.created
    assert name.startswith("scry-model-one-")
    config = server.store.created[name]
    assert config["vectors"] == {"size": DIM, "distance": "Cosine"}
    assert config["quantization_config"] == {"turbo": {"bits": "bits4"}}
    assert config["strict_mode_config"]["enabled"] is True
    indexed = {field["field_name"]: field["field_schema"] for field in server.store.indexed[name]}
    assert indexed["owner"] == {"type": "keyword", "is_tenant": True}
    assert indexed["place"] == "geo"
    assert indexed.keys() == FIELDS.keys()
    assert len(server.store.indexed[name]) == len(FIELDS)


def test_a_large_collection_lies_on_several_nodes_and_on_disk(server):
    layout = qdrant_server.Layout(shards=4, replicas=2, on_disk=True)
    index = ServerIndex(server.url, "secret", DIM, "model", layout)
    index.ensure()
    (config,) = server.store.created.values()
    assert config["shard_number"] == 4
    assert config["replication_factor"] == 2
    assert config["vectors"]["memory"] == "cold"
    assert config["vectors"]["datatype"] == "float16"
    assert config["quantization_config"]["turbo"]["memory"] == "pinned"
    index.close()


def test_the_payload_index_comes_before_the_first_point(server):
    index = ServerIndex(server.url, "secret", DIM, "model")
    index.upsert(POINTS)
    index.close()
    writes = [request for request in server.requests if request.startswith("PUT")]
    assert [write.rsplit("/", 1)[1] for write in writes[1:]] == ["index"] * len(FIELDS) + ["points"]


def test_a_collection_of_a_version_that_filtered_by_less_gets_the_indexes_it_lacks(index, server):
    (name,) = server.store.created
    kept = [field for field in server.store.indexed[name] if field["field_name"] == "owner"]
    server.store.indexed[name][:] = kept
    later = ServerIndex(server.url, "secret", DIM, "model/one")
    assert later.count() == 20
    later.close()
    assert not later.was_reset
    assert {field["field_name"] for field in server.store.indexed[name]} == FIELDS.keys()
    assert len(server.store.indexed[name]) == len(FIELDS)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize(
    "fault",
    [Fault("status", 2, status=500), Fault("status", 2, status=429), Fault("reset", 2)],
    ids=["500", "429", "reset"],
)
def test_a_short_outage_goes_unnoticed(index, server, call, fault):
    calm = call(index)
    server.faults[:] = [Fault(fault.kind, 2, status=fault.status)]
    assert call(index) == calm
    assert server.faults[0].times == 0


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_long_outage_is_one_kind_of_error(index, server, call):
    server.faults[:] = [Fault("status", 50, status=503)]
    with pytest.raises(IndexUnavailable, match="503"):
        call(index)
    assert len(server.requests) == 3
    server.faults.clear()
    assert index.count() == 20


def test_a_request_the_server_refuses_is_not_repeated(index, server):
    server.faults[:] = [Fault("status", 50, status=400)]
    with pytest.raises(IndexUnavailable, match="400"):
        index.count()
    assert len(server.requests) == 1


def test_a_hanging_server_is_waited_for_once(server, monkeypatch):
    monkeypatch.setattr(qdrant_server, "READ_SECONDS", 1)
    index = ServerIndex(server.url, "secret", DIM, "model")
    index.ensure()
    server.requests.clear()
    server.faults[:] = [Fault("delay", 50, seconds=3)]
    with pytest.raises(IndexUnavailable, match="timed out"):
        index.count()
    assert len(server.requests) == 1
    index.close()


def test_a_server_that_sends_a_byte_now_and_then_is_waited_for_no_longer(server, monkeypatch):
    monkeypatch.setattr(qdrant_server, "READ_SECONDS", 1)
    monkeypatch.setattr(breaker, "OPEN_SECONDS", 0.0)
    with FaultProxy(server.server_address) as proxy:
        index = ServerIndex(f"http://{proxy.address}", "secret", DIM, "model")
        index.upsert(POINTS)
        proxy.suffer(Drip(0.1))
        for forget in (False, True):
            if forget:
                index._forget()
            begun = time.monotonic()
            with pytest.raises(IndexUnavailable, match="timed out"):
                index.count()
            assert time.monotonic() - begun < 8, "all of the answer would take longer"
        proxy.suffer(None)
        assert index.count() == 20
        index.close()


def test_many_searches_at_once_wait_for_a_hanging_server_no_longer_than_one(server, monkeypatch):
    monkeypatch.setattr(qdrant_server, "READ_SECONDS", 2)
    monkeypatch.setattr(breaker, "OPEN_SECONDS", 0.3)
    index = ServerIndex(server.url, "secret", DIM, "model")
    index.upsert(POINTS)
    assert index.count() == 20
    index._forget()  # as after a restart of the server, so that all of them check the collection
    server.requests.clear()
    server.faults[:] = [Fault("delay", 500, seconds=4)]

    def seconds(_: int) -> float:
        begun = time.monotonic()
        with pytest.raises(IndexUnavailable):
            index.count()
        return time.monotonic() - begun

    with ThreadPoolExecutor(16) as threads:
        taken = sorted(threads.map(seconds, range(16)))
    assert taken[-1] < 4
    assert taken[-breaker.PLACES - 1] < 2, "only some threads may wait for the answer"
    assert len(server.requests) <= breaker.PLACES
    assert seconds(0) < 4
    server.faults.clear()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(IndexUnavailable):
            assert index.count() == 20
            break
        time.sleep(0.05)
    else:
        pytest.fail("the circuit stayed open")
    index.close()


def test_many_searches_at_once_wait_for_a_place_while_the_server_answers(index, server):
    server.faults[:] = [Fault("delay", 16, seconds=0.05)]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(lambda _: index.count(), range(16))) == [20] * 16


def test_a_server_that_is_not_there_is_named_by_its_setting():
    with FakeQdrant() as gone:
        url = gone.url
    index = ServerIndex(url, "", DIM, "model")
    with pytest.raises(IndexUnavailable, match="QDRANT_URL"):
        index.ensure()
    index.close()


def test_a_wrong_key_is_named_by_its_setting(server):
    index = ServerIndex(server.url, "wrong", DIM, "model")
    with pytest.raises(IndexUnavailable, match="QDRANT_API_KEY"):
        index.count()
    index.close()


def test_a_bad_vector_never_reaches_the_server(index, server):
    with pytest.raises(BadVector):
        index.query(POINTS[0].vector * 3, limit=1)
    assert server.requests == []


def test_a_collection_of_another_size_is_refused(index, server):
    other = ServerIndex(server.url, "secret", DIM * 2, "model/one")
    with pytest.raises(IndexUnavailable, match="vectors of 16 numbers"):
        other.ensure()
    other.close()


def test_a_second_process_finds_the_collection_and_is_no_reset(index, server):
    second = ServerIndex(server.url, "secret", DIM, "model/one")
    assert second.count() == 20
    assert index.was_reset
    assert not second.was_reset
    second.close()


def test_a_collection_that_vanished_is_made_again_and_said_so(server, index):
    first = ServerIndex(server.url, "secret", DIM, "model/one")
    assert first.count() == 20
    server.store.drop(first.collection)
    with pytest.raises(IndexUnavailable, match="404"):
        first.count()
    assert first.count() == 0
    assert first.was_reset
    first.close()


def test_models_do_not_share_a_collection(index, server):
    other = ServerIndex(server.url, "secret", DIM, "model-one")
    assert other.count() == 0
    other.close()
