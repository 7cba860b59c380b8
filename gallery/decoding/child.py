"""The decoder child: a program that answers one job after another until its parent goes.

`process.Child` starts it as `python -m gallery.decoding.child CONFIG`. CONFIG is JSON with the
parent's process id and the limits. Jobs and answers are frames (`gallery.decoding.frames`). With
each job comes the open file that it is about: the child knows no path, and could open none.

Linux enforces all limits and layers. Where one does not exist (macOS refuses RLIMIT_AS and has no
seccomp), the child runs without it, and the parent's clocks remain.
"""

from __future__ import annotations

import gc
import io
import json
import math
import os
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from gallery.decoding import confinement, faults, libraries, live_photos, pictures
from gallery.decoding.answers import (
    PICTURE_SIDE,
    PREVIEW_SIDE,
    SMALL_SIDE,
    THUMBNAIL_SIDE,
    DecodeError,
)
from gallery.decoding.frames import Header, Receiver, read_frame, write_frame
from gallery.decoding.handed_file import HandedFile
from gallery.decoding.pictures import LARGE_PIXELS, Limits, Opened
from gallery.decoding.rendition import WHOLE, perceptual_hash
from gallery.sidecars import BadSidecar, Sidecar, aae, takeout, xmp

Answer = tuple[Header, list[bytes]]

_LATER = Image.new("L", (0, 0))


def main() -> None:
    """Confine this process, report that it is ready, and answer jobs until the pipe ends."""
    config: dict[str, Any] = json.loads(sys.argv[1])
    confinement.die_with(config["parent"])
    # Libraries print to standard output; only frames may reach the parent there.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    receiver = Receiver(socket.socket(fileno=0))
    pictures.configure_pillow(config["max_pixels"])
    libraries.load(config["libraries"])
    faults.prepare()
    confinement.limit(config["memory_bytes"], config["life_cpu_seconds"], config["nice"])
    limits = Limits(config["max_pixels"], config["memory_bytes"])
    gc.freeze()
    layers = confinement.confine(config["layers"])
    write_frame(answers, {"ready": True, "layers": layers})
    while True:
        try:
            job, _ = read_frame(receiver.read)
        except EOFError:
            return
        file = HandedFile(receiver.take_descriptor())
        _allow_cpu(config["cpu_seconds"])
        reply = faults.provoke(job, file, answers)
        reply = reply or answer(job, file, limits, lambda: _ask_for_time(answers, config))
        file.close()
        write_frame(answers, *reply)


def _allow_cpu(seconds: int) -> None:
    """Limit the CPU time of a job where the parent cannot do it for this process."""
    if sys.platform != "linux":
        confinement.allow_cpu(seconds)


def _ask_for_time(answers: BinaryIO, config: dict[str, Any]) -> None:
    """Take the longer time that a large picture may take, here and in the parent."""
    _allow_cpu(config["large_cpu_seconds"])
    write_frame(answers, {"large": True})


def answer(
    job: Header, file: HandedFile, limits: Limits, ask_for_time: Callable[[], None]
) -> Answer:
    """Do one job on a file; whatever goes wrong becomes an answer with a reason.

    `ask_for_time` is called when the header says that the picture is large.
    """
    try:
        if job["kind"] in _JOBS_BESIDE:
            with file.open() as stream:
                return _JOBS_BESIDE[job["kind"]](stream)
        with pictures.open_picture(file, limits) as picture:
            if math.prod(picture.size()) > LARGE_PIXELS:
                ask_for_time()
            return _JOBS[job["kind"]](picture, *job.get("details", ()))
    except DecodeError as error:
        return _refuse(error.reason, error.detail)
    except BadSidecar as error:
        return _refuse("bad_companion", str(error))
    except MemoryError:
        return _refuse("decode_oom", "no memory")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return _refuse("too_many_pixels", str(error))
    except UnidentifiedImageError:
        return _refuse("corrupt", "only the first bytes are those of a picture")
    except Exception as error:  # noqa: BLE001 - damaged pictures make Pillow raise anything
        return _refuse("corrupt", f"{type(error).__name__}: {error}")


def _refuse(reason: str, detail: str) -> Answer:
    return {"reason": reason, "detail": detail[:300]}, []


def _decode(picture: Opened) -> Answer:
    header = _header(picture)
    small = picture.rendition(THUMBNAIL_SIDE)
    red, green, blue = small.resize((1, 1), Image.Resampling.BOX).tobytes()
    sheet = _cheap_squares(picture)
    header |= {
        "flaw": picture.flaw,
        "phash": perceptual_hash(small),
        "colour": f"#{red:02x}{green:02x}{blue:02x}",
        **_pixels_size(small),
        **(_sheet_size(sheet) if sheet is not _LATER else {}),
    }
    thumbnail = _encode(small, "WEBP", quality=80, method=0)
    return header, [thumbnail, _smaller(small), small.tobytes(), sheet.tobytes() if sheet else b""]


def _smaller(thumbnail: Image.Image) -> bytes:
    """Return the small thumbnail, empty if the other one is as small."""
    if max(thumbnail.size) <= SMALL_SIDE:
        return b""
    scale = SMALL_SIDE / max(thumbnail.size)
    width, height = (max(round(side * scale), 1) for side in thumbnail.size)
    smaller = thumbnail.resize((width, height), Image.Resampling.HAMMING)
    return _encode(smaller, "WEBP", quality=75, method=2)


def _squares(picture: Opened) -> Answer:
    sheet = picture.squares()
    return _sheet_size(sheet), [sheet.tobytes() if sheet else b""]


def _cheap_squares(picture: Opened) -> Image.Image | None:
    """Return the squares, None if there are none, or _LATER where a later job has to read them."""
    if not picture.is_cheap_at_full_size():
        return _LATER
    try:
        return picture.squares()
    except Exception:  # noqa: BLE001 - damaged pictures make Pillow raise anything
        # The thumbnail was made, so the picture is not refused for this.
        return _LATER


def _sheet_size(sheet: Image.Image | None) -> Header:
    width, height = sheet.size if sheet else (0, 0)
    return {"sheet_width": width, "sheet_height": height}


def _pixels(picture: Opened, side: int = THUMBNAIL_SIDE, box: Sequence[float] = WHOLE) -> Answer:
    small = picture.rendition(side, tuple(box))
    return _pixels_size(small), [small.tobytes()]


def _preview(picture: Opened) -> Answer:
    return {}, [_encode(picture.rendition(PREVIEW_SIDE), "JPEG", quality=82)]


def _picture(picture: Opened) -> Answer:
    return {}, [_encode(picture.rendition(PICTURE_SIDE), "JPEG", quality=90)]


def _video(picture: Opened) -> Answer:
    start, end = picture.video or (0, 0)
    return {"start": start, "end": end}, []


_JOBS: dict[str, Callable[..., Answer]] = {
    "probe": lambda picture: (_header(picture), []),
    "decode": _decode,
    "pixels": _pixels,
    "part": _pixels,
    "preview": _preview,
    "picture": _picture,
    "squares": _squares,
    "video": _video,
}


def _sidecar(read: Callable[[BinaryIO], Sidecar]) -> Callable[[BinaryIO], Answer]:
    return lambda file: ({}, [json.dumps(read(file).to_json()).encode()])


_JOBS_BESIDE: dict[str, Callable[[BinaryIO], Answer]] = {
    "film": lambda file: (live_photos.read_film(file), []),
    "xmp": _sidecar(xmp.read),
    "json": _sidecar(takeout.read),
    "aae": _sidecar(aae.read),
}
"""Jobs on the files that lie beside pictures."""


def _header(picture: Opened) -> Header:
    width, height = picture.size()
    values = picture.values()
    return {
        "format": picture.name,
        "width": width,
        "height": height,
        "taken_at": values.get("taken_at"),
        "exif": values,
        "flaw": picture.flaw,
        "has_video": picture.video is not None,
    }


def _pixels_size(image: Image.Image) -> Header:
    return {"pixels_width": image.width, "pixels_height": image.height}


def _encode(image: Image.Image, format_name: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
