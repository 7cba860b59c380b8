"""Errors that a person can act on: a sentence that says what to do, and a code for programs."""

from __future__ import annotations

RETRY_SECONDS = "2"
"""When to come back after a 503, for the header Retry-After."""


class UserError(Exception):
    """An error that whoever sent the request can act on.

    `message` is the sentence for people, `code` comes from a closed list in
    docs/reference/api.md, and `status` is the HTTP status that fits.
    """

    code = "bad_request"
    status = 400
    retry_seconds = RETRY_SECONDS

    def __init__(self, message: str, *, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status


class Conflict(UserError):
    """What is asked for is possible, but not with the thing or person that it is asked of."""

    code = "conflict"
    status = 409
