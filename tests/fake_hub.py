"""A hub of models on this machine that answers as the real one does."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from search.vectors.embedders.catalog import RecommendedModel
from tests.weight_files import header_only

COMMIT = "c0ffee" * 6 + "c0ff"
WEIGHTS = "open_clip_model.safetensors"
SMALL = {
    "open_clip_config.json": b'{"preprocess_cfg": {}}',
    "tokenizer_config.json": b'{"tokenizer_class": "GemmaTokenizer"}',
    "special_tokens_map.json": b"{}",
}
_PIECE = 1 << 20


class Hub(BaseHTTPRequestHandler):
    """A repository, its list of files, and large files behind a redirect, with ranges."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range", "")))
        if self.server.status != 200:
            self.send_error(self.server.status)
        elif self.path == f"/api/models/{self.server.repo}?blobs=true":
            self._answer(json.dumps(self._listing()).encode())
        else:
            self._send_file()

    def _listing(self) -> dict:
        rows = []
        for name, content in self.server.files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
            row = {"rfilename": name, "size": len(content), "blobId": blob.hexdigest()}
            if name in self.server.large:
                sha256 = hashlib.sha256(content).hexdigest()
                row |= {"blobId": "0" * 40}
                row["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
            rows.append(row)
        return {"id": self.server.repo, "sha": COMMIT, "siblings": rows}

    def _send_file(self) -> None:
        prefix = f"/{self.server.repo}/resolve/{COMMIT}/"
        name = self.path.removeprefix(prefix).removeprefix("/store/")
        content = self.server.sent.get(name, self.server.files.get(name))
        if content is None:
            self.send_error(404)
        elif self.path.startswith(prefix) and name in self.server.large:
            self.send_response(302)
            self.send_header("Location", f"/store/{name}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._answer(content, self.headers.get("Range"))

    def _answer(self, content: bytes, wanted: str | None = None) -> None:
        begin = (
            int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.ranges else 0
        )
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        end = (self.server.breaks_at if "store" in self.path else None) or len(content)
        for offset in range(begin, end, _PIECE):
            self.wfile.write(content[offset : min(offset + _PIECE, end)])
            time.sleep(self.server.rests)

    def log_message(self, *_):
        pass


class HubServer(ThreadingHTTPServer):
    """What it holds, what it was asked for, and how it misbehaves.

    `sent` are files that arrive other than they are. `rests` are seconds between two pieces.
    """

    daemon_threads = True

    def __init__(self, model: RecommendedModel, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Hub)
        self.files, self.repo = files, model.repo
        self.large = {WEIGHTS, "tokenizer.json"}
        self.sent: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.status, self.ranges, self.rests = 200, True, 0.0
        self.breaks_at: int | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(model: RecommendedModel, folder: Path) -> Iterator[HubServer]:
    """Serve a model whose weights are zeros; `folder` is for writing them."""
    header_only(folder / WEIGHTS, dict(model.signature))
    server = HubServer(
        model,
        SMALL
        | {
            WEIGHTS: (folder / WEIGHTS).read_bytes(),
            "tokenizer.json": b'{"version": "1.0"}' * 100,
            "README.md": b"# A model",
            "open_clip_pytorch_model.bin": b"a pickle",
            "onnx/config.json": b"{}",
        },
    )
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
