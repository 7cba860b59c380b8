"""What part search gains on small things in large photos, and what it costs.

    python -m benchmarks.part_search --captions DIR --photos DIR [--cache DIR] [--indexed 20000]
    python -m benchmarks.part_search --captions DIR --photos DIR --count 200 --verdict

The folders are those of `benchmarks.starter_retrieval`. Each photo of a thing is pasted into a
scene of 1600 x 1200 px, at 12 to 25 % of its longer side, and the query is the thing's name.
Ordinary queries are the held-out captions and the names of the things' own photos; these photos
are small and are enlarged so that they have parts like large ones. Nothing is fitted here.
`--cache` keeps the embeddings. `--count` takes so many photos of each kind, spread over all.

`--verdict` says whether part search earns its cost: the right photo must be among the first ten
for `GAIN` more of the small things, and for no query fewer than `LOSS` less often first or among
the first ten. Its exit status is 1 if it does not.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import django
import numpy as np
from numpy.typing import NDArray
from PIL import Image

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
if "DATA_DIR" not in os.environ:
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="scry-benchmark-")
django.setup()

# What is measured is the gallery's own code, which needs its settings.
from benchmarks.starter_retrieval import dev_captions, load_model, texts_of  # noqa: E402
from benchmarks.vector_query import synthetic_vectors, timing_row  # noqa: E402
from gallery.decoding.answers import PART_SIDE, THUMBNAIL_SIDE  # noqa: E402
from search.parts import boxes, crops  # noqa: E402
from search.parts.scale import SAMPLE, Scale  # noqa: E402
from search.vectors.embedders.base import Pixels, Vectors  # noqa: E402
from search.vectors.embedders.open_clip import OpenClipEmbedder  # noqa: E402
from search.vectors.index import And, Eq, HasIds, Point  # noqa: E402
from search.vectors.index.qdrant_edge import EdgeIndex  # noqa: E402

SCENE = (1600, 1200)
SMALL = (0.12, 0.25)
GAIN = 0.10
LOSS = 0.01
NUMBERS = boxes.numbers(*SCENE)
COARSE = len(boxes.numbers(1, 1))

Picture = Callable[[], Image.Image]


def composite(thing: Path, scene: Path, number: int) -> Image.Image:
    rng = random.Random(number)
    with Image.open(scene) as image:
        whole = image.convert("RGB").resize(SCENE, Image.Resampling.BICUBIC)
    with Image.open(thing) as image:
        part = image.convert("RGB")
    scale = rng.uniform(*SMALL) * SCENE[0] / max(part.size)
    part = part.resize(
        (round(part.width * scale), round(part.height * scale)), Image.Resampling.LANCZOS
    )
    left = rng.randrange(0, SCENE[0] - part.width)
    whole.paste(part, (left, rng.randrange(0, SCENE[1] - part.height)))
    return whole


def enlarged(path: Path) -> Image.Image:
    with Image.open(path) as image:
        picture = image.convert("RGB")
    scale = PART_SIDE / max(picture.size)
    size = (round(picture.width * scale), round(picture.height * scale))
    return picture.resize(size, Image.Resampling.BICUBIC)


def views(picture: Image.Image) -> list[Pixels]:
    """Return the pictures that the model gets of a photo: the whole, then its parts."""
    small, large = picture.copy(), picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    large.thumbnail((PART_SIDE, PART_SIDE))
    parts = [crops.cut(np.asarray(large), boxes.PLACES[number]) for number in NUMBERS]
    return [np.asarray(small), *parts]


def embedded(
    model: OpenClipEmbedder, name: str, pictures: Sequence[Picture], cache: Path | None
) -> Vectors:
    """Return whole and parts of each picture, shape (n, 1 + parts, dim), of unit length."""
    file = cache / f"{name}.npy" if cache else None
    if file and file.is_file():
        rows = np.load(file).astype(np.float32)
    else:
        rows = np.stack([model.embed_images(views(picture())) for picture in pictures])
        if file:
            np.save(file, rows.astype(np.float16))
    unit: Vectors = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return unit


def shares(scores: NDArray[np.float32], gold: NDArray[np.intp]) -> list[float]:
    """Return R@1, R@5 and R@10."""
    own = scores[np.arange(len(gold)), gold]
    behind = (scores > own[:, None]).sum(axis=1)
    return [float((behind < k).mean()) for k in (1, 5, 10)]


def ranks(scores: NDArray[np.float32], gold: NDArray[np.intp]) -> str:
    return " ".join(f"{share:8.1%}" for share in shares(scores, gold))


def fused(
    queries: Vectors, photos: Vectors, used: range
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield rules by name with their scores, for the parts in `used`."""
    wholes, parts = queries @ photos[:, 0].T, _best(queries, photos, used)
    yield "best of both", np.maximum(wholes, parts)
    yield "best, parts less 0.06", np.maximum(wholes, parts - 0.06)
    yield "best, parts less 0.12", np.maximum(wholes, parts - 0.12)
    yield "weighted 0.7 and 0.3", 0.7 * wholes + 0.3 * parts
    yield "standing among parts", _by_standing(queries, photos, used)


def _best(queries: Vectors, photos: Vectors, used: Sequence[int]) -> NDArray[np.float32]:
    best: NDArray[np.float32] = np.max([queries @ photos[:, 1 + at].T for at in used], axis=0)
    return best


def _by_standing(queries: Vectors, photos: Vectors, used: range) -> NDArray[np.float32]:
    """Return what Scry does: see `search.parts.scale`."""
    chosen = np.random.default_rng(0).permutation(len(photos))[:SAMPLE]
    numbers = tuple(NUMBERS[at] for at in used)
    scale = Scale([(photos[at, 0], numbers, photos[at, [1 + n for n in used]]) for at in chosen])
    scores = queries @ photos[:, 0].T
    groups = [[at for at in used if NUMBERS[at] in group] for group in boxes.GROUPS]
    best = [_best(queries, photos, group) if group else None for group in groups]
    for row, query in enumerate(queries):
        for place, line in scale.lines(query).items():
            parts = best[place]
            if parts is not None:
                worth = line.factor * parts[row] + line.offset
                scores[row] = np.maximum(scores[row], worth)
    return scores


@dataclass(frozen=True)
class Library:
    """Photos with their parts, (n, 1 + parts, dim), and queries with the number of their photo."""

    name: str
    photos: Vectors
    queries: Vectors
    gold: NDArray[np.intp]


def libraries(model: OpenClipEmbedder, options: argparse.Namespace) -> Iterator[Library]:
    dev, captions, gold = dev_captions(options.captions)
    things = sorted(options.photos.glob("*.jpg"))
    scenes = sorted(set((options.captions / "images").iterdir()) - set(dev))
    random.Random(1).shuffle(scenes)
    chosen = np.linspace(0, len(things) - 1, min(options.count, len(things))).astype(int).tolist()
    names = texts_of(model, [things[at].stem.replace("_", " ") for at in chosen])
    own = np.arange(len(chosen))
    pictures: list[Picture] = [partial(composite, things[at], scenes[at], at) for at in chosen]
    yield Library("small things", _embedded(model, "small", pictures, options), names, own)
    pictures = [partial(enlarged, things[at]) for at in chosen]
    yield Library("things", _embedded(model, "things", pictures, options), names, own)
    photos: list[Picture] = [partial(enlarged, path) for path in dev[: options.count]]
    said = [place for place, at in enumerate(gold) if at < len(photos)]
    texts = texts_of(model, [captions[place] for place in said])
    yield Library("captions", _embedded(model, "captions", photos, options), texts, gold[said])


def _embedded(
    model: OpenClipEmbedder, name: str, pictures: list[Picture], options: argparse.Namespace
) -> Vectors:
    return embedded(model, f"{name}-{len(pictures)}", pictures, options.cache)


def quality(model: OpenClipEmbedder, options: argparse.Namespace) -> None:
    print(f"{'':44s}{'R@1':>8s} {'R@5':>8s} {'R@10':>8s}")
    for lib in libraries(model, options):
        wholes = lib.queries @ lib.photos[:, 0].T
        print(f"{lib.name + ', whole photos':44s}{ranks(wholes, lib.gold)}", flush=True)
        for used in (range(COARSE), range(len(NUMBERS))):
            for rule, scores in fused(lib.queries, lib.photos, used):
                print(f"  {len(used):2d} parts, {rule:32s}{ranks(scores, lib.gold)}")


def verdict(model: OpenClipEmbedder, options: argparse.Namespace) -> bool:
    """Print what part search changes, and return whether it earns its cost."""
    print(f"{'R@1 / R@5 / R@10':44s}{'whole photos':>27s}{'with parts':>27s}")
    earns = True
    for lib in libraries(model, options):
        wholes = lib.queries @ lib.photos[:, 0].T
        both = _by_standing(lib.queries, lib.photos, range(len(NUMBERS)))
        without, with_parts = shares(wholes, lib.gold), shares(both, lib.gold)
        print(f"{lib.name:44s} {ranks(wholes, lib.gold)} {ranks(both, lib.gold)}", flush=True)
        gains = [after - before for before, after in zip(without, with_parts, strict=True)]
        earns &= gains[2] >= GAIN if lib.name == "small things" else min(gains[::2]) >= -LOSS
    print("Part search earns its cost." if earns else "Part search does not earn its cost.")
    return earns


def cost(model: OpenClipEmbedder, photos: int) -> None:
    """Print time and bytes of a photo, and how long the index of parts takes to answer."""
    picture = views(Image.new("RGB", SCENE, "grey"))[1:]
    model.embed_images(picture[:4])
    started = time.perf_counter()
    model.embed_images(picture)
    print(f"embedding {len(picture)} parts: {time.perf_counter() - started:.2f} s a photo")
    print(f"in SQL: {len(picture) * (model.dim * 2 + 8) / 1000:.1f} kB a photo")
    vectors, questions = synthetic_vectors(20_000, model.dim), synthetic_vectors(60, model.dim, 2)
    rng = np.random.default_rng(0)
    ids = [uuid4() for _ in range(photos)]
    with tempfile.TemporaryDirectory() as folder:
        index = EdgeIndex(Path(folder) / "index", model.dim, "parts")
        for start in range(0, photos, 50):
            index.upsert(list(_points(ids[start : start + 50], vectors, rng)))
        index.flush()
        disk = index.stats().bytes_on_disk or 0
        print(f"in the index: {disk / photos / 1000:.1f} kB a photo")
        named = [point for photo_id in ids[:200] for point in boxes.all_points(photo_id)]
        mine = Eq("owner", "1")
        for name, flt in (("all", None), ("owner", mine), ("200", And((mine, HasIds.of(named))))):
            print(f"600 of {photos:,} photos, {name:6s}", timing_row(index, questions, 600, flt))
        index.close()


def _points(ids: Sequence[UUID], vectors: Vectors, rng: np.random.Generator) -> Iterator[Point]:
    for photo_id in ids:
        for number in NUMBERS:
            vector = vectors[rng.integers(len(vectors))]
            yield Point(boxes.point_id(photo_id, number), vector, {"owner": "1", "gen": 1})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--indexed", type=int, default=20_000, help="photos in the index of parts")
    parser.add_argument("--count", type=int, default=500, help="photos of each kind")
    parser.add_argument("--verdict", action="store_true", help="only say whether it earns its cost")
    options = parser.parse_args()
    model = load_model(options.model)
    if options.verdict:
        sys.exit(not verdict(model, options))
    quality(model, options)
    if options.indexed:
        cost(model, options.indexed)


if __name__ == "__main__":
    main()
