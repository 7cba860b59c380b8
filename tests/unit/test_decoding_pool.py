"""How the pool lives through crashes, hangs, crowds, forks and its own end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psutil
import pytest
from PIL import Image

from gallery.decoding import DecodeError, PoolBusy, PoolClosed
from gallery.decoding.answers import to_decoded, to_probe
from gallery.decoding.frames import BadFrame, read_frame
from gallery.decoding.pool import in_order
from tests import images
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has these limits and /proc"
)


def reason(read, path):
    with pytest.raises(DecodeError) as caught:
        read(path)
    return caught.value.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("segfault", "decoder_crashed"),
        ("abort", "decoder_crashed"),
        ("silent-exit", "decoder_crashed"),
        ("garbage", "decoder_crashed"),
        ("half-answer", "decoder_crashed"),
        ("lie", "decoder_crashed"),
        ("killed", "decode_oom"),
        ("memory", "decode_oom"),
        ("hang", "decode_timeout"),
    ],
)
def test_a_child_that_goes_wrong_costs_one_picture(make_pool, tmp_path, good, fault, expected):
    pool = make_pool(wall_seconds=4, memory_bytes=400 << 20)
    bad = images.write(tmp_path, "bad.jpg", images.faulty("decode", fault))
    assert pool.probe(bad).format == "JPEG"
    begin = time.monotonic()
    assert reason(pool.decode, bad) == expected
    assert time.monotonic() - begin < 40
    assert pool.decode(good).colour == "#0000fe"
    assert len(pool.children()) == 1


@pytest.mark.slow
@linux_only
def test_a_child_that_burns_cpu_is_stopped(make_pool, tmp_path, good):
    pool = make_pool(cpu_seconds=1, wall_seconds=60)
    bad = images.write(tmp_path, "bad.jpg", images.faulty("any", "spin"))
    with pytest.raises(DecodeError, match=r"decode_timeout.*CPU"):
        pool.probe(bad)
    assert pool.probe(good).width == 64


@linux_only
def test_the_limit_on_cpu_is_for_each_picture(make_pool, good):
    pool = make_pool(cpu_seconds=3, recycle_after=10_000)
    pool.probe(good)
    child = psutil.Process(pool.children()[0])
    first_limit = child.rlimit(psutil.RLIMIT_CPU)[0]
    while sum(child.cpu_times()[:2]) < 1.1:
        pool.decode(good)
    assert child.rlimit(psutil.RLIMIT_CPU)[0] > first_limit


def test_noise_on_standard_error_is_cut_and_does_not_block(make_pool, tmp_path):
    pool = make_pool()
    loud = images.write(tmp_path, "loud.jpg", images.faulty("decode", "noise"))
    assert pool.decode(loud).width == 64
    (child,) = pool._children._idle
    assert len(child._stderr) == 64 * 1024


def test_faults_are_out_of_reach_of_ordinary_pools(make_pool, tmp_path, monkeypatch):
    monkeypatch.setenv("SCRY_DECODER_FAULTS", "1")
    pool = make_pool(faults=False)
    bad = images.write(tmp_path, "bad.jpg", images.faulty("any", "segfault"))
    assert pool.decode(bad).width == 64


@linux_only
def test_children_are_limited(make_pool, good):
    pool = make_pool(nice=5, memory_bytes=800 << 20)
    pool.probe(good)
    child = psutil.Process(pool.children()[0])
    assert child.rlimit(psutil.RLIMIT_AS) == (800 << 20, 800 << 20)
    assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert child.rlimit(psutil.RLIMIT_NOFILE) == (32, 32)
    assert child.rlimit(psutil.RLIMIT_FSIZE)[0] <= 1 << 20
    assert 0 < child.rlimit(psutil.RLIMIT_CPU)[0] < 30
    assert child.nice() >= 5
    assert os.getsid(child.pid) == child.pid
    assert child.memory_info().rss < 80 << 20


def test_children_are_replaced_after_so_many_pictures(make_pool, good):
    pool = make_pool(recycle_after=3)
    pids = []
    for _ in range(7):
        pool.probe(good)
        pids += pool.children()
    assert len(set(pids)) == 3
    assert not psutil.pid_exists(pids[0])


def test_a_child_that_died_while_idle_costs_nothing(make_pool, good):
    pool = make_pool()
    pool.probe(good)
    child = psutil.Process(pool.children()[0])
    child.kill()
    wait_until(lambda: child.status() == psutil.STATUS_ZOMBIE)
    assert pool.probe(good).width == 64


def test_a_child_that_dies_just_before_it_is_asked_is_no_fault_of_the_picture(
    make_pool, good, monkeypatch
):
    pool = make_pool(size=1)
    pool.probe(good)
    (child,) = pool._children._idle
    psutil.Process(child.pid).kill()
    child._process.wait()
    monkeypatch.setattr(type(child), "is_alive", lambda self: True)
    with pytest.raises(PoolBusy):
        pool.probe(good)
    assert all(pipe.closed for pipe in (child._process.stdout, child._process.stderr))
    assert child._jobs.fileno() == -1
    monkeypatch.undo()
    assert pool.probe(good)


def test_many_threads_get_their_own_answers(make_pool, tmp_path):
    pool = make_pool(size=2, turns=partial(in_order, waiting=100))
    sizes = [(20 + n, 10 + n) for n in range(40)]
    paths = [
        images.write(tmp_path, f"{n}.png", images.png(size=size)) for n, size in enumerate(sizes)
    ]
    bad = images.write(tmp_path, "bad.jpg", images.faulty("decode", "segfault"))

    def read(path):
        try:
            return pool.decode(path)
        except DecodeError as error:
            return error.reason

    with ThreadPoolExecutor(12) as executor:
        answers = list(executor.map(read, [*paths[:20], bad, *paths[20:], bad]))
    assert answers.pop() == answers.pop(20) == "decoder_crashed"
    assert [(a.width, a.height) for a in answers] == sizes
    assert len(pool.children()) <= 2


def test_a_full_line_sends_callers_away_at_once(make_pool, tmp_path, good):
    pool = make_pool(turns=partial(in_order, waiting=1), wall_seconds=5)
    slow = images.write(tmp_path, "slow.jpg", images.faulty("any", "hang"))
    with ThreadPoolExecutor(2) as executor:
        first = executor.submit(reason, pool.probe, slow)
        wait_until(lambda: len(pool._turns._tickets) == 1)
        second = executor.submit(pool.probe, good)
        wait_until(lambda: len(pool._turns._tickets) == 2)
        with pytest.raises(PoolBusy):
            pool.probe(good)
        assert not first.done()
        assert first.result() == "decode_timeout"
        assert second.result().width == 64


def test_waiting_in_the_line_has_an_end(make_pool, tmp_path, good):
    pool = make_pool(turns=partial(in_order, seconds=0.2), wall_seconds=5)
    slow = images.write(tmp_path, "slow.jpg", images.faulty("any", "hang"))
    with ThreadPoolExecutor(1) as executor:
        first = executor.submit(reason, pool.probe, slow)
        wait_until(lambda: len(pool._turns._tickets) == 1)
        with pytest.raises(PoolBusy):
            pool.probe(good)
        assert first.result() == "decode_timeout"
    assert pool.probe(good).width == 64


@pytest.mark.parametrize("program", ["no-such-program", shutil.which("false")])
def test_a_pool_that_cannot_start_children_blames_no_picture(make_pool, good, monkeypatch, program):
    pool = make_pool()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", program)
        with pytest.raises(PoolBusy, match="no decoder child"):
            pool.probe(good)
    assert pool.probe(good).width == 64


def test_closing_ends_callers_children_and_the_line(make_pool, tmp_path, good):
    pool = make_pool()
    slow = images.write(tmp_path, "slow.jpg", images.faulty("any", "hang"))
    with ThreadPoolExecutor(2) as executor:
        at_work = executor.submit(pool.probe, slow)
        wait_until(pool.children)
        waiting = executor.submit(pool.probe, good)
        wait_until(lambda: len(pool._turns._tickets) == 2)
        pool.close()
        for future in (at_work, waiting):
            with pytest.raises(PoolClosed):
                future.result(timeout=60)
    with pytest.raises(PoolClosed):
        pool.probe(good)
    pool.close()


def test_children_outlive_the_thread_that_first_asked(make_pool, good):
    pool = make_pool()
    thread = threading.Thread(target=pool.probe, args=(good,))
    thread.start()
    thread.join()
    time.sleep(0.1)
    (pid,) = pool.children()
    pool.probe(good)
    assert pool.children() == [pid]


@linux_only
@pytest.mark.parametrize("fault", ["noise", "hang", "spin"])
def test_no_child_survives_the_sudden_end_of_its_parent(tmp_path, fault):
    path = images.write(tmp_path, "x.jpg", images.faulty("decode", fault))
    code = (
        "import sys, threading; from gallery.decoding import DecoderPool\n"
        "pool = DecoderPool(size=1, faults=True); pool.probe(sys.argv[1])\n"
        "print(*pool.children(), flush=True)\n"
        "pool.decode(sys.argv[1]); threading.Event().wait()\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        time.sleep(0.2)
        parent.kill()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_starts_children_of_its_own(tmp_path):
    # In a process of its own, because a fork of the test process would copy all of its threads.
    good = images.write(tmp_path, "x.jpg", images.jpeg())
    code = (
        "import os, sys; from gallery.decoding import DecoderPool\n"
        "pool = DecoderPool(size=1); pool.probe(sys.argv[1]); before = pool.children()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    pool.probe(sys.argv[1]); own = pool.children() != before; pool.close()\n"
        "    os._exit(0 if own else 1)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
        "pool.probe(sys.argv[1]); assert pool.children() == before; pool.close()\n"
    )
    subprocess.run([sys.executable, "-c", code, str(good)], check=True, timeout=60)


def test_answers_that_are_not_honest_are_not_believed():
    sound = {"format": "JPEG", "width": 2, "height": 1, "exif": {}, "taken_at": None}
    sound |= {"flaw": "", "has_video": False}
    sound |= {"phash": 1, "colour": "#000000", "pixels_width": 2, "pixels_height": 1}
    parts = [b"thumbnail", b"small", bytes(6), b""]
    assert to_decoded(sound, parts).pixels.shape == (1, 2, 3)
    for lie in (
        {"format": "SVG"},
        {"width": True},
        {"height": 0},
        {"exif": {"owner": "x"}},
        {"flaw": "scratched"},
        {"flaw": None},
        {"has_video": "yes"},
        {"exif": {"make": "x" * 201}},
        {"exif": {"iso": float("nan")}},
        {"exif": {"iso": [1]}},
        {"taken_at": 5},
        {"taken_at": "yesterday"},
        {"exif": {"taken_at": "2024:05:31 12:00:00"}},
        {"exif": {"taken_from": "a dream"}},
        {"exif": {"offset": "+1"}},
        {"exif": {"subsec": 5}},
        {"exif": {"gps_at": "2024-05-31"}},
        {"phash": -1},
        {"colour": "red;background:url(x)"},
        {"pixels_width": 3},
        {"pixels_width": 6000, "pixels_height": 6000},
    ):
        with pytest.raises(BadFrame):
            to_decoded({**sound, **lie}, parts)
    with pytest.raises(BadFrame):
        to_decoded(sound, [b"thumbnail"])
    with pytest.raises(BadFrame):
        to_probe({})


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x05{",
        b"\0\0\0\x02[]",
        b"\0\0\0\x02{]",
        b'\0\0\0\x0e{"parts":[-1]}',
        b'\0\0\0\x13{"parts":[99999999]}',
        b'\0\0\0\x0d{"parts":"x"}',
    ],
)
def test_broken_frames_are_refused(data):
    from io import BytesIO

    with pytest.raises(BadFrame):
        read_frame(BytesIO(data).read)


def test_large_pictures_have_a_limit_of_their_own(make_pool, tmp_path, good):
    data = images.encode(Image.new("1", (8000, 7000)), "PNG")
    large = images.write(tmp_path, "large.png", data)
    hasty = make_pool(max_pixels=100_000_000, large_wall_seconds=0.01)
    assert hasty.decode(good).width == 64
    assert reason(hasty.decode, large) == "decode_timeout"
    assert make_pool(max_pixels=100_000_000).decode(large).width == 8000
