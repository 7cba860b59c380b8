"""How well the starter model finds photos: by caption, by name, and from a changed copy.

    python -m benchmarks.starter_retrieval --captions DIR --photos DIR

The first folder holds `captions.csv` (image, split, caption) and `images/`. The second holds photos
of one thing each, named after it (`tiger_shark.jpg`).
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import django
import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from search.vectors.embedders.base import Pixels, Vectors
from search.vectors.embedders.open_clip import OpenClipEmbedder, load

BATCH = 16
PROMPT = "a photo of a {}"

Change = Callable[[Image.Image], Image.Image]


def load_model(key: str) -> OpenClipEmbedder:
    """Load both towers of a model; their messages need Django to be set up."""
    if not settings.configured:
        settings.configure()
        django.setup()
    return load(key, towers=frozenset({"image", "text"}))


def half(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def recompressed(image: Image.Image) -> Image.Image:
    """Return the picture after JPEG at quality 50."""
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=50)
    return Image.open(encoded).convert("RGB")


def cropped(image: Image.Image) -> Image.Image:
    """Return the picture without a tenth of its width and height, taken from one corner."""
    return image.crop((image.width // 10, image.height // 10, image.width, image.height))


CHANGES: dict[str, Change] = {"half": half, "jpeg 50": recompressed, "crop 10 %": cropped}


def read(path: Path, change: Change | None = None) -> Pixels:
    with Image.open(path) as image:
        picture = image.convert("RGB")
    return np.asarray(change(picture) if change else picture)


def embed_files(
    model: OpenClipEmbedder, paths: Sequence[Path], change: Change | None = None
) -> Vectors:
    rows = []
    for start in range(0, len(paths), BATCH):
        pictures = [read(path, change) for path in paths[start : start + BATCH]]
        rows.append(model.embed_images(pictures))
    return np.concatenate(rows)


def found_at(queries: Vectors, points: Vectors, gold: NDArray[np.intp], k: int) -> float:
    """Return the share of queries whose own point is among the k nearest."""
    scores = queries @ points.T
    own = scores[np.arange(len(gold)), gold]
    return float(((scores > own[:, None]).sum(axis=1) < k).mean())


def dev_captions(folder: Path) -> tuple[list[Path], list[str], NDArray[np.intp]]:
    """Return the dev photos, their captions, and the photo number of each caption."""
    with (folder / "captions.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "dev"]
    names = list(dict.fromkeys(row["image"] for row in rows))
    number = {name: i for i, name in enumerate(names)}
    gold = np.array([number[row["image"]] for row in rows])
    return [folder / "images" / name for name in names], [row["caption"] for row in rows], gold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--changed", type=int, default=1000, help="photos to change and find")
    options = parser.parse_args()
    model = load_model("starter")
    dev, captions, gold = dev_captions(options.captions)
    things = sorted(options.photos.glob("*.jpg"))

    started = time.perf_counter()
    points = embed_files(model, [*dev, *things])
    rate = len(points) / (time.perf_counter() - started)
    print(f"{len(points)} photos, {rate:.1f}/s with decoding; {model.formats} on {model.device}")

    texts = model.embed_texts(captions)
    for k in (1, 5, 10):
        share = found_at(texts, points[: len(dev)], gold, k)
        print(f"caption -> photo among {len(dev)}: R@{k} {share:.1%}")

    names = model.embed_texts([PROMPT.format(path.stem.replace("_", " ")) for path in things])
    own = np.arange(len(things))
    for k in (1, 5):
        share = found_at(points[len(dev) :], names, own, k)
        print(f"zero-shot among {len(things)} names: top-{k} {share:.1%}")

    # Spread over both kinds of photos.
    chosen = np.linspace(0, len(points) - 1, min(options.changed, len(points))).astype(np.intp)
    paths = [[*dev, *things][i] for i in chosen]
    for name, change in CHANGES.items():
        first = found_at(embed_files(model, paths, change), points, chosen, 1)
        print(f"{name}: its original first of {len(points)} for {first:.1%} of {len(chosen)}")


if __name__ == "__main__":
    main()
