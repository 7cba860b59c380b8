"""The clients of `web_servers`: slow ones, many at once, and ones that misbehave."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from statistics import median

MB = 1 << 20
PATIENCE = 10.0
DRIP, PAUSE = 400, 0.1  # bytes and seconds: 4 kB/s
HEADER_PATIENCE = 40.0
MANY = 400


@dataclass
class Target:
    """A running server, and what a client of its gallery has to know."""

    port: int
    token: str
    photo: str
    processes: list[subprocess.Popen[bytes]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, source: str = "127.0.0.1", patience: float = PATIENCE) -> socket.socket:
        address = ("127.0.0.1", self.port)
        return socket.create_connection(address, timeout=patience, source_address=(source, 0))

    def request(self, path: str, method: str = "GET", **headers: object) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        headers = {"Authorization": f"Bearer {self.token}"} | headers
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read(client: socket.socket) -> tuple[int, bytes]:
    """Read one answer with a length; return its status and body. Raises OSError if it is cut."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(client)
    head, body = received.split(b"\r\n\r\n", 1)
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    while len(body) < int(length or 0):
        body += _more(client)
    return int(head.split()[1]), body


def _more(client: socket.socket) -> bytes:
    data = client.recv(MB)
    if not data:
        raise ConnectionError("closed")
    return data


def seconds(target: Target, path: str, source: str = "127.0.0.1") -> float | None:
    """Return how long a request on a new connection takes, None without a 200 in `PATIENCE`."""
    began = time.monotonic()
    with suppress(OSError), target.connect(source) as client:
        client.sendall(target.request(path))
        if read(client)[0] == 200:
            return time.monotonic() - began
    return None


def shown(times: list[float | None]) -> str:
    """Return the median and the worst of times as text; None is none within `PATIENCE`."""
    good = sorted(one for one in times if one is not None)
    failed = len(times) - len(good)
    if not good:
        return f"none in {PATIENCE:.0f} s"
    text = f"{median(good) * 1000:.0f} ms, worst {good[-1] * 1000:.0f}"
    return f"{text}, {failed} of {len(times)} none" if failed else text


@contextmanager
def dripping(target: Target, count: int) -> Iterator[None]:
    """Send `count` uploads at 4 kB/s each while the block runs."""
    form = {"Content_Type": "multipart/form-data; boundary=x", "Content_Length": 40 * MB}
    head = target.request("/api/v1/photos", "POST", **form)
    clients = [target.connect() for _ in range(count)]
    ended = threading.Event()

    def drip() -> None:
        while not ended.wait(PAUSE):
            for client in clients:
                with suppress(OSError):
                    client.send(b"x" * DRIP)

    for client in clients:
        client.sendall(head)
    thread = threading.Thread(target=drip)
    thread.start()
    time.sleep(1)
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for client in clients:
            client.close()
        time.sleep(1)


class Measures:
    """What is measured of one server; every method returns figures by name, as text."""

    def __init__(self, target: Target, rounds: int) -> None:
        self.target, self.rounds = target, rounds

    def slow_uploads(self) -> dict[str, str]:
        figures = {}
        for count in (8, 16, 64):
            with dripping(self.target, count):
                for name, path in (("/healthz", "/healthz"), ("a page", "/api/v1/photos")):
                    times = self._times(path)
                    figures[f"{name} beside {count} uploads at 4 kB/s"] = shown(times)
        return figures

    def _times(self, path: str) -> list[float | None]:
        times: list[float | None] = []
        for _ in range(4 * self.rounds):
            times.append(seconds(self.target, path))
            if times.count(None) == 2:
                break
        return times

    def busy(self) -> dict[str, str]:
        """Ask for health while more requests run than there are threads."""
        clients = [self.target.connect() for _ in range(48)]
        for client in clients:
            client.sendall(self.target.request("/slow"))
        time.sleep(0.5)
        times = [seconds(self.target, "/healthz") for _ in range(self.rounds)]
        for client in clients:
            client.close()
        time.sleep(10)
        return {"/healthz while every thread is busy": shown(times)}

    def speed(self) -> dict[str, float]:
        """Measure once what depends on the machine's mood; the caller compares and repeats."""
        paths = {
            "a page": "/api/v1/photos",
            "a preview": f"/photos/{self.target.photo}/preview",
            "a static file": "/static/css/base.css",
        }
        figures = {f"{name}, requests/s": self._rate(path) for name, path in paths.items()}
        return figures | {"uploads of 100 MB, MB/s": 100 / self._upload()}

    def _rate(self, path: str, clients: int = 8, lasting: float = 2.0) -> float:
        counts: list[int] = []
        ends_at = time.monotonic() + lasting

        def ask() -> None:
            count = 0
            with self.target.connect() as client:
                while time.monotonic() < ends_at:
                    client.sendall(self.target.request(path))
                    status, _ = read(client)
                    if status != 200:
                        raise ValueError(f"{path} answered {status}")
                    count += 1
            counts.append(count)

        threads = [threading.Thread(target=ask) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / lasting

    def _upload(self) -> float:
        start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        size = len(start) + 100 * MB + len(b"\r\n--x--\r\n")
        form = {"Content_Type": "multipart/form-data; boundary=x", "Content_Length": size}
        began = time.monotonic()
        with self.target.connect(patience=60) as client:
            client.sendall(self.target.request("/api/v1/photos", "POST", **form) + start)
            for _ in range(100):
                client.sendall(bytes(MB))
            client.sendall(b"\r\n--x--\r\n")
            status, _ = read(client)
        if status != 415:
            raise ValueError(f"an upload of nonsense was answered with {status}")
        return time.monotonic() - began

    def manners(self) -> dict[str, str]:
        with self.target.connect() as client:
            client.sendall(self.target.request("/sign-in", "HEAD"))
            client.settimeout(1)
            received = b""
            with suppress(OSError):
                while data := client.recv(MB):
                    received += data
        extra = len(received.partition(b"\r\n\r\n")[2])
        return {
            "bytes after the headers of HEAD": str(extra),
            "answer to a refused upload of 60 MB": self._refused(),
        }

    def _refused(self) -> str:
        form = {"Content_Type": "multipart/form-data; boundary=x", "Content_Length": 60 * MB}
        head = self.target.request("/api/v1/photos", "POST", Authorization="Bearer no", **form)
        try:
            with self.target.connect(patience=30) as client:
                client.sendall(head)
                for _ in range(60):
                    client.sendall(bytes(MB))
                return str(read(client)[0])
        except OSError as error:
            return f"none ({type(error).__name__})"

    def download(self, megabytes: int, memory: Callable[[], float]) -> dict[str, str]:
        before, worst, received = memory(), 0.0, 0
        began = time.monotonic()
        with self.target.connect() as client:
            client.sendall(self.target.request("/large", Connection="close"))
            time.sleep(1)  # Whoever buffers for a slow reader does so now.
            while data := client.recv(MB):
                if received // (64 * MB) != (received + len(data)) // (64 * MB):
                    worst = max(worst, memory())
                received += len(data)
        took = time.monotonic() - began - 1
        whole = received >= megabytes * MB
        text = f"{received / took / 1e6:.0f}" if whole else "broken off"
        return {
            "a download of 400 MB, MB/s": text,
            "memory more by it, MB": f"{max(worst - before, 0):.0f}",
        }

    def slow_headers(self) -> dict[str, str]:
        began = time.monotonic()
        with self.target.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\n")
            client.settimeout(1)
            while time.monotonic() - began < HEADER_PATIENCE:
                try:
                    client.sendall(b"X: y\r\n")
                    if client.recv(MB) == b"":
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
        took = time.monotonic() - began
        text = f"{took:.0f}" if took < HEADER_PATIENCE else f"open after {took:.0f}"
        return {"a header that drips is cut off after, s": text}

    def many_connections(self) -> dict[str, str]:
        """Begin requests on many connections of one address; ask from another one meanwhile."""
        clients = [self.target.connect() for _ in range(MANY)]
        for client in clients:
            with suppress(OSError):
                client.sendall(b"GET / HTTP/1.1\r\n")
        time.sleep(1)
        asked = seconds(self.target, "/healthz", source="127.0.0.2")
        held = sum(_is_open(client) for client in clients)
        for client in clients:
            client.close()
        return {
            f"of {MANY} connections of one address stay open": str(held),
            "/healthz for another address meanwhile": shown([asked]),
        }

    def stop(self) -> dict[str, str]:
        """Send SIGTERM while a request of 3 seconds runs."""
        with self.target.connect() as client:
            client.sendall(self.target.request("/slow"))
            time.sleep(0.5)
            began = time.monotonic()
            # The server in front first, as an orderly stop does; it waits for the others.
            for process in self.target.processes:
                process.terminate()
            try:
                answer = "answered" if read(client)[0] == 200 else "refused"
            except OSError:
                answer = "cut off"
        statuses = [process.wait(60) for process in self.target.processes]
        took = time.monotonic() - began
        text = ", ".join(map(str, statuses))
        return {"a request at SIGTERM": f"{answer}; status {text} after {took:.1f} s"}


def _is_open(client: socket.socket) -> bool:
    client.settimeout(0.01)
    try:
        return client.recv(1) == b"?"
    except TimeoutError:
        return True
    except OSError:
        return False
