"""Receiving files: count the bytes while they stream in, write them once, refuse early."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler
from django.utils.translation import gettext as _

from gallery import files
from gallery.reasons import Reason
from gallery.user_errors import UserError


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


class LimitedUploadHandler(TemporaryFileUploadHandler):
    """Streams each file to disk and stops at the size limit or when the disk fills up.

    A stopped upload leaves an empty request behind, so `request.upload_refused` says why.
    """

    def handle_raw_input(
        self, input_data: Any, meta: Any, content_length: Any, *others: Any
    ) -> None:
        """Note whether the disk has room for the request; nothing of it is parsed yet."""
        self.received = 0
        needed = settings.MIN_FREE_BYTES + max(content_length or 0, 0)
        self.too_full = files.free_bytes() < needed

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file, unless the disk has no room for it."""
        if self.too_full:
            self._stop(files.StorageFull())
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Write a chunk unless it takes the request over the limit."""
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
