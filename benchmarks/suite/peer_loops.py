"""Measure one peer over a folder of photos. Run by the peers' Python; prints JSON.

    python -m benchmarks.suite.peer_loops PEER FOLDER WEIGHTS

- `rclip`: the package's own index of the folder (decode, hash, embed in batches of 8, SQLite).
- `immich`: what Immich's machine learning service does with a photo, re-implemented from its
  documentation: decode, resize, ONNX Runtime in float32, one picture a request, two at a time.
  Without the previews, rows and requests that Immich has, too.
- `sentence-transformers`: its CLIP model over opened pictures, in batches of 8.
- `imagededup`: PHash of each photo and the pairs of duplicates; it embeds nothing.

Each loads its model and embeds a few photos first, which is not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BATCH = 8
TOGETHER = 2  # Immich's number of smart search jobs at once
WARM_UP = 2  # photos
MEAN = np.array([0.4815, 0.4578, 0.4082], np.float32)
STD = np.array([0.2686, 0.2613, 0.2758], np.float32)


def rclip(folder: Path, weights: Path) -> float:
    with tempfile.TemporaryDirectory() as data:
        for part in (weights / "rclip").iterdir():
            (Path(data) / part.name).symlink_to(part)
        os.environ["RCLIP_DATADIR"] = data
        main, model, db = (import_module(f"rclip.{name}") for name in ("main", "model", "db"))
        loaded = model.Model()
        loaded.compute_image_features([Image.new("RGB", (400, 300))] * BATCH, for_indexing=True)
        index = main.RClip(loaded, db.DB(Path(data) / "db.sqlite3"), BATCH, None)
        seconds = timed(lambda: index.ensure_index(str(folder)))
        paths, _features = index._get_features(str(folder))
        index.close()
    assert len(paths) == len(list(folder.iterdir())), "rclip left photos out"
    return seconds


def immich(folder: Path, weights: Path) -> float:
    runtime = import_module("onnxruntime")
    visual = next((weights / "rclip").glob("*/visual.onnx"))
    session = runtime.InferenceSession(str(visual), providers=["CPUExecutionProvider"])

    def answer(path: Path) -> Any:
        with Image.open(path) as image:
            picture = image.convert("RGB")
        scale = 256 / min(picture.size)
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
        left, top = (picture.width - 256) // 2, (picture.height - 256) // 2
        pixels = np.asarray(picture.crop((left, top, left + 256, top + 256)), np.float32) / 255
        batch = ((pixels - MEAN) / STD).transpose(2, 0, 1)[None].astype(np.float32)
        return session.run(None, {"input": batch})

    paths = sorted(folder.iterdir())
    list(map(answer, paths[:WARM_UP]))
    with ThreadPoolExecutor(TOGETHER) as requests:
        return timed(lambda: list(requests.map(answer, paths)))


def sentence_transformers(folder: Path, weights: Path) -> float:
    model = import_module("sentence_transformers").SentenceTransformer(
        str(weights / "clip"), device="cpu"
    )
    paths = sorted(folder.iterdir())

    def embed(some: Sequence[Path]) -> None:
        for first in range(0, len(some), BATCH):
            pictures = [Image.open(path) for path in some[first : first + BATCH]]
            model.encode(pictures, batch_size=BATCH, show_progress_bar=False)
            for picture in pictures:
                picture.close()

    embed(paths[:WARM_UP])
    return timed(lambda: embed(paths))


def imagededup(folder: Path, _weights: Path) -> float:
    method = import_module("imagededup.methods").PHash(verbose=False)
    return timed(lambda: method.find_duplicates(image_dir=str(folder)))


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


PEERS: dict[str, Callable[[Path, Path], float]] = {
    "rclip": rclip,
    "immich": immich,
    "sentence-transformers": sentence_transformers,
    "imagededup": imagededup,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights", type=Path)
    options = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        seconds = PEERS[options.peer](options.folder, options.weights)
    print(json.dumps({"photos/s": len(list(options.folder.iterdir())) / seconds}))


if __name__ == "__main__":
    main()
