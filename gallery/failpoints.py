"""Named places where a test can make this process fail; otherwise they do nothing.

SCRY_FAILPOINTS="photos_upserted=kill,claimed=sleep" arms places by name with `kill` (SIGKILL),
`raise` or `sleep` (a minute).
"""

from __future__ import annotations

import os
import signal
import time

VARIABLE = "SCRY_FAILPOINTS"
SLEEP_SECONDS = 60.0

NAMES = {
    # An upload
    "piece_stored": "a piece of a file is on the disk, and nobody was told",
    "upload_checked": "its file is in the folder of uploads, and nothing is recorded",
    "original_stored": "its file is where originals are, without a row",
    "upload_taken_in": "a file that came in pieces is a photo, and its upload does not say so",
    "rows_written": "its rows are committed, and nobody was told",
    "companion_stored": "a file kept with a photo is in its place, without a row",
    "companion_recorded": "a file kept with a photo has its row",
    "external_taken": "a file of an external folder became a photo, and the scan goes on",
    # The worker
    "claimed": "rows are leased",
    "decoded": "a picture is decoded",
    "embedded": "vectors are there, and not saved",
    "saved": "vectors are saved, and not in the index",
    "photos_upserted": "points are in the index, and not on the disk",
    "photos_flushed": "points are on the disk, and their rows do not say so",
    "photos_marked": "rows say that their points are there",
    "parts_begun": "the parts of some photos are begun",
    "parts_saved": "vectors of parts are saved, and not in the index",
    "parts_upserted": "as photos_upserted",
    "parts_flushed": "as photos_flushed",
    "parts_marked": "as photos_marked",
    "comparing": "photos to compare are chosen",
    "compared": "their pairs are saved, and they are not marked as compared",
    # The trash, and deletion for ever
    "trashed": "photos are in the trash, and nobody was told",
    "rows_withdrawn": "rows of trashed photos are marked, and their points are there",
    "points_withdrawn": "points of trashed photos are gone, and their rows are still marked",
    "restored": "photos are back from the trash, and nobody was told",
    "tombstones_written": "photos are marked for deletion",
    "points_removed": "their points are gone",
    "files_removed": "their files are gone",
    "rows_removed": "their rows are gone, and the next ones wait",
    # A change of model
    "model_ready": "the new model is complete, and the former one answers",
    "model_promoted": "the new model answers",
    "former_rows_removed": "the rows of a former model are gone",
    "former_index_removed": "its index is gone too",
    # A check of the index
    "index_check_begun": "it is marked as begun, and nothing was compared",
    # A backup
    "backup_rows_written": "the rows are in the target",
    "backup_files_copied": "the files are in the target",
    "backup_checked": "all parts were read again, and there is no manifest",
    "backup_written": "the manifest is there, and older generations are to be thinned out",
}
"""Every such place, and what is so when it is reached."""


class FailpointReached(Exception):
    """Raised by a failpoint that is set to `raise`."""


def failpoint(name: str) -> None:
    """Fail here if SCRY_FAILPOINTS asks for it."""
    armed = os.environ.get(VARIABLE)
    if not armed:
        return
    match _armed(armed).get(name):
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise FailpointReached(name)
        case "sleep":
            time.sleep(SLEEP_SECONDS)


def _armed(text: str) -> dict[str, str]:
    """Return what was asked for by name; raise `ValueError` for a place that does not exist."""
    points = (entry.partition("=") for entry in text.split(","))
    actions = {name.strip(): action.strip() for name, _, action in points}
    if unknown := actions.keys() - NAMES.keys():
        raise ValueError(f"{VARIABLE} names places that do not exist: {', '.join(unknown)}")
    return actions
