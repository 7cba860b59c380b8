"""A small fake Qdrant server: the REST calls Scry makes, answered by the client's local engine.

It stands in for the server where none can be had. It shows what the local engine alone cannot:
HTTP, JSON, status codes, API keys, timeouts and broken connections. It says nothing about
quantisation, strict mode, payload indexes or speed, which only a real server has.

Run it as `python -m tests.fake_qdrant --port 6333 --api-key secret`, or use `FakeQdrant` in a test.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, TypeAdapter
from qdrant_client import QdrantClient, models

FILTER = TypeAdapter(models.Filter | None)
POINTS = TypeAdapter(list[models.PointStruct])
QUERIES = TypeAdapter(list[models.QueryRequest])
VECTORS = TypeAdapter(models.VectorParams)


@dataclass
class Fault:
    """What goes wrong for the next `times` requests whose path contains `path`."""

    kind: str
    """`status`, `delay` or `reset`."""
    times: int = 1
    path: str = ""
    status: int = 500
    seconds: float = 0.0


@dataclass
class Store:
    """The local engine behind one lock, because it is not safe for threads."""

    client: QdrantClient = field(default_factory=lambda: QdrantClient(":memory:"))
    lock: threading.Lock = field(default_factory=threading.Lock)
    created: dict[str, Any] = field(default_factory=dict)
    indexed: dict[str, Any] = field(default_factory=dict)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return the status code and the `result` of one request."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if path == "/":
            return 200, {"title": "qdrant - vector search engine", "version": "1.20.0"}
        if parts[0] in ("healthz", "readyz", "livez"):
            return 200, True
        if parts[0] != "collections" or len(parts) < 2:
            return 404, "Not found"
        name, action = parts[1], "/".join(parts[2:])
        with self.lock:
            if action == "exists":
                return 200, {"exists": self.client.collection_exists(name)}
            if (method, action) == ("PUT", ""):
                return self.create(name, body)
            if not self.client.collection_exists(name):
                return 404, f"Not found: Collection `{name}` doesn't exist!"
            return self.on_collection(method, action, name, body)

    def create(self, name: str, body: Any) -> tuple[int, Any]:
        if self.client.collection_exists(name):
            return 409, f"Wrong input: Collection `{name}` already exists!"
        self.created[name] = body
        self.client.create_collection(name, VECTORS.validate_python(body["vectors"]))
        return 200, True

    def on_collection(self, method: str, action: str, name: str, body: Any) -> tuple[int, Any]:
        done = {"operation_id": 0, "status": "completed"}
        client = self.client
        match method, action:
            case "GET", "":
                return 200, self.described(name)
            case "DELETE", "":
                return 200, client.delete_collection(name)
            case "PUT", "index":
                self.indexed.setdefault(name, []).append(body)
                return 200, done
            case "PUT", "points":
                client.upsert(name, POINTS.validate_python(body["points"]))
                return 200, done
            case "POST", "points/delete":
                client.delete(name, models.PointIdsList.model_validate(body))
                return 200, done
            case "POST", "points/query/batch":
                return 200, [self.query(name, one) for one in body["searches"]]
            case "POST", "points":
                return 200, client.retrieve(
                    name, body["ids"], body.get("with_payload", True), body.get("with_vector")
                )
            case "POST", "points/scroll":
                return 200, self.scroll(name, body)
            case "POST", "points/count":
                flt = FILTER.validate_python(body.get("filter"))
                return 200, client.count(name, count_filter=flt)
        return 404, "Not found"

    def described(self, name: str) -> Any:
        """Return what a server says of a collection, the indexed keys among it."""
        info = self.client.get_collection(name).model_dump(mode="json", exclude_none=True)
        kinds = {one["field_name"]: one["field_schema"] for one in self.indexed.get(name, [])}
        info["payload_schema"] = {
            key: {"data_type": kind["type"] if isinstance(kind, dict) else kind, "points": 0}
            for key, kind in kinds.items()
        }
        return info

    def query(self, name: str, body: Any) -> Any:
        request = models.QueryRequest.model_validate(body)
        # Search parameters mean nothing to the local engine, and it warns about them.
        return self.client.query_points(
            name,
            query=request.query,
            query_filter=request.filter,
            limit=request.limit or 10,
            offset=request.offset,
            with_payload=bool(request.with_payload),
        )

    def scroll(self, name: str, body: Any) -> dict[str, Any]:
        records, after = self.client.scroll(
            name,
            scroll_filter=FILTER.validate_python(body.get("filter")),
            limit=body.get("limit", 10),
            offset=body.get("offset"),
            with_payload=body.get("with_payload", True),
            with_vectors=body.get("with_vector", False),
        )
        return {"points": records, "next_page_offset": after}


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
        if path == "/fake/faults":
            self.server.faults[:] = [Fault(**one) for one in body]
            return self.reply(200, True)
        if path == "/fake/state":
            store = self.server.store
            return self.reply(200, {"created": store.created, "indexed": store.indexed})
        self.server.requests.append(f"{self.command} {path}")
        fault = self.server.next_fault(path)
        if fault is not None and self.suffer(fault):
            return None
        is_probe = path in ("/", "/healthz", "/readyz", "/livez")
        if self.server.api_key and not is_probe and self.key() != self.server.api_key:
            return self.reply(401, "Must provide an API key or an Authorization bearer token")
        try:
            return self.reply(*self.server.store.answer(self.command, path, body))
        except (ValueError, KeyError, TypeError) as error:
            return self.reply(400, f"Bad request: {error}")

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
        raw = json.dumps(envelope, default=_json).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


def _json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return str(value)


class FakeQdrant(ThreadingHTTPServer):
    """The server; a context manager that serves in a thread on a port of 127.0.0.1."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int = 0, api_key: str = "") -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.api_key = api_key
        self.store = Store()
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self._faults_lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

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
        self.store.client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key", default="")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with FakeQdrant(options.port, options.api_key) as server:
        print(server.url, flush=True)  # noqa: T201
        stop.wait()


if __name__ == "__main__":
    main()
