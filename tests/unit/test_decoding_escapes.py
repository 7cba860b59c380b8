"""What code that took over a decoder child can reach: its memory, its file, and nothing else."""

from __future__ import annotations

import os
import platform
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from gallery.decoding import DecodeError, DecoderPool, confinement, syscall_filter
from gallery.decoding.answers import LAYERS
from tests import images
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these layers"),
    pytest.mark.slow,
]

SECRET = b"django-insecure-do-not-tell"


def landlock() -> int:
    """Return the version of Landlock here, 0 without it."""
    try:
        return confinement.landlock_version()
    except OSError:
        return 0


@dataclass(frozen=True)
class World:
    """What an exploit would like to reach, all of it real."""

    secret: Path
    database: Path
    original: Path
    folder: Path
    port: int
    local: Path
    abstract: str
    victim: int


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    secret, database, original = (folder / name for name in ("secret_key", "scry.db", "a.jpg"))
    secret.write_bytes(SECRET)
    original.write_bytes(images.jpeg())
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE photo (id)")
    connection.close()
    sockets = [
        socket.create_server(("127.0.0.1", 0)),
        socket.socket(socket.AF_UNIX),
        socket.socket(socket.AF_UNIX),
    ]
    local, abstract = folder / "socket", f"\0scry-test-{os.getpid()}"
    sockets[1].bind(str(local))
    sockets[2].bind(abstract)
    for one in sockets:
        one.listen(50)
    # The process that serves pages; the pool of these tests lives in it.
    yield World(
        secret,
        database,
        original,
        folder,
        sockets[0].getsockname()[1],
        local,
        abstract,
        os.getpid(),
    )
    for one in sockets:
        one.close()


@pytest.fixture(scope="module")
def pools():
    """Return a function that gives the pool whose children have these layers."""
    made: dict[frozenset[str], DecoderPool] = {}

    def pool(layers=LAYERS) -> DecoderPool:
        key = frozenset(layers)
        if key not in made:
            made[key] = DecoderPool(1, faults=True, layers=key, recycle_after=10_000)
        return made[key]

    yield pool
    for one in made.values():
        one.close()


@pytest.fixture
def attempt(pools, tmp_path):
    """Return a function that makes a child try something and returns what came of it."""

    def attempt(name: str, *args: Any, layers=LAYERS) -> str:
        path = images.write(tmp_path, "escape.jpg", images.escaping(name, *args))
        with pytest.raises(DecodeError) as caught:
            pools(layers).probe(path)
        return f"{caught.value.reason}: {caught.value.detail}"

    return attempt


def on_files(world):
    paths = [world.secret, world.database, world.original, "/etc/passwd"]
    paths += [f"/proc/{world.victim}/{name}" for name in ("environ", "mem", "maps", "cmdline")]
    paths += ["/proc/self/environ", f"/proc/{world.victim}/fd/0"]
    return [
        *(("read", str(path)) for path in paths),
        ("read and write", str(world.database)),
        ("write", str(world.folder / "planted")),
        ("write", "/tmp/scry-planted"),  # noqa: S108 - nothing may be written there
        ("truncate", str(world.original)),
        ("unlink", str(world.original)),
        ("rename", str(world.original)),
        ("link", str(world.original)),
        ("mkdir", str(world.folder / "made")),
        ("list", str(world.folder)),
        ("list", "/proc"),
        ("open again",),
        ("openat2", str(world.secret)),
        ("open by handle",),
    ]


def about_files(world):
    """Return attempts that Landlock does not know of."""
    return [
        ("chmod", str(world.original)),
        ("look", str(world.secret)),
        ("look at a link", f"/proc/{world.victim}/exe"),
        ("chroot",),
    ]


def on_network(world):
    return [
        ("connect", "AF_INET", ["127.0.0.1", world.port]),
        ("listen",),
    ]


def on_sockets(world):
    return [
        ("connect", "AF_UNIX", str(world.local)),
        ("connect", "AF_INET6", ["::1", world.port]),
        ("send", world.port),
        ("socket pair",),
    ]


def on_processes(world):
    return [
        ("fork",),
        ("vfork",),
        ("clone",),
        ("clone3",),
        ("exec", "execv"),
        ("exec", "spawn"),
        ("exec", "from memory"),
        ("pidfd", world.victim),
        ("priority", world.victim),
        ("limit", "prlimit", "RLIMIT_NOFILE", world.victim),
        ("own signals", world.victim),
        ("outlive",),
        ("be traced",),
        ("unshare",),
        ("another user",),
    ]


def on_signals(world):
    kinds = ("signal", "signal a thread", "signal a task", "signal with a value")
    return [(kind, world.victim) for kind in kinds]


def on_memory_of_others(world):
    return [("ptrace", world.victim), ("memory", world.victim)]


def on_limits(_world):
    names = ("RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_NOFILE", "RLIMIT_FSIZE")
    return [("limit", how, name, 0) for how in ("setrlimit", "prlimit") for name in names]


def on_the_kernel(_world):
    names = ("mount", "mount anew", "bpf", "keys", "io_uring", "userfaultfd", "perf")
    return [*((name,) for name in names), ("shared memory",), ("messages",)]


KINDS = {
    kind.__name__: kind
    for kind in (
        on_files, about_files, on_network, on_sockets, on_processes, on_signals,
        on_memory_of_others, on_limits, on_the_kernel,
    )
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_outside_the_child_can_be_reached(attempt, world, kind):
    ends = {args: attempt(*args) for args in map(_hashable, KINDS[kind](world))}
    assert {args: end for args, end in ends.items() if not end.startswith("escape: refused")} == {}
    _assert_nothing_happened(world)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kernel_without_landlock_refuses_it_all_the_same(attempt, world, kind):
    layers = [layer for layer in LAYERS if not layer.startswith("landlock")]
    ends = {args: attempt(*args, layers=layers) for args in map(_hashable, KINDS[kind](world))}
    assert {args: end for args, end in ends.items() if not end.startswith("escape: refused")} == {}
    _assert_nothing_happened(world)


@pytest.mark.parametrize("kind", ["on_files", "on_network", "on_signals", "on_limits"])
def test_a_kernel_without_seccomp_still_refuses_what_landlock_knows(attempt, world, kind):
    since = {"on_files": 1, "on_network": 4, "on_signals": 6, "on_limits": 0}[kind]
    if landlock() < since:
        pytest.skip("this kernel's Landlock is older")
    layers = [layer for layer in LAYERS if layer != "seccomp"]
    # Without seccomp its own CPU limit is up to the child, and the parent's clock decides.
    may_be_lowered = ("RLIMIT_CPU",)
    ends = {
        args: attempt(*args, layers=layers)
        for args in map(_hashable, KINDS[kind](world))
        if args[2:3] not in [(name,) for name in may_be_lowered]
    }
    assert {args: end for args, end in ends.items() if not end.startswith("escape: refused")} == {}
    _assert_nothing_happened(world)


def test_the_attempts_succeed_where_nothing_is_in_their_way(attempt, world):
    """Otherwise the tests above would prove nothing."""
    harmless = [
        ("read", str(world.secret)),
        ("read and write", str(world.database)),
        ("look", str(world.secret)),
        ("connect", "AF_INET", ["127.0.0.1", world.port]),
        ("connect", "AF_UNIX", str(world.local)),
        ("connect", "AF_UNIX", world.abstract),
        ("signal", world.victim),
        ("list", str(world.folder)),
        ("socket pair",),
        ("open again",),
    ]
    ends = {args: attempt(*args, layers=()) for args in map(_hashable, harmless)}
    assert {args: end for args, end in ends.items() if not end.startswith("escape: got")} == {}


def test_an_abstract_socket_is_out_of_reach(attempt, world):
    assert attempt("connect", "AF_UNIX", world.abstract).startswith("escape: refused")
    if landlock() >= 6:
        without = [layer for layer in LAYERS if layer != "seccomp"]
        end = attempt("connect", "AF_UNIX", world.abstract, layers=without)
        assert end.startswith("escape: refused")


def test_what_libraries_may_need_stays_allowed(attempt):
    assert attempt("memory file").startswith("escape: got")
    assert attempt("nothing") == "escape: got nothing"


def test_a_child_has_its_file_three_pipes_and_no_secret(attempt, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "do-not-tell")
    leak = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(leak, True)
    try:
        # Of a child that tried nothing else: jobs, output, errors, answers, and this file.
        assert attempt("descriptors", layers=LAYERS[:3]) == "escape: got [0, 1, 2, 3, 4]"
    finally:
        os.close(leak)
    allowed = {
        "PYTHONPATH", "LC_ALL", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX",
        "LD_LIBRARY_PATH", "SCRY_DECODER_FAULTS",
    }  # fmt: skip
    known = attempt("environment").partition("got ")[2]
    assert set(known.strip("[]").replace("'", "").split(", ")) <= allowed


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86_64 has other calls beside it")
@pytest.mark.parametrize("name", ["x32", "other architecture"])
def test_calls_that_are_numbered_differently_end_the_child(attempt, name):
    assert attempt(name).startswith("decoder_crashed")


def test_a_cpu_limit_cannot_be_slept_through(tmp_path):
    """Whoever ignores the kernel's signal, or lifts the limit, is killed by the parent."""
    path = images.write(tmp_path, "spin.jpg", images.faulty("any", "spin-on"))
    for layers in (LAYERS, ()):
        pool = DecoderPool(1, faults=True, layers=layers, cpu_seconds=1, wall_seconds=120)
        begin = time.process_time(), time.monotonic()
        with pytest.raises(DecodeError, match=r"decode_timeout.*CPU"):
            pool.probe(path)
        pool.close()
        assert time.monotonic() - begin[1] < 60


def test_the_limits_are_hard(pools, tmp_path):
    pool = pools()
    pool.probe(images.write(tmp_path, "a.jpg", images.jpeg()))
    child = psutil.Process(pool.children()[0])
    for limit in ("AS", "CORE", "NOFILE", "FSIZE", "CPU"):
        soft, hard = child.rlimit(getattr(psutil, f"RLIMIT_{limit}"))
        assert 0 <= soft <= hard < 10**12
        assert limit == "CPU" or soft == hard


def test_a_grandchild_ends_with_the_child(tmp_path):
    """Where no filter stands in its way, a child may fork; the whole group is killed."""
    pool = DecoderPool(1, faults=True, layers=(), wall_seconds=5)
    path = images.write(tmp_path, "escape.jpg", images.escaping("fork"))
    with pytest.raises(DecodeError) as caught:
        pool.probe(path)
    grandchild = psutil.Process(int(caught.value.detail.rpartition(" ")[2]))
    assert grandchild.is_running()
    pool.close()
    wait_until(lambda: not _lives(grandchild))


def test_a_grandchild_ends_with_a_child_that_ended_by_itself(tmp_path):
    pool = DecoderPool(1, faults=True, layers=())
    path = images.write(tmp_path, "escape.jpg", images.escaping("fork"))
    with pytest.raises(DecodeError) as caught:
        pool.probe(path)
    grandchild = psutil.Process(int(caught.value.detail.rpartition(" ")[2]))
    with pytest.raises(DecodeError):
        pool.probe(images.write(tmp_path, "end.jpg", images.faulty("any", "silent-exit")))
    wait_until(lambda: not _lives(grandchild))
    pool.close()


def test_a_pool_knows_which_layers_hold(pools):
    held = pools().layers()
    expected = {"no_new_privileges", "not_traceable", "no_capabilities"}
    expected |= {"seccomp"} if syscall_filter.is_known() else set()
    for version, layer in ((1, "files"), (4, "network"), (6, "scope")):
        expected |= {f"landlock_{layer}"} if landlock() >= version else set()
    assert expected <= set(held) <= set(LAYERS)
    assert pools(()).layers() == ()


def test_children_of_a_process_without_privileges_are_confined_too(pools, tmp_path):
    read = images.write(tmp_path, "read.jpg", images.escaping("read", "/etc/passwd"))
    spin = images.write(tmp_path, "spin.jpg", images.faulty("any", "spin"))
    code = (
        "import sys\n"
        "from gallery.decoding import DecodeError, DecoderPool, confinement\n"
        "confinement.confine(['no_new_privileges', 'no_capabilities'])\n"
        "pool = DecoderPool(1, faults=True, cpu_seconds=1)\n"
        "print(*pool.layers())\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n        pool.probe(path)\n"
        "    except DecodeError as error:\n        print(error)\n"
        "pool.close()\n"
    )
    command = [sys.executable, "-c", code, read, spin]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    layers, escape, end = done.stdout.splitlines()
    assert set(layers.split()) == set(pools().layers())
    assert escape.startswith("escape: refused")
    assert end == "decode_timeout: the limit on CPU time was reached"


def _hashable(args):
    return tuple(tuple(value) if isinstance(value, list) else value for value in args)


def _assert_nothing_happened(world):
    assert world.secret.read_bytes() == SECRET
    assert world.original.read_bytes() == images.jpeg()
    names = {path.name for path in world.folder.iterdir()}
    assert names == {"secret_key", "scry.db", "a.jpg", "socket"}


def _lives(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
