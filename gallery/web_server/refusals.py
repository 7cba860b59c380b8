"""What the server refuses before the gallery sees it, told in the API's shape."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from django.conf import settings
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _
from waitress.task import ErrorTask
from waitress.utilities import Error, RequestEntityTooLarge

from gallery.api.errors import API_PREFIX, besides_files, error
from gallery.logs.once_a_minute import OnceAMinute
from gallery.originals_marker import OriginalsAway
from gallery.response_headers import of_server

logger = logging.getLogger(__name__)

_MB = 1024 * 1024
_BODY_BYTES = 200 * _MB
"""Bodies are stopped by the upload handler, which counts bytes and knows what they are. This limit,
or four files, only keeps absurdly large ones from being stored first."""
SPOOL_RETRY_SECONDS = "10"
_told = OnceAMinute()


class DiskFull(Error):  # type: ignore[misc]  # waitress has no types
    code = 507
    reason = "Insufficient Storage"


class DiskAway(Error):  # type: ignore[misc]
    code = 503
    reason = "Service Unavailable"


class TooSlow(Error):  # type: ignore[misc]
    code = 408
    reason = "Request Timeout"


class SpoolFull(Error):  # type: ignore[misc]
    code = 503
    reason = "Service Unavailable"


class TooLargeBesideFiles(RequestEntityTooLarge):  # type: ignore[misc]
    """A request without files is larger than such a request may be."""


class NotSignedIn(Error):  # type: ignore[misc]
    code = 401
    reason = "Unauthorized"


class Refusal(ErrorTask):  # type: ignore[misc]
    """Answers a request that was refused before the gallery saw it."""

    def execute(self) -> None:
        """Send the answer."""
        problem = self.request.error
        code = OriginalsAway.code if isinstance(problem, DiskAway) else ""
        log_refusal(problem.code, problem.reason, self.channel.addr[0])
        answer = error(problem.code, code, _sentence(problem)).content
        self.status = f"{problem.code} {problem.reason}"
        self.response_headers += [("Content-Type", "application/json"), *of_server()]
        if isinstance(problem, SpoolFull):
            self.response_headers.append(("Retry-After", SPOOL_RETRY_SECONDS))
        if isinstance(problem, NotSignedIn) and not self.request.path.startswith(API_PREFIX):
            self.status = "302 Found"
            target = urlencode({"next": self.request.path})
            self.response_headers.append(("Location", f"{resolve_url('sign-in')}?{target}"))
        self.set_close_on_finish()
        self.content_length = len(answer)
        self.write(b"" if getattr(self.request, "command", "") == "HEAD" else answer)

    def finish(self) -> None:
        """End the answer, but not the connection."""
        super().finish()
        self.close_on_finish = False
        self.channel.drop_the_rest()


def log_refusal(status: int, reason: str, address: str) -> None:
    """Log what the gallery never sees: a line a minute of each kind, as anybody causes it."""
    if _told.is_due(str(status)):
        logger.warning("Refused before it was read: %d %s, from %s.", status, reason, address)


def turn_away() -> bytes:
    """Return the whole answer to a client that has too many connections already."""
    body = error(429).content
    protection = "".join(f"{name}: {value}\r\n" for name, value in of_server())
    head = (
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nRetry-After: 15\r\n{protection}Connection: close\r\n\r\n"
    )
    return head.encode() + bytes(body)


def body_limit() -> int:
    """Return how many bytes a request may have before it is not even looked at."""
    return max(4 * settings.MAX_FILE_BYTES, _BODY_BYTES)


def _sentence(problem: Error) -> str:
    if isinstance(problem, SpoolFull):
        return _("Too much is being sent at once. Send it again in a moment.")
    if isinstance(problem, TooLargeBesideFiles):
        return besides_files()
    if isinstance(problem, RequestEntityTooLarge):
        told = _("The request is larger than the limit of %(limit)d MB.")
        return told % {"limit": body_limit() // _MB}
    if isinstance(problem, DiskAway):
        return str(OriginalsAway.sentence)
    return ""
