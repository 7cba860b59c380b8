"""The bytes of photos that are shared: small pictures, downloads, and everything as a ZIP."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from functools import partial

from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.http.request import HttpRequest
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from gallery import files
from gallery.decoders import web_decoders
from gallery.decoding import DecodeError, PoolBusy
from gallery.decoding.answers import FORMATS
from gallery.models import Companion, Photo
from gallery.names import clean_file_name
from gallery.sharing.zip_stream import Entry, Missing
from gallery.user_errors import RETRY_SECONDS
from gallery.views import archives, media
from gallery.views.archives import Entries
from gallery.views.audiences import BRIEFLY, Room, for_audience

_BUSY_TRIES, _BUSY_SECONDS = 5, 2.0


@require_safe
@for_audience
def thumbnail(request: HttpRequest, room: Room, photo_id: uuid.UUID) -> HttpResponseBase:
    """The thumbnail of a photo that is shared, the small one for `side=320`."""
    return media.thumbnail_of(request, room.photo(photo_id), cache=BRIEFLY)


@require_safe
@for_audience
def preview(request: HttpRequest, room: Room, photo_id: uuid.UUID) -> HttpResponseBase:
    """The 1440 px JPEG of a photo that is shared, without any details in it."""
    return media.preview_of(request, room.photo(photo_id), cache=BRIEFLY)


@require_safe
@for_audience
def download(request: HttpRequest, room: Room, photo_id: uuid.UUID) -> HttpResponseBase:
    """The original, or where only pictures are handed out a JPEG that holds pixels alone."""
    if not room.audience.gives_pictures:
        raise Http404
    photo = room.photo(photo_id)
    response = _original(room, photo) if room.audience.gives_originals else _clean(room, photo)
    response["Cache-Control"] = BRIEFLY
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_safe
@for_audience
def video(request: HttpRequest, room: Room, photo_id: uuid.UUID) -> HttpResponseBase:
    """The short video of a motion or Live Photo, where originals are handed out.

    Nothing is taken out of a video: it holds the place and the camera as the original does.
    """
    if not room.audience.gives_originals:
        raise Http404
    photo = room.photo(photo_id)
    asker = ("guests", photo.owner_id)
    return media.video_of(request, photo, asker=asker, cache=BRIEFLY)


def _original(room: Room, photo: Photo) -> HttpResponseBase:
    _, kind = FORMATS.get(photo.format, ("", "application/octet-stream"))
    try:
        file = files.original(photo).open("rb")
    except OSError:
        raise Http404 from None
    name = file_name(room, photo)
    return FileResponse(file, content_type=kind, as_attachment=True, filename=name)


def _clean(room: Room, photo: Photo) -> HttpResponseBase:
    try:
        data = clean_picture(photo)
    except PoolBusy:
        return HttpResponse(status=503, headers={"Retry-After": RETRY_SECONDS})
    except (DecodeError, OSError):
        raise Http404 from None
    said = content_disposition_header(as_attachment=True, filename=file_name(room, photo)) or ""
    headers = {"Content-Disposition": said}
    return HttpResponse(data, content_type="image/jpeg", headers=headers)


def clean_picture(photo: Photo) -> bytes:
    """Return a photo as a JPEG of its pixels alone; raises what `DecoderPool.picture` does."""
    with files.find_original(photo).unchanged() as path:
        return web_decoders(("guests", photo.owner_id)).picture(path, owner=photo.owner_id)


def file_name(room: Room, photo: Photo) -> str:
    """Return what a downloaded photo is called; without names, after its id."""
    originals = room.audience.gives_originals
    plain = f"photo-{photo.pk.hex[:8]}.{photo.extension if originals else 'jpg'}"
    if not room.audience.shows_names:
        return plain
    name = clean_file_name(photo.name)
    stem = name.rpartition(".")[0] or name
    return (name if originals else f"{stem}.jpg" if stem else "") or plain


# --- everything at once ---------------------------------------------------------------------------


@require_safe
@for_audience
def archive(request: HttpRequest, room: Room) -> HttpResponseBase:
    """All photos of the room as a ZIP, made while it is sent."""
    if not room.audience.gives_pictures:
        raise Http404
    name = clean_file_name(room.audience.shared.name) or "photos"
    sent = archives.send(request, name, entries(room))
    if sent is None:
        response = render(request, "shared/busy.html", {"room": room}, status=503)
        response["Retry-After"] = "30"
        return response
    return sent


def entries(room: Room) -> Entries:
    """Yield what makes the entries of an archive, the oldest photo first.

    It ends where the room is closed meanwhile, or gives less than it did.
    """
    photos = Photo.objects.visible_to(room.audience).order_by("shown_at", "pk")
    for photo_id, motion in list(photos.values_list("pk", "motion")):
        has_video = motion == Photo.Motion.BESIDE
        for entry in (_entry, _video_entry) if has_video else (_entry,):
            now = room.again()
            if now is None or not now.audience.gives_pictures:
                return
            photo = Photo.objects.visible_to(now.audience).filter(pk=photo_id).first()
            if photo is not None:
                yield partial(entry, now, photo)


def _entry(room: Room, photo: Photo) -> Entry:
    name = file_name(room, photo)
    try:
        if room.audience.gives_originals:
            return archives.entry(name, photo, files.original(photo))
        data = _patiently(photo)
    except (DecodeError, PoolBusy, OSError):
        raise Missing(name) from None
    return Entry(name, photo.local_time, [data], len(data))


def _video_entry(room: Room, photo: Photo) -> Entry | None:
    """The video beside a Live Photo, named as its picture is, where originals are handed out."""
    beside = photo.companions.filter(kind=Companion.Kind.VIDEO).first()
    if beside is None or not room.audience.gives_originals:
        return None
    name = f"{file_name(room, photo).rpartition('.')[0]}.{beside.extension}"
    return archives.entry(name, photo, files.companion(beside))


def _patiently(photo: Photo) -> bytes:
    """Return the clean picture, waiting while the decoders are busy with what people wait for."""
    for _attempt in range(_BUSY_TRIES):
        with suppress(PoolBusy):
            return clean_picture(photo)
        time.sleep(_BUSY_SECONDS)
    raise PoolBusy("the decoders are busy")
