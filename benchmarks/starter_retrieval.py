"""How well the starter model finds photos: by caption, by name, by general word, and from a copy.

    python -m benchmarks.starter_retrieval --captions DIR --photos DIR [--languages DIR] [--json]

The first folder holds `captions.csv` (image, split, caption) and `images/`. The second holds photos
of one thing each, named after it (`tiger_shark.jpg`). The third holds `captions_multilingual.csv`
(image, split, language, source, caption) for the photos of the first. Only captions of the split
"dev" are used. Pictures and texts are embedded as the gallery embeds photos and queries.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import django
import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from search.vectors.embedders.base import Pixels, Vectors
from search.vectors.embedders.catalog import STARTER_KEY
from search.vectors.embedders.open_clip import OpenClipEmbedder, load
from search.vectors.embedders.phrasing import embed_worded

HERE = Path(__file__).parent
BATCH = 16
TEXT_BATCH = 32
LANGUAGES = ("en", "es", "de", "fr", "zh", "pt")
"""The languages of `names.csv` and `general_words.csv`."""
CLDR = {"name": "name in CLDR", "keyword": "keyword in CLDR", "none": "not in CLDR"}

Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Row:
    """One line of the table: shares from 0 to 1 of `count` queries, by the measure's name."""

    task: str
    count: int
    shares: dict[str, float]


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


def texts_of(model: OpenClipEmbedder, lines: Sequence[str]) -> Vectors:
    """Return the embeddings of queries, shape (len(lines), dim)."""
    starts = range(0, len(lines), TEXT_BATCH)
    return np.concatenate(
        [embed_worded(model, lines[start : start + TEXT_BATCH]) for start in starts]
    )


def found_at(queries: Vectors, points: Vectors, gold: NDArray[np.intp], k: int) -> float:
    """Return the share of queries whose own point is among the k nearest."""
    return float((_places(queries, points, gold) < k).mean())


def _places(queries: Vectors, points: Vectors, gold: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how many points are nearer to each query than its own, which has index `gold`."""
    scores = queries @ points.T
    own = scores[np.arange(len(gold)), gold]
    nearer: NDArray[np.intp] = (scores > own[:, None]).sum(axis=1)
    return nearer


def recall(task: str, queries: Vectors, points: Vectors, gold: NDArray[np.intp]) -> Row:
    places = _places(queries, points, gold)
    return Row(task, len(gold), {f"R@{k}": float((places < k).mean()) for k in (1, 5, 10)})


def dev_captions(folder: Path) -> tuple[list[Path], list[str], NDArray[np.intp]]:
    """Return the dev photos, their captions, and the photo number of each caption."""
    with (folder / "captions.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "dev"]
    names = list(dict.fromkeys(row["image"] for row in rows))
    number = {name: i for i, name in enumerate(names)}
    gold = np.array([number[row["image"]] for row in rows])
    return [folder / "images" / name for name in names], [row["caption"] for row in rows], gold


def captions_in(
    folder: Path, photos: Sequence[Path]
) -> dict[str, tuple[list[str], NDArray[np.intp]]]:
    """Return the dev captions of each other language, and the photo number of each caption."""
    number = {path.name: place for place, path in enumerate(photos)}
    found: dict[str, tuple[list[str], list[int]]] = {}
    with (folder / "captions_multilingual.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "dev":
                texts, gold = found.setdefault(row["language"], ([], []))
                texts.append(row["caption"])
                gold.append(number[row["image"]])
    return {name: (texts, np.array(gold)) for name, (texts, gold) in sorted(found.items())}


def caption_rows(
    model: OpenClipEmbedder, options: argparse.Namespace, points: Vectors
) -> Iterator[Row]:
    photos, captions, gold = dev_captions(options.captions)
    asked = {"en": (captions, gold)}
    if options.languages:
        asked |= captions_in(options.languages, photos)
    for language, (texts, right) in asked.items():
        yield recall(f"caption, {language}", texts_of(model, texts), points, right)


# --- names and general words ----------------------------------------------------------------------


def kind_rows(model: OpenClipEmbedder, kinds: list[str], points: Vectors) -> Iterator[Row]:
    """Yield how well all kinds are found by their English names, and named by their photos."""
    names = texts_of(model, [kind.replace("_", " ") for kind in kinds])
    own = np.arange(len(kinds))
    shares = {f"top-{k}": found_at(points, names, own, k) for k in (1, 5)}
    yield Row("photo -> its name", len(kinds), shares)
    yield recall("name -> its photo, all kinds", names, points, own)


def name_rows(model: OpenClipEmbedder, kinds: list[str], points: Vectors) -> Iterator[Row]:
    """Yield how well the things of `names.csv` are found, by language, and by CLDR's coverage."""
    with (HERE / "names.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    vectors = texts_of(model, [row["name"] for row in rows])
    gold = np.array([kinds.index(row["kind"]) for row in rows])
    for language in LANGUAGES:
        for cldr, said in {"": "", **CLDR}.items():
            chosen = [
                place
                for place, row in enumerate(rows)
                if row["language"] == language and cldr in ("", row["cldr"])
            ]
            task = f"name, {language}" + (f", {said}" if said else "")
            yield recall(task, vectors[chosen], points, gold[chosen])


def word_rows(model: OpenClipEmbedder, kinds: list[str], points: Vectors) -> Iterator[Row]:
    """Yield the mean average precision of the words of `general_words.csv`, by language."""
    with (HERE / "general_words.csv").open(encoding="utf-8", newline="") as file:
        words = list(csv.DictReader(file))
    for language in LANGUAGES:
        scores = texts_of(model, [word[language] for word in words]) @ points.T
        found = [
            average_precision(row, marked(word["kinds"], kinds), marked(word["open"], kinds))
            for row, word in zip(scores, words, strict=True)
        ]
        yield Row(f"general word, {language}", len(words), {"mAP": float(np.mean(found))})


def marked(names: str, kinds: list[str]) -> NDArray[np.bool_]:
    return np.isin(kinds, names.split())


def average_precision(
    scores: NDArray[np.float32], right: NDArray[np.bool_], ignored: NDArray[np.bool_]
) -> float:
    """Return the average precision of a ranking of which some points count neither way."""
    hits = right[~ignored][np.argsort(-scores[~ignored], kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


# --- copies ---------------------------------------------------------------------------------------


def copy_rows(
    model: OpenClipEmbedder, paths: Sequence[Path], points: Vectors, count: int
) -> Iterator[Row]:
    """Yield how often the original of a changed copy is the first hit, for `count` photos."""
    # Spread over both kinds of photos.
    chosen = np.linspace(0, len(points) - 1, min(count, len(points))).astype(np.intp)
    for name, change in CHANGES.items():
        rows = embed_files(model, [paths[place] for place in chosen], change)
        yield Row(f"copy, {name}", len(chosen), {"R@1": found_at(rows, points, chosen, 1)})


def all_rows(model: OpenClipEmbedder, options: argparse.Namespace) -> Iterator[Row]:
    dev, _, _ = dev_captions(options.captions)
    things = sorted(options.photos.glob("*.jpg"))
    kinds = [path.stem for path in things]
    points = embed_files(model, [*dev, *things])
    scenes, named = points[: len(dev)], points[len(dev) :]
    yield from caption_rows(model, options, scenes)
    for rows in (kind_rows, name_rows, word_rows):
        yield from rows(model, kinds, named)
    if options.changed:
        yield from copy_rows(model, [*dev, *things], points, options.changed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--languages", type=Path)
    parser.add_argument("--model", default=STARTER_KEY)
    parser.add_argument("--changed", type=int, default=1000, help="photos to change and find")
    parser.add_argument("--json", action="store_true", help="print a list of rows as JSON")
    options = parser.parse_args()
    started = time.perf_counter()
    model = load_model(options.model)
    rows = []
    for row in all_rows(model, options):
        rows.append(row)
        if not options.json:
            values = "   ".join(f"{name} {share:6.1%}" for name, share in row.shares.items())
            print(f"{row.task:34} {row.count:5}   {values}", flush=True)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False))
    else:
        print(f"{model.formats} on {model.device}, {time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
