"""The model part of the API, for administrators: choose a folder, download or upload a model."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field, WithJsonSchema

from gallery import model_change
from gallery.administrators import require_administrator
from gallery.api.described import text, whole
from gallery.api.errors import ErrorOut, In
from gallery.sentences import told
from search.vectors.embedders import downloads, folders, received
from search.vectors.embedders.catalog import RecommendedModel
from search.vectors.embedders.received import MAX_FILES, MAX_WEIGHT_BYTES, PIECE_BYTES

router = Router(tags=["model"])
_ERRORS = frozenset({400, 401, 403, 404, 409, 413, 507})
_READ = 256 * 1024


class FolderIn(In):
    """The whole path of a folder on the server."""

    folder: str


_SIZE = {"type": "integer", "minimum": 1, "maximum": MAX_WEIGHT_BYTES}


class FileIn(In):
    """A file that is going to be uploaded, and its size in bytes."""

    name: Annotated[str, text(f"^(?:{received.NAMES})$")]
    size: Annotated[int, *whole(), WithJsonSchema(_SIZE)]


class FilesIn(In):
    """All files of one model."""

    files: Annotated[list[FileIn], Field(min_length=1, max_length=MAX_FILES)]


class ModelOut(Schema):
    """The model that was chosen; the workers take it up within seconds."""

    key: str
    title: str


class ModelUploadOut(Schema):
    """An upload that has begun, and how many bytes one request may carry."""

    id: uuid.UUID
    piece_bytes: int


class DownloadIn(In):
    """The key of a recommended model."""

    key: str


class DownloadOut(Schema):
    """The download that is asked for; `problem` is a sentence, empty while it waits or runs.

    Sizes are in bytes, and `total` is 0 until it is known.
    """

    key: str
    title: str
    received: int
    total: int
    seconds_left: int | None
    problem: str


class DownloadsOut(Schema):
    """The download that is asked for, or null."""

    download: DownloadOut | None


class PieceIn(Schema):
    """The file that a piece belongs to, and where in it."""

    name: Annotated[str, text(f"^(?:{received.NAMES})$")]
    offset: Annotated[int, Field(ge=0)]


class ReceivedOut(Schema):
    """How many bytes of a file are here."""

    received: int


@router.put("/model", response={200: ModelOut, _ERRORS: ErrorOut})
def choose(request: HttpRequest, body: FolderIn) -> ModelOut:
    """Choose the recommended model whose weights a folder on the server holds."""
    _require_choice(request)
    model, folder = folders.inspect(body.folder)
    model_change.release_holds()
    folders.choose(model, folder)
    return _model_out(model)


@router.delete("/model", response={204: None, _ERRORS: ErrorOut})
def choose_automatically(request: HttpRequest) -> HttpResponse:
    """Take back the choice, so that Scry chooses the model."""
    _require_choice(request)
    model_change.release_holds()
    folders.choose_automatically()
    return HttpResponse(status=204)


@router.get("/model/download", response={200: DownloadsOut, _ERRORS: ErrorOut})
def get_download(request: HttpRequest) -> DownloadsOut:
    """Return how far the download of a model is."""
    require_administrator(request.user)
    found = downloads.current()
    return DownloadsOut(download=_download_out(found) if found else None)


@router.post("/model/download", response={202: ModelOut, _ERRORS: ErrorOut})
def download(request: HttpRequest, body: DownloadIn) -> Status[ModelOut]:
    """Have a worker download a recommended model and choose it; one that is here is chosen now."""
    _require_choice(request)
    return Status(202, _model_out(downloads.ask_for(body.key)))


@router.delete("/model/download", response={204: None, _ERRORS: ErrorOut})
def cancel_download(request: HttpRequest) -> HttpResponse:
    """Cancel the download, and remove what is here of it."""
    require_administrator(request.user)
    downloads.cancel()
    return HttpResponse(status=204)


@router.post("/model/uploads", response={201: ModelUploadOut, _ERRORS: ErrorOut})
def begin(request: HttpRequest, body: FilesIn) -> Status[ModelUploadOut]:
    """Begin to upload the files of a model."""
    _require_choice(request)
    upload_id = received.begin({file.name: file.size for file in body.files})
    return Status(201, ModelUploadOut(id=upload_id, piece_bytes=PIECE_BYTES))


@router.put(
    "/model/uploads/{uuid:upload_id}",
    response={200: ReceivedOut, _ERRORS: ErrorOut},
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
)
def append(request: HttpRequest, upload_id: uuid.UUID, piece: Query[PieceIn]) -> ReceivedOut:
    """Add the request's body, `application/octet-stream`, to a file of the upload."""
    _require_choice(request)
    size = received.append(upload_id, piece.name, piece.offset, _body(request))
    return ReceivedOut(received=size)


@router.post("/model/uploads/{uuid:upload_id}/finish", response={200: ModelOut, _ERRORS: ErrorOut})
def finish(request: HttpRequest, upload_id: uuid.UUID) -> ModelOut:
    """Check the uploaded files, put them in their place, and choose their model."""
    _require_choice(request)
    model = received.finish(upload_id)
    model_change.release_holds()
    return _model_out(model)


@router.delete("/model/uploads/{uuid:upload_id}", response={204: None, _ERRORS: ErrorOut})
def discard(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Remove an upload that is not finished."""
    require_administrator(request.user)
    received.discard(upload_id)
    return HttpResponse(status=204)


def _require_choice(request: HttpRequest) -> None:
    """Raise an error unless this person may choose the model, and there is a choice."""
    require_administrator(request.user)
    folders.require_choice()


def _body(request: HttpRequest) -> Iterator[bytes]:
    """Yield the body of a request without holding all of it in memory."""
    while piece := request.read(_READ):
        yield piece


def _download_out(found: downloads.Download) -> DownloadOut:
    return DownloadOut(
        key=found.model.key,
        title=found.model.title,
        received=found.received,
        total=found.total,
        seconds_left=found.seconds_left,
        problem=told(found.problem),
    )


def _model_out(model: RecommendedModel) -> ModelOut:
    return ModelOut(key=model.key, title=model.title)
