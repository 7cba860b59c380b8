"""Takes in what arrives in a folder, once it has stopped growing; the folder stays as it is.

The folder is listed again and again, because network file systems announce nothing.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _

from gallery import files
from gallery.companion_names import Neighbours
from gallery.folders.import_folder import Import
from gallery.folders.listing import File, Listing, list_files
from gallery.paths import shown

QUIET_SECONDS = 10.0
"""How long size and time of a file must stay the same. Copies over a network pause for less."""
LOOK_SECONDS = 2.0
REST = 10
"""How much longer to rest than listing took, so that a large folder costs a tenth of a disk."""
RETRY_SECONDS = 60.0
RESCAN_SECONDS = 24 * 60 * 60.0
"""How often all files are compared by content: some programs put the time of a file back."""

Stop = Callable[[], bool]


@dataclass
class Sight:
    """A file of the folder: since when it has been as it is, and when to try it again."""

    signature: tuple[int, int]
    since: float
    is_done: bool = False
    not_before: float = 0.0


class Watch:
    """One watched folder of one person.

    `tell` gets lines for people. `trouble` is a sentence while the folder is away or nothing can be
    stored.
    """

    def __init__(self, user: AbstractBaseUser, folder: Path, tell: Callable[[str], object]) -> None:
        self.user, self.folder, self._tell = user, folder, tell
        self.trouble = ""
        self.rest_seconds = LOOK_SECONDS
        self._looked_at = -RESCAN_SECONDS
        self._sights: dict[Path, Sight] = {}
        self._told: set[str] = set()
        self._beside: defaultdict[Path, Neighbours] = defaultdict(Neighbours)
        self._scanned_at = monotonic()

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set; the file at hand is finished."""
        while not stop.is_set():
            self.look(stop.is_set)
            stop.wait(self.rest_seconds)

    def is_due(self) -> bool:
        """Tell whether the last look is long enough ago."""
        return monotonic() - self._looked_at >= self.rest_seconds

    def pause(self) -> None:
        """Let the next look wait, after one that failed."""
        self._looked_at, self.rest_seconds = monotonic(), RETRY_SECONDS

    def look(self, stop: Stop = lambda: False) -> None:
        """List the folder and take in what has settled. Asks `stop` before each file."""
        now = monotonic()
        listing = list_files(self.folder)
        self._looked_at = monotonic()
        self.rest_seconds = max(LOOK_SECONDS, REST * (self._looked_at - now))
        if any(place == self.folder for place, _why in listing.unreadable):
            self._change_trouble(
                _("The folder %(folder)s is away. It is watched again once it is back.")
                % {"folder": shown(self.folder)}
            )
            return
        self._meet(listing, now)
        self._take_settled(listing, now, stop)

    def _meet(self, listing: Listing, now: float) -> None:
        """Note since when each file has been as it is now; a renamed one keeps what is known."""
        if now - self._scanned_at > RESCAN_SECONDS:
            self._scanned_at, self._sights = now, {}
        paths = {file.path for file in listing.files}
        gone = {s.signature: s for path, s in self._sights.items() if path not in paths}
        sights = {}
        for file in listing.files:
            sight = self._sights.get(file.path) or gone.get(file.signature)
            same = sight is not None and sight.signature == file.signature
            sights[file.path] = sight if sight and same else Sight(file.signature, now)
        self._sights = sights

    def _take_settled(self, listing: Listing, now: float, stop: Stop) -> None:
        run = Import(self.user, self.folder, self._tell, beside=self._beside)
        for place, reason in listing.unreadable:
            self._tell_once(f"{shown(place)}: {reason}")
        try:
            for file in listing.files:
                if stop():
                    break
                if self._is_settled(file, now):
                    self._take(run, file, now)
        except files.CannotStore as error:
            self._change_trouble(str(error))
        else:
            self._change_trouble("")
        if run.counts["added"]:
            self._tell(run.report())

    def _is_settled(self, file: File, now: float) -> bool:
        sight = self._sights[file.path]
        waited = now - sight.since >= QUIET_SECONDS
        return waited and not sight.is_done and now >= sight.not_before

    def _take(self, run: Import, file: File, now: float) -> None:
        if run.take(file) == "unreadable":
            self._sights[file.path].not_before = now + RETRY_SECONDS
            self._tell_once(run.unreadable[-1])
        else:
            self._sights[file.path].is_done = True

    def _tell_once(self, problem: str) -> None:
        if problem not in self._told:
            self._told.add(problem)
            self._tell(_("Cannot be read yet: %(what)s") % {"what": problem})

    def _change_trouble(self, sentence: str) -> None:
        if sentence != self.trouble:
            self._tell(sentence or _("%(folder)s is watched.") % {"folder": shown(self.folder)})
        self.trouble = sentence
