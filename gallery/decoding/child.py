"""The decoder child: a program that answers one job after another until its parent goes.

`process.Child` starts it as `python -m gallery.decoding.child CONFIG`. CONFIG is JSON with the
parent's process id and the limits. Jobs and answers are frames (`gallery.decoding.frames`).

Linux enforces all limits. Where a limit does not exist (macOS refuses RLIMIT_AS, Windows has
none at all), the child runs without it, and the parent's wall clock remains.
"""

from __future__ import annotations

import ctypes
import gc
import io
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from gallery.decoding import faults, live_photos, pictures
from gallery.decoding.answers import PREVIEW_SIDE, THUMBNAIL_SIDE, DecodeError
from gallery.decoding.frames import Header, read_frame, write_frame
from gallery.decoding.pictures import LARGE_PIXELS, Limits, Opened
from gallery.decoding.rendition import WHOLE, perceptual_hash
from gallery.sidecars import BadSidecar, Sidecar, aae, takeout, xmp

try:
    import resource
except ImportError:  # pragma: no cover - Windows
    resource = None  # type: ignore[assignment]

Answer = tuple[Header, list[bytes]]

_MAX_FILES = 32
# Children write nothing, but Python may cache the byte code of a plug-in that loads late.
_MAX_FILE_BYTES = 1 << 20
_UNLIMITED = -1  # RLIM_INFINITY
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Confine this process, report that it is ready, and answer jobs until the pipe ends."""
    config: dict[str, Any] = json.loads(sys.argv[1])
    die_with(config["parent"])
    # Libraries print to standard output; only frames may reach the parent there.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    pictures.configure_pillow(config["max_pixels"])
    confine(config["memory_bytes"], config["nice"])
    limits = Limits(config["max_pixels"], config["memory_bytes"])
    gc.freeze()
    write_frame(answers, {"ready": True})
    while True:
        try:
            job, _ = read_frame(sys.stdin.buffer.read)
        except EOFError:
            return
        allow_cpu(config["cpu_seconds"])
        faults.provoke(job, answers)
        write_frame(answers, *answer(job, limits, lambda: _ask_for_time(answers, config)))


def confine(memory_bytes: int, nice: int) -> None:
    """Set the limits of this process for the rest of its life."""
    _limit("RLIMIT_AS", memory_bytes)
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_NOFILE", _MAX_FILES)
    _limit("RLIMIT_FSIZE", _MAX_FILE_BYTES)
    if nice:
        os.nice(nice)


def allow_cpu(seconds: int) -> None:
    """Let this process use that many more seconds of CPU; SIGXCPU ends it after them."""
    _limit("RLIMIT_CPU", int(time.process_time()) + 1 + seconds, hard=_UNLIMITED)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` (a process id) ends, however it ends."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        except (OSError, AttributeError):  # pragma: no cover - an unusual C library
            return
    # The parent may have ended before the kernel was asked to watch it.
    if os.getppid() != parent:
        os._exit(0)


def _limit(name: str, soft: int, *, hard: int | None = None) -> None:
    """Set a limit, the hard one as the soft one if not given, where the platform has it."""
    if resource is not None and hasattr(resource, name):
        # The platform may refuse, or a lower hard limit may apply already.
        with suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (soft, soft if hard is None else hard))


def _ask_for_time(answers: BinaryIO, config: dict[str, Any]) -> None:
    """Take the longer time that a large picture may take, here and in the parent."""
    allow_cpu(config["large_cpu_seconds"])
    write_frame(answers, {"large": True})


def answer(job: Header, limits: Limits, ask_for_time: Callable[[], None]) -> Answer:
    """Do one job; whatever goes wrong becomes an answer with a reason.

    `ask_for_time` is called when the header says that the picture is large.
    """
    try:
        if job["kind"] in _JOBS_BESIDE:
            return _JOBS_BESIDE[job["kind"]](Path(job["path"]))
        with pictures.open_picture(Path(job["path"]), limits) as picture:
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
    except FileNotFoundError:
        return _refuse("missing_original", "gone")
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
    header |= {
        "flaw": picture.flaw,
        "phash": perceptual_hash(small),
        "colour": f"#{red:02x}{green:02x}{blue:02x}",
        **_pixels_size(small),
    }
    return header, [_encode(small, "WEBP", quality=80, method=2), small.tobytes()]


def _pixels(picture: Opened, side: int = THUMBNAIL_SIDE, box: Sequence[float] = WHOLE) -> Answer:
    small = picture.rendition(side, tuple(box))
    return _pixels_size(small), [small.tobytes()]


def _preview(picture: Opened) -> Answer:
    return {}, [_encode(picture.rendition(PREVIEW_SIDE), "JPEG", quality=82)]


def _video(picture: Opened) -> Answer:
    start, end = picture.video or (0, 0)
    return {"start": start, "end": end}, []


_JOBS: dict[str, Callable[..., Answer]] = {
    "probe": lambda picture: (_header(picture), []),
    "decode": _decode,
    "pixels": _pixels,
    "part": _pixels,
    "preview": _preview,
    "video": _video,
}


def _sidecar(read: Callable[[Path], Sidecar]) -> Callable[[Path], Answer]:
    return lambda path: ({}, [json.dumps(read(path).to_json()).encode()])


_JOBS_BESIDE: dict[str, Callable[[Path], Answer]] = {
    "film": lambda path: (live_photos.read_film(path), []),
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
