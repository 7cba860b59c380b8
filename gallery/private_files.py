"""Nobody but the user that runs Scry may read what is in DATA_DIR.

New files get mode 0600 and new folders 0700, because every process that knows the settings has set
its umask. What an older version made is closed from the outside in. DATA_DIR and the files directly
in it are closed at each start, which is a dozen calls and keeps everybody out of all the rest. The
folders below follow in the background. A folder is closed after all that is in it, so that its mode
says whether that was done: looking again costs one call for each folder of DATA_DIR, however many
photos there are, and a pass that was killed goes on where it was.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from pathlib import Path

OTHERS = 0o077
"""The rights of the group and of everybody else."""


def keep_private() -> None:
    """Let this process, and those that it starts, make files that are their user's alone."""
    os.umask(OTHERS)


def close_outside(folder: Path) -> None:
    """Close a folder and the files directly in it to others.

    What belongs to another user, or lies on a file system without modes, stays as it is.
    """
    for path in (folder, *_files_in(folder)):
        _close(path)


def open_to_others(folder: Path) -> list[Path]:
    """Return what others may enter or read: the folder itself, and files directly in it."""
    return [path for path in (folder, *_files_in(folder)) if _is_open(path)]


def close_inside(folder: Path, *, seconds: float) -> bool:
    """Close what is below a folder, for so long at most; return whether nothing is left to do.

    Links are not followed. Where the folder itself cannot be closed, nothing below it is tried.
    """
    if _is_open(folder):
        return True
    deadline = time.monotonic() + seconds
    with suppress(OSError), os.scandir(folder) as entries:
        return all(
            _close_tree(Path(entry.path), deadline)
            for entry in entries
            if entry.is_dir(follow_symlinks=False)
        )
    return True


def _close_tree(folder: Path, deadline: float) -> bool:
    """Close all that is in a folder and then the folder; return whether the time was enough."""
    if not _is_open(folder):
        return True
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not _close_tree(Path(entry.path), deadline):
                    return False
            elif _close(Path(entry.path)) and time.monotonic() > deadline:
                return False
    _close(folder)
    return True


def _files_in(folder: Path) -> list[Path]:
    with suppress(OSError), os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False)]
    return []


def _is_open(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return not stat.S_ISLNK(mode) and bool(mode & OTHERS)


def _close(path: Path) -> bool:
    """Close a file or folder; return whether it was open and is not any more."""
    if _is_open(path):
        with suppress(OSError):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
            return True
    return False
