"""What can go wrong while pictures are read: one exception a cause, with a reason code."""

from __future__ import annotations


class DecodeError(Exception):
    """A picture was refused or could not be read.

    `reason` is a value of `gallery.reasons.Reason` (plain text here, so that decoder children
    need no Django); `detail` is a short technical note for the log, never shown alone.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class PoolBusy(Exception):
    """Too many pictures wait to be read; try again in a moment (HTTP 503 with Retry-After)."""


class PoolClosed(Exception):
    """The pool was closed before or while the picture was read."""
