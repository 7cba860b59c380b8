"""The embedded index when things go wrong: crashes, damage, second processes, forks, full disks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from search.vectors.index import IndexDamaged, IndexFull, IndexLocked, IndexUnavailable
from search.vectors.index.qdrant_edge import EdgeIndex
from tests.contract.conftest import DIM, MIB, make_points, unit_vectors

ROOT = Path(__file__).resolve().parents[2]

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from search.vectors.index.qdrant_edge import EdgeIndex
from tests.contract.conftest import DIM, MIB, make_points
index = EdgeIndex(Path(sys.argv[1]), DIM, "model", free_bytes=64 * MIB)
points = make_points(20_000)
for start in range(0, 20_000, 500):
    index.upsert(points[start:start + 500])
    index.flush()
    print(start + 500, flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index" / "model"


@pytest.fixture
def open_at(folder):
    """Open the folder, as often as wanted, and close whatever is left open."""
    made = []

    def make(**changed):
        settings = {"path": folder, "dim": DIM, "key": "model", "free_bytes": 64 * MIB} | changed
        made.append(EdgeIndex(**settings))
        return made[-1]

    yield make
    for index in made:
        index.close()


def _stored(open_at, count=300):
    """Store some points, flush, and close."""
    index = open_at()
    index.upsert(make_points(count))
    index.flush()
    index.close()


def test_making_the_object_opens_nothing(open_at, folder):
    open_at()
    assert not folder.parent.exists()


def test_reopening_keeps_the_points_and_is_no_reset(open_at):
    _stored(open_at)
    again = open_at()
    again.ensure()
    assert again.count() == 300
    assert not again.was_reset
    point = make_points(1)[0]
    assert again.query(point.vector, limit=1)[0].id == point.id


def test_closing_writes_what_was_not_flushed(open_at):
    index = open_at()
    index.upsert(make_points(10))
    index.close()
    assert open_at().count() == 10


@pytest.mark.slow
def test_kill_9_loses_no_flushed_point(open_at, folder):
    child = subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER, str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        flushed = [int(child.stdout.readline()) for _ in range(5)][-1]
        child.send_signal(signal.SIGKILL)
        flushed = max([flushed, *map(int, child.stdout.read().split())])
    index = open_at()
    expected = {point.id for point in make_points(flushed)}
    assert expected <= {point.id for point in index.scroll()}
    assert not index.was_reset


@pytest.mark.slow
def test_another_process_is_kept_out_until_this_one_closes(open_at, folder):
    index = open_at()
    index.ensure()
    script = (
        "import sys; from pathlib import Path; import django; django.setup();"
        "from search.vectors.index.qdrant_edge import EdgeIndex;"
        "from search.vectors.index import IndexLocked\n"
        f"try: EdgeIndex(Path(sys.argv[1]), {DIM}, 'model', free_bytes=0).ensure()\n"
        "except IndexLocked as error: print(error)\n"
        "else: print('opened')"
    )

    def attempt():
        done = subprocess.run(
            [sys.executable, "-c", script, str(folder)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    assert attempt() == "Another Scry process has this data folder open."
    index.close()
    assert attempt() == "opened"


def test_a_second_opener_in_the_same_process_is_kept_out(open_at):
    index = open_at()
    index.upsert(make_points(3))
    with pytest.raises(IndexLocked):
        open_at().count()
    # Changing the model key must not let it set an open folder aside either.
    with pytest.raises(IndexLocked):
        open_at(key="other").count()
    assert index.count() == 3


def test_a_forked_child_is_refused_and_does_not_hang(open_at):
    index = open_at()
    index.upsert(make_points(3))
    child = os.fork()
    if child == 0:
        try:
            index.count()
        except IndexUnavailable as error:
            os._exit(0 if "fork" in str(error) else 2)
        except BaseException:  # noqa: BLE001
            os._exit(3)
        os._exit(1)
    deadline = time.monotonic() + 20
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the forked child hung")
        time.sleep(0.02)
    assert os.waitstatus_to_exitcode(ended[1]) == 0
    assert index.count() == 3


def _garbage(name):
    def spoil(folder):
        for path in folder.rglob(name):
            path.write_bytes(os.urandom(4096))

    return spoil


def _emptied(name):
    def spoil(folder):
        for path in folder.rglob(name):
            os.truncate(path, 0)

    return spoil


DAMAGE = {
    "config": _garbage("edge_config.json"),
    "segment": _garbage("segment.json"),
    "log": _garbage("first-index"),
    "mappings": _garbage("mutable_id_tracker.mappings"),
    "a file whose loss makes the engine panic": _emptied("status.dat"),
    "stamp": lambda folder: (folder / "STAMP").write_text("{"),
    "no stamp": lambda folder: (folder / "STAMP").unlink(),
}


@pytest.mark.parametrize("spoil", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_index_is_set_aside_and_begun_anew(open_at, folder, spoil):
    _stored(open_at)
    spoil(folder)
    index = open_at()
    index.ensure()
    assert index.was_reset
    assert index.count() == 0
    assert len(list(folder.parent.glob("model.bad-*"))) == 1
    index.upsert(make_points(5))
    assert index.count() == 5


@pytest.mark.parametrize("changed", [{"key": "other"}, {"dim": DIM * 2}], ids=["model", "dim"])
def test_an_index_of_another_model_is_set_aside(open_at, folder, changed):
    _stored(open_at)
    index = open_at(**changed)
    assert index.count() == 0
    assert index.was_reset
    assert list(folder.parent.glob("model.bad-*"))


def test_an_index_of_another_engine_version_is_set_aside(open_at, folder):
    _stored(open_at)
    stamp = json.loads((folder / "STAMP").read_text())
    (folder / "STAMP").write_text(json.dumps(stamp | {"engine": "qdrant-edge-py 0.1.0"}))
    index = open_at()
    index.ensure()
    assert index.was_reset


def test_only_the_newest_damaged_index_is_kept(open_at, folder):
    for stamp in ("one", "two"):
        _stored(open_at)
        (folder / "STAMP").write_text(stamp)
        index = open_at()
        index.ensure()
        index.close()
    (kept,) = folder.parent.glob("model.bad-*")
    assert (kept / "STAMP").read_text() == "two"


def test_a_disk_without_room_refuses_a_new_index(open_at, folder):
    with pytest.raises(IndexFull, match="MB free"):
        open_at(free_bytes=1 << 60).ensure()
    assert not folder.exists()


def test_a_disk_that_fills_up_refuses_writes_and_still_answers(open_at):
    _stored(open_at, 20)
    index = open_at(free_bytes=1 << 60)
    point = make_points(1)[0]
    assert index.query(point.vector, limit=1)[0].id == point.id
    with pytest.raises(IndexFull):
        index.upsert([point])
    index.delete([point.id])
    index.flush()
    assert index.count() == 19


def test_many_threads_lose_nothing(open_at):
    index = open_at()
    failures = []

    def write(number):
        try:
            for point in make_points(200)[number::4]:
                index.upsert([point])
                index.query(point.vector, limit=3)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert index.count() == 200


def test_rescored_answers_are_exact_where_codes_alone_are_not(open_at):
    """Neighbours closer to each other than 4-bit codes can tell still come in the right order."""
    dim = 128
    index = open_at(dim=dim)
    points = make_points(500, dim=dim)
    index.upsert(points)
    question = unit_vectors(1, dim=dim, seed=8)[0]
    exact = sorted(points, key=lambda point: -float(point.vector @ question))[:10]
    found = index.query(question, limit=10)
    assert [hit.id for hit in found] == [point.id for point in exact]
    assert [hit.score for hit in found] == pytest.approx(
        [float(point.vector @ question) for point in exact], abs=1e-5
    )


def test_dropping_keeps_other_processes_out(open_at):
    index = open_at()
    index.upsert(make_points(3))
    index.drop()
    with pytest.raises(IndexLocked):
        open_at().ensure()
    index.upsert([make_points(1)[0]])
    assert [point.id for point in index.scroll()] == [uuid.UUID(int=1)]


class PanicException(BaseException):
    """What the Rust engine raises when it panics; it shares its name and nothing else."""


class PanickingShard:
    """Stands in for a shard whose files went bad while it was open."""

    def count(self, _):
        raise PanicException("index out of bounds")

    def close(self):
        raise PanicException("index out of bounds")


def test_a_panic_of_the_engine_is_an_error_and_the_next_opening_begins_anew(open_at, monkeypatch):
    _stored(open_at)
    index = open_at()
    index.ensure()
    real = index._shard
    monkeypatch.setattr(index, "_shard", PanickingShard())
    with pytest.raises(IndexDamaged, match="restart"):
        index.count()
    index.close()
    real.close()
    again = open_at()
    assert again.count() == 0
    assert again.was_reset
