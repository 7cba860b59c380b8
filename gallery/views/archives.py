"""Photos as a ZIP that is made while it is sent, of a share or of what somebody selected."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from gallery import files
from gallery.models import Companion, Photo, User
from gallery.names import clean_file_name
from gallery.sharing import zip_stream
from gallery.sharing.zip_stream import Entry, Missing
from gallery.views import PageRequest, uuids

ZIPS_AT_ONCE = 2
"""Archives that a process sends at the same time, for each keeps a thread as long as it lasts."""
_guests, _owners = (threading.BoundedSemaphore(ZIPS_AT_ONCE) for _kind in range(2))

Entries = Iterator[Callable[[], Entry | None]]
"""What makes the entries of an archive, each when its turn comes."""


def send(
    request: HttpRequest,
    name: str,
    entries: Entries,
    places: threading.BoundedSemaphore = _guests,
) -> HttpResponseBase | None:
    """Return the answer with an archive, or None if too many are being sent.

    Guests and owners have `places` of their own, so that neither waits for the other.
    """
    said = content_disposition_header(as_attachment=True, filename=f"{name}.zip") or ""
    headers = {"Content-Disposition": said}
    if request.method == "HEAD":
        return HttpResponse(content_type="application/zip", headers=headers)
    if not places.acquire(blocking=False):
        return None
    sent = _Sent(entries, places)
    return StreamingHttpResponse(sent, content_type="application/zip", headers=headers)


class _Sent:
    """The pieces of an archive; the place is free again when it was sent or given up."""

    def __init__(self, entries: Entries, places: threading.BoundedSemaphore) -> None:
        self._places = places
        self._pieces = zip_stream.stream(entries)
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        finally:
            self.close()

    def close(self) -> None:
        """Free the place, once."""
        if self._is_open:
            self._is_open = False
            self._pieces.close()  # type: ignore[attr-defined]
            self._places.release()


def entry(name: str, photo: Photo, path: Path) -> Entry:
    """Return a file as an entry with the date of its photo; raises `Missing`."""
    try:
        return Entry(name, photo.local_time, _read(path.open("rb")), path.stat().st_size)
    except OSError:
        raise Missing(name) from None


def _read(file: object) -> Iterator[bytes]:
    with file as stream:  # type: ignore[attr-defined]
        while piece := stream.read(zip_stream.PIECE):
            yield piece


# --- of what somebody selected --------------------------------------------------------------------


@require_POST
@login_required
def selection(request: PageRequest) -> HttpResponseBase:
    """The originals of the photos that a form names, with the videos of Live Photos."""
    ids = uuids(request.POST.get("photos", "").split(","))
    photos = Photo.objects.visible_to(request.user).filter(pk__in=ids)
    if not photos.exists():
        messages.error(request, _("These photos no longer exist."))
        return redirect("grid")
    name = f"Scry {timezone.localdate():%Y-%m-%d}"
    keys = list(photos.order_by("shown_at", "pk").values_list("pk", flat=True))
    sent = send(request, name, _originals(request.user, keys), _owners)
    if sent is None:
        messages.error(request, _("Too many downloads are under way. Try again in a minute."))
        return redirect("grid")
    return sent


def _originals(user: User, keys: Iterable[uuid.UUID]) -> Entries:
    """Yield what makes the entries; photos that went into the trash meanwhile are left out."""
    for key in keys:
        photo = Photo.objects.visible_to(user).filter(pk=key).first()
        if photo is None:
            continue
        name = clean_file_name(photo.name) or f"photo-{key.hex[:8]}.{photo.extension}"
        yield partial(entry, name, photo, files.original(photo))
        for beside in photo.companions.filter(kind=Companion.Kind.VIDEO):
            video = f"{name.rpartition('.')[0]}.{beside.extension}"
            yield partial(entry, video, photo, files.companion(beside))
