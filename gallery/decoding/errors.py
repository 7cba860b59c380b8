"""What can go wrong with a picture's bytes, as one exception with a reason code."""

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
