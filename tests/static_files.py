"""Static files for test clients."""

from __future__ import annotations

from typing import ClassVar

from whitenoise.middleware import WhiteNoiseMiddleware


class FoundOnce(WhiteNoiseMiddleware):
    """Looks for static files once per process.

    Each test client loads the middleware anew, and to look at all files of this project and of
    Django's admin took longer than most requests.
    """

    found: ClassVar[dict[str, object]] = {}

    def add_files_from_finders(self) -> None:
        if not self.found:
            super().add_files_from_finders()
            self.found.update(self.files)
        self.files = self.found
