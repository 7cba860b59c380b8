"""The bytes of photos, to their owner only."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from gallery import files
from gallery.decoders import web_pool
from gallery.decoding import DecodeError, PoolBusy
from gallery.decoding.results import FORMATS
from gallery.middleware import RETRY_SECONDS
from gallery.models import Photo
from gallery.views import PageRequest
from gallery.views.pages import own

# Renditions never change: a photo's id names one file for ever. They are private to a person,
# so no shared cache may keep them.
FOR_EVER = "private, max-age=31536000, immutable"
_SOON = "private, max-age=2"


@require_safe
@login_required
def thumbnail(request: PageRequest, photo_id: uuid.UUID) -> HttpResponseBase:
    """The 512 px WebP; 404 for a moment while it is not made yet."""
    return thumbnail_of(request, own(request, photo_id))


@require_safe
@login_required
def preview(request: PageRequest, photo_id: uuid.UUID) -> HttpResponseBase:
    """The 1440 px JPEG, made in a decoder child when it is first looked at."""
    return preview_of(request, own(request, photo_id))


def thumbnail_of(request: PageRequest, row: Photo, *, cache: str = FOR_EVER) -> HttpResponseBase:
    """Answer with the thumbnail of a photo that the asking user may see."""
    return _rendition(request, files.thumbnail(row.pk), "image/webp", cache)


def preview_of(request: PageRequest, row: Photo, *, cache: str = FOR_EVER) -> HttpResponseBase:
    """Answer with the preview of a photo that the asking user may see."""
    path = files.preview(row.pk)
    if path.exists():
        return _rendition(request, path, "image/jpeg", cache)
    try:
        data = web_pool().preview(files.original(row))
    except PoolBusy:
        return HttpResponse(status=503, headers={"Retry-After": RETRY_SECONDS})
    except (DecodeError, OSError):
        raise Http404 from None
    _keep_preview(path, row, data)
    headers = {"Cache-Control": cache, "ETag": _etag(path)}
    return HttpResponse(data, content_type="image/jpeg", headers=headers)


def _keep_preview(path: Path, row: Photo, data: bytes) -> None:
    """Store a preview unless the disk is nearly full; never for a photo that was just deleted."""
    try:
        files.require_free_space(len(data))
        files.write_atomically(path, data)
    except (files.StorageFull, OSError):
        return
    if not Photo.objects.kept().filter(pk=row.pk).exists():
        path.unlink(missing_ok=True)


@require_safe
@login_required
def original(request: PageRequest, photo_id: uuid.UUID) -> HttpResponseBase:
    """The file as it was uploaded, for download; sandboxed in case a browser opens it."""
    row = own(request, photo_id)
    path = files.original(row)
    _, kind = FORMATS.get(row.format, ("", "application/octet-stream"))
    response = _file(request, path, kind, cache="private, max-age=3600", name=row.name)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _rendition(request: PageRequest, path: Path, kind: str, cache: str) -> HttpResponseBase:
    if not path.exists():
        missing = HttpResponse(status=404, headers={"Cache-Control": _SOON})
        # Expected while a photo is being prepared, so it is no line in the log.
        missing._has_been_logged = True  # type: ignore[attr-defined]
        return missing
    return _file(request, path, kind, cache=cache)


def _file(
    request: PageRequest, path: Path, kind: str, *, cache: str, name: str = ""
) -> HttpResponseBase:
    """Answer with a file, with nothing if the browser has it already, or with its headers."""
    etag = _etag(path)
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
    """The name holds the photo's id and the folder the rendition; neither ever changes content."""
    return f'"{path.parent.parent.name}-{path.stem}"'


def _size(path: Path) -> str:
    try:
        return str(path.stat().st_size)
    except OSError:
        raise Http404 from None
