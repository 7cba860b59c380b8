"""Uploading a file in pieces, by tus 1.0: core, creation, termination and expiration.

The request with the last byte is answered as `POST /photos` is, since that answer says whether the
file was taken in. https://tus.io/protocols/resumable-upload
"""

from __future__ import annotations

import binascii
import uuid
from base64 import b64decode
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from ninja import Router

from gallery import companions, partial_uploads
from gallery.api.errors import ErrorOut
from gallery.api.photos import UploadOut, neighbours, require_owner, upload_out
from gallery.companion_names import Neighbours
from gallery.logs.log_context import note_photo
from gallery.metrics.stages import UPLOADS
from gallery.partial_uploads import PartialUpload
from gallery.uploads import require_length
from gallery.user_errors import UserError

router = Router(tags=["uploads"])

VERSION = "1.0.0"
PIECE_TYPE = "application/offset+octet-stream"
_EXTENSIONS = "creation,termination,expiration"
_READ = 1 << 20
_ERRORS = frozenset({400, 401, 403, 404, 409, 411, 412, 413, 415, 423, 503, 507})
_PIECE = {"requestBody": {"content": {PIECE_TYPE: {}}, "required": True}}


@router.post("/uploads", response={201: None, _ERRORS: ErrorOut})
def begin(request: HttpRequest, owner: int | None = None) -> HttpResponse:
    """Begin an upload of `Upload-Length` bytes; `Location` is where its pieces go.

    `Upload-Metadata` tells the `filename`, and `beside` as `POST /photos` takes it. With `owner`,
    the id of an account, it is refused if another account is signed in by now.
    """
    _require_version(request)
    require_owner(request, owner)
    told = _metadata(request.headers.get("Upload-Metadata", ""))
    beside = told.get("beside", "")
    neighbours(beside)  # Nonsense is refused before anything is sent.
    length = _whole(request, "Upload-Length")
    upload = partial_uploads.begin(_user(request), length, told.get("filename", ""), beside)
    answer = _answer(upload, 201)
    answer["Location"] = reverse("api:partial-upload", args=[upload.id])
    return answer


@router.api_operation(["OPTIONS"], "/uploads", response={204: None}, include_in_schema=False)
def describe(request: HttpRequest) -> HttpResponse:
    """Tell what of the protocol is spoken."""
    headers = {"Tus-Resumable": VERSION, "Tus-Version": VERSION, "Tus-Extension": _EXTENSIONS}
    return HttpResponse(status=204, headers=headers)


@router.api_operation(
    ["HEAD"],
    "/uploads/{uuid:upload_id}",
    response={200: None, _ERRORS: ErrorOut},
    url_name="partial-upload",
)
def look(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Tell by `Upload-Offset` how many bytes have arrived."""
    upload = _find(request, upload_id)
    answer = _answer(upload, 200)
    answer["Upload-Length"] = str(upload.length)
    return answer


@router.patch(
    "/uploads/{uuid:upload_id}",
    response={frozenset({200, 201}): UploadOut, 204: None, _ERRORS: ErrorOut},
    openapi_extra=_PIECE,
)
def receive(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Add the body at `Upload-Offset`: 204, and after the last byte the answer of `POST /photos`.

    Where that answer was lost, or was that nothing could be taken in just then, send the same
    request again with no bytes and the whole length as its offset.
    """
    upload = _find(request, upload_id)
    has_body = request.META.get("CONTENT_LENGTH", "") not in {"", "0"}
    if has_body and request.content_type != PIECE_TYPE:
        told = _("A piece is sent as %(type)s.") % {"type": PIECE_TYPE}
        raise UserError(told, code="bad_request", status=415)
    require_length(request)
    offset = _whole(request, "Upload-Offset")
    taken = partial_uploads.receive(upload, offset, _body(request), partial(_take_in, request.user))
    if taken is None:
        return _answer(upload, 204)
    status = 200 if taken["duplicate"] else 201
    return JsonResponse(taken, status=status, headers=_headers(upload.length))


@router.delete("/uploads/{uuid:upload_id}", response={204: None, _ERRORS: ErrorOut})
def discard(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Take an upload back; a photo that it became stays."""
    partial_uploads.discard(_find(request, upload_id))
    return HttpResponse(status=204, headers={"Tus-Resumable": VERSION})


def _take_in(user: Any, upload: PartialUpload) -> dict[str, Any]:
    """Take in a file that is whole; return what the request with its last byte is answered."""
    with UPLOADS.time():
        beside: Neighbours = neighbours(upload.beside)
        result = companions.take_in(user, Path(upload.path), upload.name, beside=beside)
    note_photo(result.photo.pk)
    return upload_out(result).model_dump(mode="json")


def _find(request: HttpRequest, upload_id: uuid.UUID) -> PartialUpload:
    # Whose it is comes first: the version must not tell which uploads there are.
    upload = partial_uploads.find(_user(request), upload_id)
    _require_version(request)
    return upload


def _user(request: HttpRequest) -> int:
    user_id: int = request.user.pk  # type: ignore[assignment]  # the API knows who asks
    return user_id


def _require_version(request: HttpRequest) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        told = _("The gallery speaks version %(version)s of tus. Send it as Tus-Resumable.")
        raise UserError(told % {"version": VERSION}, code="bad_version", status=412)


def _whole(request: HttpRequest, name: str) -> int:
    value = request.headers.get(name, "")
    if not (value.isascii() and value.isdecimal() and len(value) < 20):
        told = _("The header %(name)s is not a number of bytes.") % {"name": name}
        raise UserError(told, code="bad_parameter")
    return int(value)


def _metadata(header: str) -> dict[str, str]:
    """Return what a header tells: names, each with a text in Base64."""
    try:
        pairs = (pair.strip().partition(" ") for pair in header.split(",") if pair.strip())
        return {name: b64decode(value, validate=True).decode() for name, _space, value in pairs}
    except (binascii.Error, ValueError):
        told = _("The header Upload-Metadata is not a list of names and values in Base64.")
        raise UserError(told, code="bad_parameter") from None


def _body(request: HttpRequest) -> Iterator[bytes]:
    """Yield the body of a request without holding all of it in memory."""
    while piece := request.read(_READ):
        yield piece


def _answer(upload: PartialUpload, status: int) -> HttpResponse:
    headers = _headers(upload.offset)
    headers["Upload-Expires"] = http_date(upload.touched + partial_uploads.KEPT.total_seconds())
    return HttpResponse(status=status, headers=headers)


def _headers(offset: int) -> dict[str, str]:
    return {"Tus-Resumable": VERSION, "Upload-Offset": str(offset), "Cache-Control": "no-store"}
