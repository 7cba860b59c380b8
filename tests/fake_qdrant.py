"""A small fake Qdrant server: the REST calls Scry makes, answered by Qdrant's embedded engine.

It stands in for the server where none can be had: HTTP, JSON, status codes and API keys are this
file's, and `tests.edge_collections` tells what of the rest is the vendor's code. Strict mode, the
graph, several nodes and the speed of a server need a real one.

Run it as `python -m tests.fake_qdrant --port 6333 --api-key secret --folder points`, or use
`FakeQdrant` in a test. Without a folder, the points are gone when it ends.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import struct
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from tests.edge_collections import Collections, Refused


@dataclass
class Fault:
    """What goes wrong for the next `times` requests whose path contains `path`."""

    kind: str
    """`status`, `delay` or `reset`."""
    times: int = 1
    path: str = ""
    status: int = 500
    seconds: float = 0.0


_READING = ("/points", "/points/query/batch", "/points/query", "/points/scroll", "/points/count")
"""What is asked for with POST and changes nothing."""


class Handler(BaseHTTPRequestHandler):
    """One connection; answers in Qdrant's envelope, after the faults that were asked for."""

    server: FakeQdrant
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self.serve()

    do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def serve(self) -> None:
        """Read one request, apply faults and the key check, and answer."""
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        body = json.loads(raw) if raw else None
        self.server.requests.append(f"{self.command} {path}")
        fault = self.server.next_fault(path)
        if fault is not None and self.suffer(fault):
            return None
        is_probe = path in ("/", "/healthz", "/readyz", "/livez")
        if not is_probe and (refusal := self.server.refusal(self.key(), self.command, path)):
            return self.reply(*refusal)
        try:
            return self.reply(200, self.answer(unquote(path), body))
        except Refused as refused:
            return self.reply(refused.status, str(refused))

    def answer(self, path: str, body: Any) -> Any:
        """Return the `result` of one request; raise `Refused`."""
        if path == "/":
            return {"title": "qdrant - vector search engine", "version": "1.20.0"}
        if path in ("/healthz", "/readyz", "/livez"):
            return True
        if not path.startswith("/collections/"):
            raise Refused(404, "Not found")
        return self.server.store.answer(self.command, path.removeprefix("/collections/"), body)

    def key(self) -> str:
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return self.headers.get("api-key") or bearer

    def suffer(self, fault: Fault) -> bool:
        """Let the fault happen; True when the request has been dealt with by that."""
        if fault.kind == "delay":
            time.sleep(fault.seconds)
            return False
        if fault.kind == "reset":
            # Lingering for no time makes the kernel send a reset in place of a proper end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return True
        self.reply(fault.status, "A fault that was asked for")
        return True

    def reply(self, status: int, result: Any) -> None:
        ok = status < 400
        envelope = {"time": 0.0, "status": "ok" if ok else {"error": result}}
        if ok:
            envelope["result"] = result
        raw = json.dumps(envelope).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


class FakeQdrant(ThreadingHTTPServer):
    """The server; a context manager that serves in a thread on a port of 127.0.0.1."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, port: int = 0, api_key: str = "", folder: Path | None = None, *, read_key: str = ""
    ) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.api_key, self.read_key = api_key, read_key
        self._passing = None if folder else TemporaryDirectory(prefix="fake-qdrant-")
        self.store = Collections(folder or Path(self._passing.name))
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self._faults_lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def refusal(self, key: str, method: str, path: str) -> tuple[int, str] | None:
        """Return the status and the words for a key that does not allow the request."""
        if not self.api_key or key == self.api_key:
            return None
        if not self.read_key or key != self.read_key:
            return 401, "Must provide an API key or an Authorization bearer token"
        reads = method == "GET" or (method == "POST" and path.endswith(_READING))
        return None if reads else (403, "Forbidden: Global manage access is required")

    def next_fault(self, path: str) -> Fault | None:
        """Return the first fault that is due for the path, and count it."""
        with self._faults_lock:
            for fault in self.faults:
                if fault.times > 0 and fault.path in path:
                    fault.times -= 1
                    return fault
        return None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away early is no news."""

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self.store.close()
        if self._passing is not None:
            self._passing.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key", default="")
    parser.add_argument("--read-key", default="", help="a key that may not change anything")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with FakeQdrant(
        options.port, options.api_key, options.folder, read_key=options.read_key
    ) as server:
        print(server.url, flush=True)  # noqa: T201
        stop.wait()


if __name__ == "__main__":
    main()
