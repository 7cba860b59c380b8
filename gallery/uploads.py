"""Receiving files: count the bytes while they stream in, write them once, refuse early."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from gallery import files, originals_marker
from gallery.names import clean_file_name
from gallery.reasons import Reason
from gallery.user_errors import UserError

_END_BYTES = 1024
"""How much of the end of a request is searched for the last boundary; little ever follows it."""


class Refused(UserError):
    """A file was refused. `reason` is the code, `status` the HTTP status that fits it."""

    STATUS = {
        Reason.TOO_LARGE: 413,
        Reason.TOO_MANY_PIXELS: 413,
        Reason.UNSUPPORTED_TYPE: 415,
        Reason.NO_PHOTO_FOR_COMPANION: 415,
        Reason.UNSUPPORTED_PIXELS: 415,
    }

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = Reason(reason)
        self.detail = detail
        status = self.STATUS.get(self.reason, 400)
        super().__init__(self._sentence(), code=self.reason.value, status=status)

    def _sentence(self) -> str:
        """Return the sentence for the person who sent the file."""
        if self.reason is Reason.TOO_LARGE:
            limit = settings.MAX_FILE_BYTES // (1024 * 1024)
            return _("The file is larger than the limit of %(limit)d MB.") % {"limit": limit}
        if self.reason is Reason.TOO_MANY_PIXELS:
            limit = settings.MAX_PIXELS // 1_000_000
            text = _(
                "The picture is larger than the limit of %(limit)d megapixels, which is lower for "
                "formats other than JPEG."
            )
            return text % {"limit": limit}
        return str(self.reason.label)


class _Parts(MultiPartParser):
    """Django's parser, but a file name comes as it was sent: Django's own drops joiners, emoji
    that are newer than Python, and everything that looks like an HTML entity.
    """

    def sanitize_file_name(self, file_name: str) -> str:
        return file_name


class _Body:
    """The bytes of a request as they are read, of which the last ones are remembered."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._end = b""

    def read(self, size: int) -> bytes:
        chunk: bytes = self._source.read(size)
        self._end = (self._end + chunk)[-_END_BYTES:]
        return chunk

    def is_whole(self, boundary: bytes) -> bool:
        """Tell whether the boundary that ends the last part was among the last bytes."""
        return b"--" + boundary + b"--" in self._end


class LimitedUploadHandler(TemporaryFileUploadHandler):
    """Streams each file to disk and stops at the size limit or when the disk fills up.

    A stopped upload leaves an empty request behind, so `request.upload_refused` says why.
    """

    _is_parsing = False

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803 - Django passes it by this name
        content_length: Any,
        boundary: Any,  # bytes, though the stubs say text
        encoding: str | None = None,
    ) -> tuple[QueryDict, MultiValueDict[str, Any]] | None:
        """Parse the request in Django's place; nothing is kept of one that broke off."""
        if self._is_parsing:
            return None
        self._is_parsing = True
        # Whether the disk has room is noted before anything is parsed.
        self.too_full = files.free_bytes() < settings.MIN_FREE_BYTES + max(content_length or 0, 0)
        body = _Body(input_data)
        # Only its `read` is asked for.
        parser = _Parts(META, body, [self], encoding)  # type: ignore[arg-type]
        try:
            post, sent = parser.parse()
        except Exception:
            self.upload_interrupted()
            raise
        if getattr(self.request, "upload_refused", None) or body.is_whole(boundary):
            return post, sent
        for file in _all_files(sent):
            file.close()
        self._refuse(_broken_off())
        return post, MultiValueDict()

    def new_file(self, field_name: str, file_name: str, *others: Any, **more: Any) -> None:
        """Begin a file, unless the disk has no room for it."""
        self.received = 0
        if self.too_full:
            self._stop(files.StorageFull())
        try:
            # The name on disk is made without the one that was sent, which may be too long for it.
            super().new_file(field_name, "file", *others, **more)
        except OSError:
            self._stop(why_not_stored())
        self.file.name = clean_file_name(file_name) or "photo"

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Write a chunk unless it takes the file over the limit."""
        self.received += len(raw_data)
        if self.received > settings.MAX_FILE_BYTES:
            self._stop(Refused(Reason.TOO_LARGE))
        try:
            return super().receive_data_chunk(raw_data, start)
        except OSError:
            self._stop(why_not_stored())
            return None

    def _stop(self, why: UserError) -> None:
        self._refuse(why)
        raise StopUpload(connection_reset=False)

    def _refuse(self, why: UserError) -> None:
        if self.request is not None:
            self.request.upload_refused = why  # type: ignore[attr-defined]


def why_not_stored() -> UserError:
    """Return why a file could not be written: the disk is not there, or full."""
    try:
        originals_marker.check()
    except originals_marker.OriginalsAway as away:
        return away
    return files.StorageFull()


def _all_files(sent: MultiValueDict[str, Any]) -> list[Any]:
    return [file for _field, those in sent.lists() for file in those]


def _broken_off() -> UserError:
    return UserError(
        _("The request was cut off before its end. Nothing was stored; send it again."),
        code="broken_off",
    )


def several_files() -> UserError:
    """Return the error of a request with more files than the one that it may hold."""
    return UserError(
        _("The request holds several files. Nothing was taken in; send each file on its own."),
        code="several_files",
    )


def received_file(request: Any, field: str = "file") -> TemporaryUploadedFile:
    """Return the one uploaded file of a request.

    Raises what stopped the upload (`Refused`, `CannotStore`), `Refused` if it is empty, and
    `UserError` if there is none in that field, or if there are several in any.
    """
    require_length(request)
    if len(_all_files(request.FILES)) > 1:
        raise several_files()
    stopped = getattr(request, "upload_refused", None)
    if stopped is not None:
        raise stopped
    upload: TemporaryUploadedFile | None = request.FILES.get(field)
    if upload is None:
        told = _("There is no file in the field `%(field)s`. Send one as multipart/form-data.")
        raise UserError(told % {"field": field}, code="no_file")
    if not upload.size:
        raise Refused(Reason.EMPTY)
    return upload


def require_length(request: Any) -> None:
    """Refuse a body whose length nobody said: some servers would show it as an empty one."""
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        told = _("The request does not say how long it is. Send it with a Content-Length.")
        raise UserError(told, code="no_length", status=411)
