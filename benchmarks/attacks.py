"""Measure what one hostile client costs all others.

    python -m benchmarks.attacks [--seconds 20] [--only NAME ...] [--photos 111]

Starts a gallery of its own with the starter model. While one account or a stranger attacks,
`/healthz` and another person's list of photos are asked for on new connections; both are measured
idle before and after each attack, in the same run. The last figure is how long another person's
single photo takes to be searchable behind one person's many.
"""

from __future__ import annotations

import argparse
import io
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from benchmarks.gallery_process import Gallery, _manage, gallery, percentile, pictures

PARALLEL = 14
PATIENCE = 30.0
PATHS = {"/healthz": "/healthz", "photo list": "/api/v1/photos"}
TARGET_MS = 500


@dataclass
class Field:
    """Where the gallery is, for a process that attacks it: its port, and the attacker's token."""

    port: int
    process: int
    token: str

    @cached_property
    def attacker(self) -> httpx.Client:
        return self.client(Authorization=f"Bearer {self.token}")

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers=headers,
            timeout=60,
            limits=httpx.Limits(max_connections=64),
            trust_env=False,
        )

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        address = ("127.0.0.1", self.port)
        return socket.create_connection(address, timeout=5, source_address=(source, 0))

    def spooled(self) -> int:
        """Return the bytes that the gallery's process keeps of requests."""
        whole = 0
        for one in Path(f"/proc/{self.process}/fd").iterdir():
            with suppress(OSError):
                if "/tmp/" in str(one.readlink()):  # noqa: S108 - in DATA_DIR
                    whole += one.stat().st_size
        return whole


Notes = dict[str, int]
Attack = Callable[[Field, Event, Notes], None]
"""It goes on until the event is set."""


# --- the attacks ----------------------------------------------------------------------------------


def scan_flood(field: Field, ended: Event, notes: Notes) -> None:
    """Search by a small JPEG of 49 megapixels with 63 scans."""
    data = _scans(7000, 53)
    _in_parallel(lambda: _search_by(field, data, notes), ended)


def large_pictures(field: Field, ended: Event, notes: Notes) -> None:
    """Search by sound pictures that take a second or two: PNGs of 12 megapixels."""
    data = _png(4000, 3000)
    _in_parallel(lambda: _search_by(field, data, notes), ended)


def truncated_previews(field: Field, ended: Event, notes: Notes) -> None:
    """Ask again and again for the preview of a large picture that broke off."""
    whole = _png(3600, 2400)
    photo = _upload(field.attacker, whole[: len(whole) * 9 // 10]).raise_for_status().json()["id"]
    _in_parallel(lambda: _count(notes, field.attacker.get(f"/photos/{photo}/preview")), ended)


def unfinished_bodies(field: Field, ended: Event, notes: Notes) -> None:
    """Send six bodies of 150 MB to the sign-in page, and never end them."""
    size = 150 << 20
    head = f"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
    with ExitStack() as opened:
        clients = [opened.enter_context(field.connect()) for _ in range(6)]
        for client in clients:
            client.sendall(head.encode())
            client.settimeout(0.2)
        while not ended.is_set():
            for client in clients:
                with suppress(OSError):
                    client.sendall(bytes(1 << 20))
            notes["bytes on disk"] = max(notes.get("bytes on disk", 0), field.spooled())
            time.sleep(0.01)


def slow_headers(field: Field, ended: Event, notes: Notes) -> None:
    """Open 405 connections from five addresses, and send headers that never end."""
    while not ended.is_set():
        with ExitStack() as opened:
            clients = []
            for number in range(405):
                with suppress(OSError):
                    source = f"127.0.1.{number % 5 + 1}"
                    clients.append(opened.enter_context(field.connect(source)))
            for client in clients:
                with suppress(OSError):
                    client.sendall(b"GET / HTTP/1.1\r\nX:")
            ended.wait(12)


def sign_ins(field: Field, ended: Event, notes: Notes) -> None:
    """Guess the owner's password in parallel."""

    client = field.client()
    client.get("/sign-in")
    token = next((one.value for one in client.cookies.jar if "csrf" in one.name), "")
    form = {"username": "bench", "password": "wrong", "csrfmiddlewaretoken": token}

    def guess() -> None:
        _count(notes, client.post("/sign-in", data=form))

    _in_parallel(guess, ended)


def searches(field: Field, ended: Event, notes: Notes) -> None:
    """Search by ever new words."""
    counter = iter(range(10**9))

    def search() -> None:
        words = {"q": f"a dog number {next(counter)} on a beach"}
        _count(notes, field.attacker.get("/api/v1/search", params=words))

    _in_parallel(search, ended)


def uploads(field: Field, ended: Event, notes: Notes) -> None:
    """Upload large pictures in parallel, each different."""
    data = _noise(5200, 3900)
    counter = iter(range(10**9))
    _in_parallel(
        lambda: _count(notes, _upload(field.attacker, data + str(next(counter)).encode())), ended
    )


ATTACKS: dict[str, Attack] = {
    one.__name__.replace("_", " "): one
    for one in (
        scan_flood, large_pictures, truncated_previews, unfinished_bodies, slow_headers,
        sign_ins, searches, uploads,
    )
}  # fmt: skip


def _in_parallel(deed: Callable[[], None], ended: Event) -> None:
    def repeat() -> None:
        while not ended.is_set():
            with suppress(httpx.HTTPError):
                deed()

    threads = [threading.Thread(target=repeat) for _ in range(PARALLEL)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _search_by(field: Field, data: bytes, notes: Notes) -> None:
    files = {"file": ("picture", data)}
    _count(notes, field.attacker.post("/api/v1/search/by-image", files=files))


def _upload(client: httpx.Client, data: bytes) -> httpx.Response:
    return client.post("/api/v1/photos", files={"file": ("picture.jpg", data)})


def _count(notes: Notes, answer: httpx.Response) -> None:
    key = str(answer.status_code)
    notes[key] = notes.get(key, 0) + 1


# --- pictures -------------------------------------------------------------------------------------


def _jpeg(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def _scans(side: int, more: int) -> bytes:
    data = _jpeg(Image.new("RGB", (side, side), "teal"), progressive=True, quality=30)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * more + data[-2:]


def _noise(width: int, height: int) -> bytes:
    return _jpeg(_grain(width, height), progressive=True, quality=85)


def _grain(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return Image.fromarray(pixels).resize((width, height))


def _png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    _grain(width, height).save(out, "PNG", compress_level=1)
    return out.getvalue()


# --- measuring ------------------------------------------------------------------------------------


def measure(running: Gallery, seconds: float) -> dict[str, list[float]]:
    """Ask for each path on new connections for a while; return times in ms by name."""
    times: dict[str, list[float]] = {name: [] for name in PATHS}
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        for name, path in PATHS.items():
            times[name].append(1000 * _ask(running, path))
        time.sleep(0.05)
    return times


def _ask(running: Gallery, path: str) -> float:
    """Return the seconds that an answer takes, `PATIENCE` without one."""
    began = time.monotonic()
    headers = {"Authorization": running.client.headers["Authorization"]}
    connection = HTTPConnection("127.0.0.1", running.client.base_url.port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        good = answer.status == 200
    except OSError:
        good = False
    finally:
        connection.close()
    return time.monotonic() - began if good else PATIENCE


def _attack(name: str, field: Field, ended: Event, told: Any) -> None:
    """Attack in a process of its own, so that its Python does not hold up who measures."""
    notes: Notes = {}
    ATTACKS[name](field, ended, notes)
    told.put(notes)


@contextmanager
def _under(name: str, field: Field) -> Iterator[Notes]:
    context = get_context("spawn")
    ended, told, notes = context.Event(), context.Queue(), Notes()
    process = context.Process(target=_attack, args=(name, field, ended, told))
    process.start()
    time.sleep(6)  # It makes its pictures.
    try:
        yield notes
    finally:
        ended.set()
        notes |= told.get(timeout=120)
        process.join(30)


def _shown(times: list[float]) -> str:
    return f"{percentile(times, 50):.0f} / {percentile(times, 95):.0f}"


def compare(name: str, running: Gallery, field: Field, seconds: float) -> bool:
    """Print a line for one attack; return whether the target is met."""
    idle = measure(running, seconds / 2)
    with _under(name, field) as notes:
        attacked = measure(running, seconds)
    time.sleep(1)
    after = measure(running, seconds / 2)
    cells = [name]
    for path in PATHS:
        cells += [_shown(idle[path] + after[path]), _shown(attacked[path])]
    met = all(percentile(attacked[path], 95) < TARGET_MS for path in PATHS)
    told = ", ".join(f"{key}: {value}" for key, value in sorted(notes.items()))
    print(f"| {' | '.join([*cells, 'yes' if met else 'NO', told])} |", flush=True)
    return met


def one_behind_many(running: Gallery, field: Field, number: int) -> tuple[float, float]:
    """Return the seconds until a person's photo is searchable: alone, and behind many."""
    *many, first, second = pictures(number + 2, None, seed=2)
    alone = _seconds_until_searchable(running.client, first)
    for data in many:
        _upload(field.attacker, data).raise_for_status()
    return alone, _seconds_until_searchable(running.client, second)


def _seconds_until_searchable(client: httpx.Client, data: bytes) -> float:
    began = time.monotonic()
    photo = _upload(client, data).raise_for_status().json()["id"]
    while client.get(f"/api/v1/photos/{photo}").json()["state"] != "indexed":
        time.sleep(0.1)
    return time.monotonic() - began


def _field(running: Gallery) -> Field:
    """Make an account for the attacker."""
    env = {**os.environ, "DATA_DIR": str(running.data), "EMBEDDING_MODEL": "starter"}
    _manage(env, "create_owner", "mallory", text="benchmark-password\n")
    token = _manage(env, "create_token", "mallory").split()[-1]
    return Field(int(running.client.base_url.port or 80), running.process.pid, token)


def main() -> None:
    """Run the attacks one after another and print a table."""
    parser = argparse.ArgumentParser(description="Measure what attacks cost others.")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--photos", type=int, default=111)
    parser.add_argument("--only", nargs="*", choices=list(ATTACKS), default=list(ATTACKS))
    options = parser.parse_args()
    with gallery() as running:
        running.wait_until_ready()
        field = _field(running)
        for data in pictures(20, None):
            _upload(running.client, data).raise_for_status()
        running.wait_until_settled()
        heads = [f"{name}, {when}" for name in PATHS for when in ("idle", "attacked")]
        print(f"p50 / p95 in ms, {PARALLEL} requests of the attacker in parallel\n")
        print(f"| attack | {' | '.join(heads)} | p95 < {TARGET_MS} ms | answers to the attacker |")
        print("|---" * (len(heads) + 3) + "|")
        for name in options.only:
            compare(name, running, field, options.seconds)
        if options.photos:
            alone, behind = one_behind_many(running, field, options.photos)
            print(f"\na photo is searchable after {alone:.1f} s alone,", end=" ")
            print(f"and after {behind:.1f} s behind {options.photos} of somebody else")


if __name__ == "__main__":
    main()
