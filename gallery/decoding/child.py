"""The decoder child: a program that answers one job after another until its parent goes.

Started by `process.Child` as `python -m gallery.decoding.child CONFIG`, CONFIG being JSON with
the parent's process id and the limits. Jobs and answers are the frames of `frames`.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from gallery.decoding import exif, faults, limits, pictures
from gallery.decoding.errors import DecodeError
from gallery.decoding.frames import Header, read_frame, write_frame
from gallery.decoding.phash import perceptual_hash
from gallery.decoding.results import PREVIEW_SIDE, THUMBNAIL_SIDE

Answer = tuple[Header, list[bytes]]


def main() -> None:
    """Confine this process, say that it is ready, and answer jobs until the pipe ends."""
    config: dict[str, Any] = json.loads(sys.argv[1])
    limits.die_with(config["parent"])
    # Libraries print to standard output; only frames may reach the parent there.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    pictures.set_up(config["max_pixels"])
    limits.confine(config["memory_bytes"], config["nice"])
    gc.freeze()
    write_frame(answers, {"ready": True})
    while True:
        try:
            job, _ = read_frame(sys.stdin.buffer.read)
        except EOFError:
            return
        limits.allow_cpu(config["cpu_seconds"])
        faults.provoke(job, answers)
        write_frame(answers, *answer(job, config["max_pixels"]))


def answer(job: Header, max_pixels: int) -> Answer:
    """Do one job; whatever goes wrong becomes an answer with a reason."""
    try:
        with pictures.opened(Path(job["path"]), max_pixels) as (name, image):
            if job["kind"] == "part":
                return _part(name, image, tuple(job["box"]), job["side"])
            return _JOBS[job["kind"]](name, image)
    except DecodeError as error:
        return _refusal(error.reason, error.detail)
    except MemoryError:
        return _refusal("decode_oom", "no memory")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return _refusal("too_many_pixels", str(error))
    except FileNotFoundError:
        return _refusal("missing_original", "gone")
    except UnidentifiedImageError:
        return _refusal("corrupt", "only the first bytes are those of a picture")
    except Exception as error:  # noqa: BLE001 - damaged pictures make Pillow raise anything
        return _refusal("corrupt", f"{type(error).__name__}: {error}")


def _refusal(reason: str, detail: str) -> Answer:
    return {"reason": reason, "detail": detail[:300]}, []


def _probe(name: str, image: Image.Image) -> Answer:
    return _header(name, image), []


def _decode(name: str, image: Image.Image) -> Answer:
    header = _header(name, image)
    small = _rendition(name, image, THUMBNAIL_SIDE)
    red, green, blue = small.resize((1, 1), Image.Resampling.BOX).tobytes()
    header |= {
        "phash": perceptual_hash(small),
        "colour": f"#{red:02x}{green:02x}{blue:02x}",
        **_pixels_size(small),
    }
    return header, [_encoded(small, "WEBP", quality=80, method=2), small.tobytes()]


def _pixels(name: str, image: Image.Image) -> Answer:
    small = _rendition(name, image, THUMBNAIL_SIDE)
    return _pixels_size(small), [small.tobytes()]


def _part(name: str, image: Image.Image, box: pictures.Box, side: int) -> Answer:
    orientation = exif.orientation(exif.read_exif(image))
    small = pictures.rendition(name, image, orientation, side, box)
    return _pixels_size(small), [small.tobytes()]


def _preview(name: str, image: Image.Image) -> Answer:
    return {}, [_encoded(_rendition(name, image, PREVIEW_SIDE), "JPEG", quality=82)]


_JOBS: dict[str, Callable[[str, Image.Image], Answer]] = {
    "probe": _probe,
    "decode": _decode,
    "pixels": _pixels,
    "preview": _preview,
}


def _header(name: str, image: Image.Image) -> Header:
    tags = exif.read_exif(image)
    width, height = pictures.upright_size(name, image, exif.orientation(tags))
    values = exif.allowed(tags)
    rating = None if "rating" in values else exif.xmp_rating(image, tags)
    if rating is not None:
        values["rating"] = rating
    return {
        "format": name,
        "width": width,
        "height": height,
        "taken_at": values.get("taken_at"),
        "exif": values,
    }


def _rendition(name: str, image: Image.Image, side: int) -> Image.Image:
    orientation = exif.orientation(exif.read_exif(image))
    return pictures.rendition(name, image, orientation, side)


def _pixels_size(image: Image.Image) -> Header:
    return {"pixels_width": image.width, "pixels_height": image.height}


def _encoded(image: Image.Image, format_name: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
