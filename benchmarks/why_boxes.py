"""Whether "Why this photo" points at the thing that was asked for, or says that it cannot.

    python -m benchmarks.why_boxes --captions DIR --photos DIR [--count 90] [--cache DIR]

The folders are those of `benchmarks.starter_retrieval`. The middle square of a photo of a thing is
pasted into a scene at a known box, and the query is the thing's name. The heat map is *right* if
its hottest cell has its middle in that box, and *silent* if no single place stands out. A thing
that is not in the picture should leave it silent. `CLEAR` was chosen on other pictures.
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
from PIL import Image

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
if "DATA_DIR" not in os.environ:
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="scry-benchmark-")
django.setup()

# What is measured is the gallery's own code, which needs its settings.
from benchmarks.starter_retrieval import dev_captions, load_model, texts_of  # noqa: E402
from search.parts.boxes import Box  # noqa: E402
from search.parts.crops import CELLS, Heat, find_heat, look  # noqa: E402
from search.relevance.background import background_texts  # noqa: E402
from search.vectors.embedders.base import Pixels, Vectors  # noqa: E402
from search.vectors.embedders.catalog import STARTER_KEY  # noqa: E402
from search.vectors.embedders.open_clip import OpenClipEmbedder  # noqa: E402

SCENE = (1024, 768)
SIDES = (0.2, 0.3, 0.45)
"""The pasted square's side, as a share of the scene's width."""
GRID = (CELLS * SCENE[1] // SCENE[0], CELLS)
FIRST = 1000
"""The first picture's number; other numbers were used to choose `CLEAR`."""
OTHERS = 5
"""Names of things that are not there, for each picture."""


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
    rivals = texts_of(model, list(background_texts()))

    def heat(number: int, thing: int, rivals: Vectors | None) -> Heat:
        return find_heat(places, rows[number], names[thing], rivals, GRID)

    numbers = range(len(scenes))
    always = [heat(number, scenes[number].thing, None) for number in numbers]
    heats = [heat(number, scenes[number].thing, rivals) for number in numbers]
    report("never silent", always, scenes)
    report("there", heats, scenes)
    for side in SIDES:
        chosen = [number for number in numbers if scenes[number].side == side]
        some = [scenes[number] for number in chosen]
        report(f"  {side:.0%} of the width", [heats[number] for number in chosen], some)
    step = len(things) // (OTHERS + 1)
    absent = [
        heat(number, (scenes[number].thing + step * other) % len(things), rivals)
        for number in numbers
        for other in range(1, OTHERS + 1)
    ]
    report("not there", absent, [scenes[number] for number in numbers for _ in range(OTHERS)])
    pictures = [
        find_heat(places, rows[number], rows[number - 1][0], rivals, GRID) for number in numbers
    ]
    report("part of another picture", pictures, scenes)


if __name__ == "__main__":
    main()
