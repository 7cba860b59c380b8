"""Receiving files: counted while they stream in, written once, refused early."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler

from gallery import files
from gallery.reasons import Reason
from gallery.user_errors import UserError


class Refused(UserError):
    """A file was refused. `reason` is the code, `status` the HTTP status that fits it."""

    STATUS = {
        Reason.TOO_LARGE: 413,
        Reason.TOO_MANY_PIXELS: 413,
        Reason.UNSUPPORTED_TYPE: 415,
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
            return f"The file is larger than {limit} MB, the limit here."
        if self.reason is Reason.TOO_MANY_PIXELS:
            limit = settings.MAX_PIXELS // 1_000_000
            return f"The picture has more than {limit} megapixels, the limit here."
        return str(self.reason.label)


class LimitedUploadHandler(TemporaryFileUploadHandler):
    """Streams each file to disk and stops at the size limit or when the disk fills up.

    A file that went over the limit is marked with `request.upload_refused`, because an upload
    that was stopped leaves an otherwise empty request behind.
    """

    def handle_raw_input(  # type: ignore[override] # the stubs say str, Django gives int
        self,
        input_data: Any,
        META: Any,  # noqa: N803 - Django names it so
        content_length: Any,
        boundary: bytes,
        encoding: str | None = None,
    ) -> None:
        """Note whether the disk could hold the request; nothing of it is parsed yet."""
        self.received = 0
        needed = settings.MIN_FREE_BYTES + max(content_length or 0, 0)
        self.too_full = files.free_bytes() < needed

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file, unless the disk could not hold it."""
        if self.too_full:
            self._stop(files.StorageFull())
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Write a chunk unless the request went over the limit with it."""
        self.received += len(raw_data)
        if self.received > settings.MAX_FILE_BYTES:
            self._stop(Refused(Reason.TOO_LARGE))
        try:
            return super().receive_data_chunk(raw_data, start)
        except OSError:
            self._stop(files.StorageFull())
            return None

    def _stop(self, why: Exception) -> None:
        if self.request is not None:
            self.request.upload_refused = why  # type: ignore[attr-defined]
        raise StopUpload(connection_reset=False)


def received_file(request: Any, field: str = "file") -> TemporaryUploadedFile:
    """Return the one uploaded file of a request.

    Raises what stopped the upload (`Refused`, `StorageFull`), or `Refused` when there is none.
    """
    upload: TemporaryUploadedFile | None = request.FILES.get(field)
    stopped = getattr(request, "upload_refused", None)
    if stopped is not None:
        raise stopped
    if upload is None or not upload.size:
        raise Refused(Reason.EMPTY)
    return upload
