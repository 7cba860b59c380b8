"""A picture that comes with a request, to be looked at and not kept."""

from __future__ import annotations

from pathlib import Path

from django.http import HttpRequest

from gallery import uploads
from gallery.decoders import web_pool
from gallery.decoding import Decoded, DecodeError


def decode(request: HttpRequest) -> Decoded:
    """Return the request's picture (field `file`), decoded in a child process.

    Raises `uploads.Refused` with a reason, `StorageFull`, or the pool's `PoolBusy`.
    """
    received = uploads.received_file(request)
    try:
        return web_pool().decode(Path(received.temporary_file_path()))
    except DecodeError as error:
        raise uploads.Refused(error.reason, error.detail) from error
