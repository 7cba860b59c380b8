"""Memory that nobody uses goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gallery import allocator

ROOT = Path(__file__).resolve().parents[2]

HELD = """
import threading
from gallery import allocator

def anonymous():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))

allocator.share_arenas()

def work():
    kept = [bytearray(10_000) for _ in range(6000)]
    last = bytearray(10_000)
    del kept
    lasts.append(last)

lasts = []
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
before = anonymous()
allocator.give_back()
print(before - anonymous())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_free_memory_of_threads_is_given_back():
    done = subprocess.run([sys.executable, "-c", HELD], cwd=ROOT, capture_output=True, text=True)
    assert int(done.stdout) > 10_000, done.stderr  # kB


def test_a_c_library_without_arenas_is_left_alone(monkeypatch):
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: object())
    allocator.share_arenas()
    allocator.give_back()
