"""The bytes of photos, for their owner only: by session, or for programs by token."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
)
from django.shortcuts import get_object_or_404, render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from gallery import files, originals_marker
from gallery.api.errors import busy
from gallery.decoders import web_decoders
from gallery.decoding import DecodeError, PoolBusy
from gallery.decoding.answers import FORMATS, SMALL_SIDE
from gallery.folders import external
from gallery.models import Companion, Embedding, Photo
from gallery.views import PageRequest, get_photo
from gallery.views.bearer_tokens import session_or_token

# Renditions never change, because a photo's id always names the same file. They are private, so
# no shared cache may store them.
FOR_EVER = "private, max-age=31536000, immutable"
_SOON = "private, max-age=2"

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


@require_safe
@session_or_token
def thumbnail(request: PageRequest, photo_id: uuid.UUID) -> HttpResponseBase:
    """The 512 px WebP, or the 320 px one for `side=320` if there is one.

    204 until a worker has made it, and made again if it was lost.
    """
    return thumbnail_of(request, get_photo(request, photo_id))


@require_safe
@session_or_token
def preview(request: PageRequest, photo_id: uuid.UUID) -> HttpResponseBase:
    """The 1440 px JPEG, made in a decoder child when first requested."""
    return preview_of(request, get_photo(request, photo_id))


def thumbnail_of(request: HttpRequest, photo: Photo, *, cache: str = FOR_EVER) -> HttpResponseBase:
    """Answer with the thumbnail of a photo that the asking user may see."""
    small, path = files.small_thumbnail(photo.pk), files.thumbnail(photo.pk)
    wants_small = request.GET.get("side") == str(SMALL_SIDE)
    if wants_small and small.exists():
        return _rendition(request, small, "image/webp", cache)
    if path.exists():
        return _rendition(request, path, "image/webp", cache)
    if photo.decoded_at is None:
        return _being_made(photo)
    # The worker made one, which a backup leaves out.
    try:
        with files.find_original(photo).unchanged() as original_path:
            made = web_decoders(request.user.pk).decode(original_path, owner=photo.owner_id)
    except PoolBusy:
        return _busy(request)
    except (DecodeError, OSError):
        return _rendition(request, path, "image/webp", cache)
    if made.small:
        _store(small, photo, made.small)
    _store(path, photo, made.thumbnail)
    if wants_small and made.small:
        return _made(small, made.small, "image/webp", cache)
    return _made(path, made.thumbnail, "image/webp", cache)


def preview_of(request: HttpRequest, photo: Photo, *, cache: str = FOR_EVER) -> HttpResponseBase:
    """Answer with the preview of a photo that the asking user may see."""
    path = files.preview(photo.pk)
    if path.exists():
        return _rendition(request, path, "image/jpeg", cache)
    try:
        with files.find_original(photo).unchanged() as original_path:
            data = web_decoders(request.user.pk).preview(original_path, owner=photo.owner_id)
    except PoolBusy:
        return _busy(request)
    except (DecodeError, OSError):
        if photo.external:  # Its disk may be off, and the thumbnail is better than nothing.
            return _rendition(request, files.thumbnail(photo.pk), "image/webp", _SOON)
        raise Http404 from None
    _store(path, photo, data)
    return _made(path, data, "image/jpeg", cache)


def _being_made(photo: Photo) -> HttpResponse:
    """Say that there is no thumbnail yet, or never will be: only that is an error."""
    failed = Embedding.objects.states_of([photo])[photo.pk].state == "failed"
    answer = HttpResponse(status=404 if failed else 204, headers={"Cache-Control": _SOON})
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer


def _busy(request: HttpRequest) -> HttpResponse:
    """Say that too many pictures are read at once; browsers and programs come back."""
    response = busy(request, None)
    response["Cache-Control"] = "no-store"
    # Whoever asks for many pictures at once must not fill the log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _made(path: Path, data: bytes, kind: str, cache: str) -> HttpResponse:
    headers = {"Cache-Control": cache, "ETag": _etag(path)}
    return HttpResponse(data, content_type=kind, headers=headers)


def _store(path: Path, photo: Photo, data: bytes) -> None:
    """Store a rendition unless nothing can be stored or the photo was just deleted."""
    try:
        originals_marker.check()
        files.require_free_space(len(data))
        files.write_atomically(path, data)
    except (files.CannotStore, OSError):
        return
    if not Photo.objects.not_deleted().filter(pk=photo.pk).exists():
        path.unlink(missing_ok=True)


@require_safe
@session_or_token
def original(request: PageRequest, photo_id: uuid.UUID) -> HttpResponseBase:
    """The file as it was uploaded, for download; sandboxed in case a browser opens it."""
    photo = get_photo(request, photo_id)
    path = files.original(photo)
    if not path.exists():
        if kept := external.kept(photo):
            return _unreachable(request, kept)
        if originals_marker.is_away():
            return _without_disk(request)
    _, kind = FORMATS.get(photo.format, ("", "application/octet-stream"))
    etag = _external_etag(photo, path) if photo.external else _etag(path)
    cache = "private, no-cache" if photo.external else "private, max-age=3600"
    response = _file(request, path, kind, cache=cache, name=photo.name, etag=etag)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_safe
@session_or_token
def video(request: PageRequest, photo_id: uuid.UUID) -> HttpResponseBase:
    """The short video of a motion or Live Photo, or the range of its bytes that is asked for."""
    return video_of(request, get_photo(request, photo_id), asker=request.user.pk)


def video_of(
    request: HttpRequest, photo: Photo, *, asker: Hashable, cache: str = "private, max-age=3600"
) -> HttpResponseBase:
    """Answer with the video of a photo; `asker` takes turns with others for decoders."""
    try:
        path, place = _place_of_video(photo, asker)
    except PoolBusy:
        return _busy(request)
    except (DecodeError, OSError):
        if (kept := external.kept(photo)) and kept.sentence:
            return _unreachable(request, kept)
        raise Http404 from None
    response = _part_of(path, place, request.headers.get("Range", ""), "video/mp4")
    response["Cache-Control"] = cache
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _place_of_video(photo: Photo, asker: Hashable) -> tuple[Path, tuple[int, int]]:
    """Return the file that holds a photo's video, and where in it; raise Http404 without one.

    Raises the pool's exceptions, and OSError if the file is gone.
    """
    if photo.motion == Photo.Motion.INSIDE:
        path = files.original(photo)
        if (place := web_decoders(asker).video(path, owner=photo.owner_id)) is not None:
            return path, place
    beside = photo.companions.filter(kind=Companion.Kind.VIDEO).first()
    if beside is None:
        raise Http404
    path = files.companion(beside)
    return path, (0, path.stat().st_size)


@require_safe
@session_or_token
def companion(
    request: PageRequest, photo_id: uuid.UUID, companion_id: uuid.UUID
) -> HttpResponseBase:
    """A file that is kept with a photo, for download."""
    kept = get_photo(request, photo_id).companions.all()
    beside = get_object_or_404(kept, pk=companion_id)
    path, kind = files.companion(beside), "application/octet-stream"
    response = _file(request, path, kind, cache="private, max-age=3600", name=beside.name)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _rendition(request: HttpRequest, path: Path, kind: str, cache: str) -> HttpResponseBase:
    if not path.exists():
        missing = HttpResponse(status=404, headers={"Cache-Control": _SOON})
        # Expected while a photo is being prepared, so it should not be logged.
        missing._has_been_logged = True  # type: ignore[attr-defined]
        return missing
    return _file(request, path, kind, cache=cache)


def _file(
    request: HttpRequest, path: Path, kind: str, *, cache: str, name: str = "", etag: str = ""
) -> HttpResponseBase:
    """Answer with a file, or with the headers alone if the browser has it or asks for no more."""
    etag = etag or _etag(path)
    unchanged = get_conditional_response(request, etag=etag)
    response: HttpResponseBase
    if unchanged is not None:
        response = unchanged
    elif request.method == "HEAD":
        response = HttpResponse(content_type=kind, headers={"Content-Length": _size(path)})
    else:
        try:
            file = path.open("rb")
        except OSError:
            raise Http404 from None
        response = FileResponse(file, content_type=kind, as_attachment=bool(name), filename=name)
    response["Cache-Control"] = cache
    response["ETag"] = etag
    return response


def _etag(path: Path) -> str:
    """Return an ETag of the kind of file and the photo's id, which name the same bytes for ever."""
    return f'"{path.parent.parent.name}-{path.stem}"'


def _external_etag(photo: Photo, path: Path) -> str:
    """Return an ETag that changes with the file, to which its owner may write at any time."""
    try:
        status = path.stat()
    except OSError:
        raise Http404 from None
    return f'"original-{photo.pk}-{status.st_mtime_ns:x}-{status.st_size:x}"'


def _unreachable(request: HttpRequest, kept: external.Kept) -> HttpResponse:
    """Say that an original in an external folder is away (503) or missing (404)."""
    is_away = kept.state is external.State.AWAY
    response = render(request, "gallery/original_away.html", {"kept": kept})
    response.status_code = 503 if is_away else 404
    if is_away:
        response["Retry-After"] = str(int(external.AWAY_CHECK.total_seconds()))
    # A disk that is off is nobody's mistake, so it should not be logged.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _without_disk(request: PageRequest) -> HttpResponse:
    """Say that the disk with the originals is not there, which is no loss."""
    away = originals_marker.OriginalsAway()
    context = {"kept": {"sentence": away.message}}
    response = render(request, "gallery/original_away.html", context, status=away.status)
    response["Retry-After"] = away.retry_seconds
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _size(path: Path) -> str:
    try:
        return str(path.stat().st_size)
    except OSError:
        raise Http404 from None


# --- ranges of bytes (RFC 9110, 14.2), which players ask for --------------------------------------


def _part_of(path: Path, place: tuple[int, int], asked: str, kind: str) -> HttpResponseBase:
    """Answer with the bytes from `place[0]` to before `place[1]`, or with the range `asked` for.

    A header that asks for several ranges, or for nonsense, is left aside, as the standard allows.
    Raises Http404 when the file is gone.
    """
    start, end = place
    length = end - start
    first, last = _range(asked, length) or (0, length - 1)
    if first >= length:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{length}"})
    try:
        part = FilePart(path, start + first, last - first + 1)
    except OSError:
        raise Http404 from None
    response = FileResponse(part, content_type=kind)
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(last - first + 1)
    if (first, last) != (0, length - 1):
        response.status_code = 206
        response["Content-Range"] = f"bytes {first}-{last}/{length}"
    return response


def _range(asked: str, length: int) -> tuple[int, int] | None:
    """Return the first and the last byte that a header asks for, None for all."""
    match = _RANGE.fullmatch(asked.strip())
    if match is None or len(asked) > 60 or match[1] == match[2] == "":
        return None
    if not match[1]:
        return max(0, length - int(match[2])), length - 1
    last = min(int(match[2]), length - 1) if match[2] else length - 1
    first = int(match[1])
    return (first, last) if first <= last or first >= length else None


class FilePart(io.RawIOBase):
    """The bytes of a file from `start` on, read as if they were a file of their own.

    The web server sends such a file without keeping a thread, however slowly it is read.
    """

    def __init__(self, path: Path, start: int, length: int) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._start, self._length, self._at = start, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte of the part; return which one that is."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the part goes; return the number of bytes."""
        view = memoryview(buffer)[: max(self._length - self._at, 0)]
        self._file.seek(self._start + self._at)
        count = self._file.readinto(view)
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
