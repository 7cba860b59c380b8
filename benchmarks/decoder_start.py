"""What a fresh decoder child costs: started as a program, as Scry does, or forked from a template.

    python -m benchmarks.decoder_start

The template has loaded what a child loads, and has read no file. Each child forked from it runs
what a child runs: it takes its descriptors, becomes the leader of a session and confines itself.
Both ways take turns within one run, so that the ratios mean something on a busy machine. CPU time
is that of the child, and of the template, until a small JPEG is decoded.

It also tells at how many addresses the C library lies in the children. Forked ones share them all,
and the canaries of their stacks: docs/decisions/0008-decoder-children.md. Linux only.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from gallery.decoding import child, libraries, pictures, process
from gallery.decoding.answers import LAYERS
from gallery.decoding.frames import read_frame, send_job

RUNS, TOGETHER = 15, 4
CONFIG: dict[str, Any] = {
    "max_pixels": 50_000_000, "cpu_seconds": 15, "large_cpu_seconds": 40, "life_cpu_seconds": 9000,
    "memory_bytes": 1536 << 20, "nice": 0, "libraries": [],
    # Without this one, others may not look into the memory of a child.
    "layers": [layer for layer in LAYERS if layer != "not_traceable"],
}  # fmt: skip
_JOB = {"kind": "decode", "details": ()}


@dataclass
class Started:
    """One child that has decoded a picture, what it took, and how to end it."""

    pid: int
    cpu: float
    wall: float
    end: Callable[[], None]


# --- the template ---------------------------------------------------------------------------------


def serve_forks() -> None:
    """Run the template: fork for each message, which brings the three descriptors of a child."""
    connection = socket.socket(fileno=0)
    pictures.configure_pillow(CONFIG["max_pixels"])
    libraries.load(CONFIG["libraries"])
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, 1, 3)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            _become_child(descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.send(struct.pack("=I", pid))


def _become_child(descriptors: list[int]) -> None:
    os.setsid()
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, place)
    os.closerange(3, 256)
    sys.argv = ["child", json.dumps({**CONFIG, "parent": os.getppid()})]
    with suppress(BaseException):
        child.main()
    os._exit(0)


# --- both ways ------------------------------------------------------------------------------------


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    return time.clock_gettime((~pid << 3) | 2)


def as_program(picture: Path) -> Started:
    """Start a child as Scry does."""
    began = time.monotonic()
    started = process.Child(CONFIG, {})
    with picture.open("rb") as file:
        started.ask(_JOB, file.fileno(), 20, 60)
    took = time.monotonic() - began
    return Started(started.pid, cpu_of(started.pid), took, started.close)


@dataclass
class Template:
    """The template, seen from its parent."""

    pid: int
    connection: socket.socket

    def fork(self, picture: Path) -> Started:
        """Have a child forked."""
        began, before = time.monotonic(), cpu_of(self.pid)
        jobs, theirs = socket.socketpair()
        answers, written = os.pipe()
        socket.send_fds(self.connection, [b"x"], [theirs.fileno(), written, written])
        theirs.close()
        os.close(written)
        (pid,) = struct.unpack("=I", self.connection.recv(4))
        stream = os.fdopen(answers, "rb")
        read_frame(stream.read)
        with picture.open("rb") as file:
            send_job(jobs, _JOB, file.fileno())
            header, _ = read_frame(stream.read)
        assert header["width"], header
        took = time.monotonic() - began

        def end() -> None:
            jobs.close()
            stream.close()

        return Started(pid, cpu_of(pid) + cpu_of(self.pid) - before, took, end)


@contextmanager
def template() -> Iterator[Template]:
    """Start the template with the environment of a child."""
    ours, theirs = socket.socketpair()
    environment = process._environment()
    command = [sys.executable, "-P", "-s", "-m", "benchmarks.decoder_start", "--template"]
    with subprocess.Popen(command, stdin=theirs.fileno(), env=environment, cwd="/") as started:
        theirs.close()
        yield Template(started.pid, ours)
        ours.close()


# --- figures --------------------------------------------------------------------------------------


def pss(pid: int) -> float:
    """Return the MB of memory of a process, what it shares counted in shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def libc_at(pid: int) -> str:
    """Return where the C library lies in the memory of a process."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return next(line.split("-")[0] for line in lines if "libc.so" in line)


def main() -> None:
    """Measure, and print medians and ratios."""
    with tempfile.TemporaryDirectory() as folder, template() as forking:
        picture = Path(folder) / "small.jpg"
        Image.new("RGB", (640, 480), "teal").save(picture)
        ways = {"program": as_program, "fork": forking.fork}
        taken: dict[str, list[Started]] = {name: [] for name in ways}
        for _ in range(RUNS):
            for name, start in ways.items():
                taken[name].append(start(picture))
                taken[name][-1].end()
        _print_times(taken)
        for name, start in ways.items():
            together = [start(picture) for _ in range(TOGETHER)]
            total = sum(pss(one.pid) for one in together)
            total += pss(forking.pid) if name == "fork" else 0
            places = len({libc_at(one.pid) for one in together})
            print(f"{name}: {TOGETHER} children {total:.0f} MB, libc at {places} addresses")
            for one in together:
                one.end()


def _print_times(taken: dict[str, list[Started]]) -> None:
    for figure in ("cpu", "wall"):
        middle = {
            name: 1000 * statistics.median(getattr(one, figure) for one in some)
            for name, some in taken.items()
        }
        told = ", ".join(f"{name} {value:.0f} ms" for name, value in middle.items())
        print(f"{figure}: {told}, ratio {middle['fork'] / middle['program']:.2f}")


if __name__ == "__main__":
    serve_forks() if "--template" in sys.argv else main()
