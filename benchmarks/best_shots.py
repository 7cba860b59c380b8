"""Is the sharp frame of a burst found, whatever its size, and what does measuring cost?

    python -m benchmarks.best_shots --photos DIR [--bursts 120] [--large 40]

Each burst has five frames of one scene: sharp; blurred by a Gaussian of 0.9 and of 2 pixels; moved
by 7 pixels; and with its subject, the centre, out of focus. Each is seen from another place, with
another light, has noise of its own and is saved as a JPEG, which decoder children read as they
read uploads. Scenes are:

- `small`: the photos as they are;
- `12 MP`: pictures of 4,000 x 3,000 pixels with real detail: a photo blown up behind many photos at
  full size, which cover a fifth to all of it, and its centre always;
- `12 MP, soft`: the same as a camera sees it, whose lens and sensor blur by 0.7 pixels.

A burst counts if the sharp frame comes before all others. It also prints how well the words of the
page fit, and with `--cost` how long the decode of a picture takes with and without measuring.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.transforms import opened
from gallery.decoding import DecoderPool
from gallery.decoding.quality import Measured, measure, squares_of

KINDS = ("sharp", "blurred by 0.9", "blurred by 2", "moved by 7", "subject out of focus")
SHIFT = 0.03
"""How far the view moves, as a share of the frame."""
INSET = 0.06
LIGHT = (0.92, 1.08)
NOISE = (0.5, 3.0)  # standard deviation, of 255
QUALITY = (80, 92)
LARGE = (4000, 3000)
SOFT, SHARP = 0.55, 0.62  # as `gallery.quality_words`, which needs a database


def burst(scene: Image.Image, rng: random.Random) -> list[bytes]:
    """Return a JPEG for each of the kinds."""
    width, height = scene.size
    frames = []
    for kind in KINDS:
        left, top = (INSET + rng.uniform(-SHIFT, SHIFT) for _ in range(2))
        x, y = left * width, top * height
        wide, high = width * (1 - 2 * INSET), height * (1 - 2 * INSET)
        frame = scene.crop((int(x), int(y), int(x + wide), int(y + high)))
        frames.append(_taken(_damaged(frame, kind, rng), rng))
    return frames


def _damaged(frame: Image.Image, kind: str, rng: random.Random) -> Image.Image:
    if kind == "blurred by 0.9":
        return frame.filter(ImageFilter.GaussianBlur(0.9))
    if kind == "blurred by 2":
        return frame.filter(ImageFilter.GaussianBlur(2))
    if kind == "moved by 7":
        return _moved(frame, 7, rng.uniform(0, np.pi))
    if kind == "subject out of focus":
        return Image.composite(frame.filter(ImageFilter.GaussianBlur(2)), frame, _subject(frame))
    return frame


def _moved(frame: Image.Image, pixels: int, angle: float) -> Image.Image:
    total = np.zeros((frame.height, frame.width, 3), np.float32)
    shown = np.asarray(frame)
    for step in range(pixels):
        far = step - (pixels - 1) / 2
        total += np.roll(shown, (round(np.sin(angle) * far), round(np.cos(angle) * far)), (0, 1))
    return Image.fromarray(np.rint(total / pixels).astype(np.uint8))


def _subject(frame: Image.Image) -> Image.Image:
    """Return an ellipse in the middle as a mask: a third of the frame, with a smooth edge."""
    y, x = np.mgrid[0:240, 0:320]
    away = np.hypot((x / 320 - 0.5) / 0.28, (y / 240 - 0.5) / 0.38)
    mask = Image.fromarray((np.clip((1.2 - away) * 5, 0, 1) * 255).astype(np.uint8))
    return mask.resize(frame.size, Image.Resampling.BILINEAR)


def _taken(frame: Image.Image, rng: random.Random) -> bytes:
    noise = np.random.default_rng(rng.randrange(1 << 32))
    shape = (frame.height, frame.width, 3)
    pixels = np.asarray(frame, np.float32) * rng.uniform(*LIGHT)
    pixels += noise.standard_normal(shape, np.float32) * rng.uniform(*NOISE)
    buffer = io.BytesIO()
    saved = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    saved.save(buffer, "JPEG", quality=rng.randint(*QUALITY))
    return buffer.getvalue()


def small(photos: Sequence[Path], rng: random.Random) -> Image.Image:
    """Return one of the photos."""
    return opened(rng.choice(photos))


def large(photos: Sequence[Path], rng: random.Random, blur: float = 0.0) -> Image.Image:
    """Return a picture that is `LARGE` after the inset is cut off, with detail at full size."""
    width, height = (round(side / (1 - 2 * INSET)) for side in LARGE)
    scene = opened(rng.choice(photos)).resize((width, height), Image.Resampling.BICUBIC)
    share, top = rng.uniform(0.2, 1), 0
    while top < height:
        left, high = 0, rng.randint(200, 330)
        while left < width:
            wide = rng.randint(200, 330)
            x, y = (left + wide / 2) / width - 0.5, (top + high / 2) / height - 0.5
            if rng.random() < share or (abs(x) < 0.12 and abs(y) < 0.15):
                photo = opened(rng.choice(photos))
                cut = (0, 0, min(wide, photo.width), min(high, photo.height))
                scene.paste(photo.crop(cut), (left, top))
            left += wide
        top += high
    return scene.filter(ImageFilter.GaussianBlur(blur)) if blur else scene


def measured(pool: DecoderPool, data: bytes) -> Measured:
    """Return the figures of a picture as the worker gets them."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        sheet = pool.decode(file.name).sheet
        found = measure(squares_of(pool.squares(file.name) if sheet is None else sheet))
    if found is None:
        raise SystemExit("a frame is too small to be measured")
    return found


def ask(
    pool: DecoderPool, make: Callable[[random.Random], Image.Image], bursts: int, seed: int
) -> tuple[Counter[str], dict[str, list[float]]]:
    """Return how often the sharp frame came before each kind and before all, and the reaches."""
    rng, first = random.Random(seed), Counter[str]()
    reaches: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(1, bursts + 1):
        figures = [measured(pool, data) for data in burst(make(rng), rng)]
        won = [figures[0].rank > other.rank for other in figures[1:]]
        first.update(kind for kind, is_first in zip(KINDS[1:], won, strict=True) if is_first)
        first["all"] += all(won)
        if number % 5 == 0:
            print(f"{first['all']} of {number}", file=sys.stderr, flush=True)
        for kind, each in zip(KINDS, figures, strict=True):
            reaches[kind].append(each.reach)
    return first, reaches


def cost(pool: DecoderPool, scene: Image.Image) -> None:
    """Print how long the decode takes, and the squares, which are read later."""
    buffer = io.BytesIO()
    scene.save(buffer, "JPEG", quality=90)
    with tempfile.NamedTemporaryFile() as file:
        file.write(buffer.getvalue())
        file.flush()
        whole = _fastest(lambda: pool.decode(file.name))
        squares = _fastest(lambda: pool.squares(file.name))
        sheet = pool.squares(file.name)
        numbers = _fastest(lambda: measure(squares_of(sheet)))
    size = f"{scene.width} x {scene.height}"
    print(f"\ndecode of a JPEG of {size}: {1000 * whole:.0f} ms")
    print(f"squares alone {1000 * squares:.0f} ms, their figures {1000 * numbers:.0f} ms")


def _fastest(work: Callable[[], object], tries: int = 7) -> float:
    times = []
    for _ in range(tries):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    """Print how often the sharp frame came first, by kind and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="a folder of JPEGs")
    parser.add_argument("--bursts", type=int, default=120, help="of small photos")
    parser.add_argument("--large", type=int, default=40, help="of 12 megapixels, of each kind")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--cost", action="store_true", help="measure the time of decodes too")
    options = parser.parse_args()
    photos = sorted(options.photos.rglob("*.jpg"))
    scenes: tuple[tuple[str, int, Callable[[random.Random], Image.Image]], ...] = (
        ("small", options.bursts, lambda rng: small(photos, rng)),
        ("12 MP", options.large, lambda rng: large(photos, rng)),
        ("12 MP, soft", options.large, lambda rng: large(photos, rng, 0.7)),
    )
    pool = DecoderPool(1)
    print(f"{'':12} {'bursts':>6} {'first':>7}  " + "  ".join(f"{kind}" for kind in KINDS[1:]))
    for name, bursts, make in scenes:
        if not bursts:
            continue
        first, reaches = ask(pool, make, bursts, options.seed)
        shares = "  ".join(f"{first[kind] / bursts:>{len(kind)}.1%}" for kind in KINDS[1:])
        print(f"{name:12} {bursts:6} {first['all'] / bursts:7.1%}  {shares}", flush=True)
        soft = np.mean(np.array(reaches["blurred by 2"]) < SOFT)
        sharp = np.array(reaches["sharp"])
        print(
            f"{'':12} words: blurred by 2 is soft {soft:.1%}; "
            f"sharp is sharp {np.mean(sharp >= SHARP):.1%}, is soft {np.mean(sharp < SOFT):.1%}"
        )
    if options.cost:
        cost(pool, large(photos, random.Random(options.seed)))
        cost(pool, small(photos, random.Random(options.seed)))
    pool.close()


if __name__ == "__main__":
    main()
