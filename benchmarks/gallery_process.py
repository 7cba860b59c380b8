"""Start a real gallery in a folder of its own and talk to it over HTTP, for the benchmarks."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Gallery:
    """A running gallery: its process, an authorised client, its data, and its environment."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    data: Path
    started: float
    environment: Mapping[str, str]

    def wait_until_ready(self, seconds: float = 180) -> float:
        """Wait until the model answers queries; return the seconds since the process started."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = self.client.get("/api/v1/search", params={"q": "warm up"})
            if answer.status_code == 200:
                return time.monotonic() - self.started
            time.sleep(0.1)
        raise TimeoutError("The gallery did not become ready.")

    def wait_until_settled(self, seconds: float = 900) -> None:
        """Wait until nothing is pending."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.client.get("/api/v1/status").json()["pending"] == 0:
                return
            time.sleep(0.05)
        raise TimeoutError("Work was still pending.")

    def resident_bytes(self) -> int:
        """Return the proportional memory of the process and its children (PSS on Linux)."""
        processes = [psutil.Process(self.process.pid)]
        processes += processes[0].children(recursive=True)
        return sum(getattr(p.memory_full_info(), "pss", p.memory_info().rss) for p in processes)


@contextmanager
def gallery(
    *, data: Path | None = None, model: str = "starter", extra: Mapping[str, str] | None = None
) -> Iterator[Gallery]:
    """Run `manage.py serve` on a free port with an owner and a token; stop it at the end.

    `extra` has more variables for its environment.
    """
    with tempfile.TemporaryDirectory(prefix="scry-benchmark-") as folder:
        data = data or Path(folder)
        port = free_port()
        env = {**os.environ, **(extra or {}), "DATA_DIR": str(data), "PORT": str(port)}
        env["EMBEDDING_MODEL"] = model
        _manage(env, "migrate", "-v0")
        if not (data / "bench-owner").exists():
            _manage(env, "create_owner", "bench", text="benchmark-password\n")
            (data / "bench-owner").touch()
        token = _manage(env, "create_token", "bench").split()[-1]
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=env,
            stdout=subprocess.DEVNULL,
        )
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
        try:
            _wait_for_port(client)
            yield Gallery(process, client, data, started, env)
        finally:
            client.close()
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def signed_in(running: Gallery) -> httpx.Client:
    """Return a client with a session, as a browser has."""
    session = httpx.Client(base_url=running.client.base_url, timeout=60)
    session.get("/sign-in")
    answer = session.post(
        "/sign-in",
        data={
            "username": "bench",
            "password": "benchmark-password",
            "csrfmiddlewaretoken": session.cookies["scry_csrf"],
        },
    )
    assert answer.status_code == 302, answer.text
    return session


def _manage(env: dict[str, str], *arguments: str, text: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(client: httpx.Client) -> None:
    for _ in range(1200):
        try:
            client.get("/healthz")
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("The gallery did not start to listen.")


def pictures(count: int, folder: Path | None, *, seed: int = 1) -> list[bytes]:
    """Return `count` different JPEGs of 500x375 px.

    They are random crops of the photos in `folder`, or, without one, synthetic pictures of
    smooth colour and noise (a JPEG of about the same size, but no meaning to search for).
    """
    rng = random.Random(seed)
    sources = sorted(folder.glob("*.jpg")) if folder else []
    return [_picture(rng, sources, number) for number in range(count)]


def _picture(rng: random.Random, sources: list[Path], number: int) -> bytes:
    if sources:
        image = _crop(Image.open(sources[number % len(sources)]).convert("RGB"), rng)
    else:
        image = _synthetic(number)
    out = BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


def _crop(image: Image.Image, rng: random.Random) -> Image.Image:
    keep = rng.uniform(0.75, 1.0)
    width, height = int(image.width * keep), int(image.height * keep)
    left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height)).resize((500, 375))


def _synthetic(number: int) -> Image.Image:
    noise = np.random.default_rng(number)
    small = Image.fromarray(noise.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    smooth = np.asarray(small.resize((500, 375), Image.Resampling.BICUBIC), dtype=np.int16)
    grainy = smooth + noise.normal(0, 6, smooth.shape).astype(np.int16)
    return Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8))


def percentile(values: list[float], q: float) -> float:
    """Return the q-th percentile (0 to 100)."""
    return float(np.percentile(np.asarray(values), q))
