"""Whether "Why this photo" points at the thing that was asked for, or says that it cannot.

    python -m benchmarks.why_boxes --captions DIR --photos DIR [--count 90] [--cache DIR]

The folders are those of `benchmarks.starter_retrieval`. The middle square of a photo of a thing is
pasted into a scene at a known box, and the query is the thing's name, or its whole photo, mirrored
and darker. The heat map is *right* if its hottest cell has its middle in that box, and *silent* if
no single place stands out. A thing that is not in the picture should leave it silent. Names are
compared with the background texts, pictures with other scenes. `CLEAR` and `CLEAR_PICTURE` were
chosen on other pictures.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import django
import numpy as np
from PIL import Image, ImageOps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
if "DATA_DIR" not in os.environ:
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="scry-benchmark-")
django.setup()

# What is measured is the gallery's own code, which needs its settings.
from benchmarks.starter_retrieval import (  # noqa: E402
    dev_captions,
    embed_files,
    load_model,
    texts_of,
)
from search.parts.boxes import Box  # noqa: E402
from search.parts.crops import CELLS, CLEAR_PICTURE, Heat, find_heat, look  # noqa: E402
from search.relevance.background import background_texts  # noqa: E402
from search.vectors.embedders import Vector  # noqa: E402
from search.vectors.embedders.base import Pixels, Vectors  # noqa: E402
from search.vectors.embedders.catalog import STARTER_KEY  # noqa: E402
from search.vectors.embedders.open_clip import OpenClipEmbedder  # noqa: E402

SCENE = (1024, 768)
SIDES = (0.2, 0.3, 0.45)
"""The pasted square's side, as a share of the scene's width."""
GRID = (CELLS * SCENE[1] // SCENE[0], CELLS)
FIRST = 1000
"""The first picture's number; other numbers were used to choose the two limits."""
OTHERS = 5
"""Things that are not there, for each picture."""
LIBRARY = 250
"""Photos that queries by picture are compared with."""


class Scene(NamedTuple):
    picture: Pixels
    thing: int
    box: Box
    side: float


def pasted(number: int, things: list[Path], scenes: list[Path]) -> Scene:
    rng = random.Random(number)
    thing, scene = rng.randrange(len(things)), rng.randrange(len(scenes))
    share = SIDES[number % len(SIDES)]
    side = round(share * SCENE[0])
    with Image.open(scenes[scene]) as image:
        whole = image.convert("RGB").resize(SCENE, Image.Resampling.BICUBIC)
    with Image.open(things[thing]) as image:
        part = middle_square(image.convert("RGB")).resize((side, side), Image.Resampling.LANCZOS)
    left, top = rng.randrange(SCENE[0] - side), rng.randrange(SCENE[1] - side)
    whole.paste(part, (left, top))
    box = (left / SCENE[0], top / SCENE[1], side / SCENE[0], side / SCENE[1])
    return Scene(np.asarray(whole), thing, box, share)


def middle_square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def mirrored(image: Image.Image) -> Image.Image:
    """Return the picture mirrored, and a fifth darker."""
    return ImageOps.mirror(image).point(lambda value: int(value * 0.8))


def is_right(heat: Heat, box: Box) -> bool:
    row, column = np.unravel_index(int(heat.values.argmax()), heat.values.shape)
    x, y = (column + 0.5) / GRID[1], (row + 0.5) / GRID[0]
    return bool(box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3])


def windows(
    model: OpenClipEmbedder, scenes: list[Scene], cache: Path | None
) -> tuple[Vectors, Vectors]:
    """Return the windows' boxes (n, 4) and the rows of each scene (scenes, n, dim)."""
    file = cache / f"why-{len(scenes)}.npz" if cache else None
    if file and file.is_file():
        kept = np.load(file)
        return kept["places"], kept["rows"]
    started = time.process_time()
    found = [look(model, scene.picture, float("inf")) for scene in scenes]
    took = (time.process_time() - started) / len(scenes)
    print(f"{len(found[0][0])} windows, {took:.2f} s of CPU a photo")
    places, rows = found[0][0], np.stack([rows for _places, rows in found])
    if file:
        np.savez(file, places=places, rows=rows)
    return places, rows


def report(name: str, heats: list[Heat], scenes: list[Scene]) -> None:
    """Print how many maps say something, and how many of these are right."""
    said = [
        is_right(heat, scene.box)
        for heat, scene in zip(heats, scenes, strict=True)
        if heat.box is not None
    ]
    right = f"right {np.mean(said):6.1%}" if said else ""
    print(f"{name:24} {len(heats):5}   silent {1 - len(said) / len(heats):6.1%}   {right}")


def absent_things(scenes: list[Scene], count: int) -> list[tuple[int, int]]:
    """Return pairs of the number of a scene and a thing, of `count`, that it does not show."""
    step = count // (OTHERS + 1)
    return [
        (number, (scene.thing + step * other) % count)
        for number, scene in enumerate(scenes)
        for other in range(1, OTHERS + 1)
    ]


def report_names(
    names: Vectors, texts: Vectors, scenes: list[Scene], places: Vectors, rows: Vectors
) -> None:
    """Print what queries by name give; `names` (things, dim) are their embeddings."""

    def heat(number: int, thing: int, rivals: Vectors | None) -> Heat:
        return find_heat(places, rows[number], names[thing], rivals, GRID)

    shown = [(number, scene.thing) for number, scene in enumerate(scenes)]
    report("never silent", [heat(*one, None) for one in shown], scenes)
    heats = [heat(*one, texts) for one in shown]
    report("there", heats, scenes)
    for side in SIDES:
        chosen = [number for number, scene in enumerate(scenes) if scene.side == side]
        some = [scenes[number] for number in chosen]
        report(f"  {side:.0%} of the width", [heats[number] for number in chosen], some)
    absent = absent_things(scenes, len(names))
    elsewhere = [scenes[number] for number, _thing in absent]
    report("not there", [heat(*one, texts) for one in absent], elsewhere)


def report_pictures(
    things: Vectors, library: Vectors, scenes: list[Scene], places: Vectors, rows: Vectors
) -> None:
    """Print what queries by picture give; `things` (things, dim) are their photos."""

    def heat(number: int, picture: Vector) -> Heat:
        return find_heat(places, rows[number], picture, library, GRID, CLEAR_PICTURE)

    there = [heat(number, things[scene.thing]) for number, scene in enumerate(scenes)]
    report("picture of it", there, scenes)
    absent = absent_things(scenes, len(things))
    elsewhere = [scenes[number] for number, _thing in absent]
    heats = [heat(number, things[thing]) for number, thing in absent]
    report("picture of another thing", heats, elsewhere)
    parts = [heat(number, rows[number - 1][0]) for number in range(len(scenes))]
    report("part of another picture", parts, scenes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", default=STARTER_KEY)
    parser.add_argument("--count", type=int, default=90)
    parser.add_argument("--cache", type=Path, help="folder to keep the windows in")
    options = parser.parse_args()
    model = load_model(options.model)
    things = sorted(options.photos.glob("*.jpg"))
    dev, _, _ = dev_captions(options.captions)
    scenes = [pasted(FIRST + number, things, dev) for number in range(options.count)]
    places, rows = windows(model, scenes, options.cache)
    names = texts_of(model, [path.stem.replace("_", " ") for path in things])
    texts = texts_of(model, list(background_texts()))
    report_names(names, texts, scenes, places, rows)
    shown = embed_files(model, things, mirrored)
    library = embed_files(model, dev[:: len(dev) // LIBRARY])
    report_pictures(shown, library, scenes, places, rows)


if __name__ == "__main__":
    main()
