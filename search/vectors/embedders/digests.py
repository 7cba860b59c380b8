"""The SHA-256 of weight files, which tells models of the same name apart.

Reading gigabytes takes seconds, so a hash is kept in `DATA_DIR/models/digests.json`, beside the
state of the file that it was made of. Whatever changes a file changes its state: its size, its
inode, or one of its times, of which the last change of the inode cannot be set back.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from gallery import files
from search.vectors.embedders import keys
from search.vectors.embedders.base import DAMAGED_WEIGHTS, WRONG_WEIGHTS, ModelUnavailable
from search.vectors.embedders.weights import shown

State = tuple[int, int, int, int]
"""Size in bytes, inode, and in nanoseconds when the content and when the inode changed last."""

_SETTLED_NS = 2_000_000_000
"""A file that changed so shortly ago may change again without a new state: clocks are coarse."""
_KEPT = 64
_SHA256 = re.compile(r"[0-9a-f]{64}")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hex; it is read only if it changed since it was last read.

    Raises `ModelUnavailable` if the file cannot be read or changes meanwhile.
    """
    try:
        whole = path.resolve(strict=True)
        state = state_of(whole)
        known = _known().get(str(whole))
        if known is not None and tuple(known[:4]) == state:
            return str(known[4])
        sha256 = files.sha256(whole)
        _require_state(whole, state)
    except OSError as error:
        raise _unreadable(path, error) from error
    if time.time_ns() - max(state[2:]) > _SETTLED_NS:
        _keep(whole, state, sha256)
    return sha256


def state_of(path: Path) -> State:
    """Return what changes with each change of a file; raise OSError."""
    stat = path.stat()
    return stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns


def require(path: Path, key: str) -> None:
    """Raise `ModelUnavailable` unless a weight file is the one that the key names."""
    digest = keys.digest_of(key)
    if digest and not sha256_of(path).startswith(digest):
        message = _(
            "The weight file %(file)s is another one than that of the model %(model)s; put the "
            "former file back, or wait until the photos are indexed with the new one."
        )
        raise ModelUnavailable(message % {"file": shown(path), "model": key}, WRONG_WEIGHTS)


def require_published(path: Path) -> None:
    """Raise `ModelUnavailable` if a file of the hub's cache is not what the hub published.

    The cache keeps large files under their SHA-256, and links to them.
    """
    published = path.resolve().name
    if _SHA256.fullmatch(published) and sha256_of(path) != published:
        message = _(
            "The weight file %(file)s is not what the Hugging Face hub published; delete it and "
            "let Scry fetch it again."
        )
        raise ModelUnavailable(message % {"file": shown(path)}, DAMAGED_WEIGHTS)


@contextmanager
def unchanged(path: Path) -> Iterator[None]:
    """Raise `ModelUnavailable` if a file changes while the block reads it."""
    try:
        state = state_of(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    yield
    try:
        _require_state(path, state)
    except OSError as error:
        raise _unreadable(path, error) from error


def _require_state(path: Path, state: State) -> None:
    if state_of(path) != state:
        message = _("%(file)s was changed while it was read; Scry tries again in a minute.")
        raise ModelUnavailable(message % {"file": shown(path)})


def _unreadable(path: Path, error: OSError) -> ModelUnavailable:
    message = _("%(file)s cannot be read (%(why)s); let Scry's account read it.")
    return ModelUnavailable(message % {"file": path.name, "why": error.strerror})


def _file() -> Path:
    return Path(settings.DATA_DIR) / "models" / "digests.json"


def _known() -> dict[str, list[int | str]]:
    try:
        known = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    entries = known.items() if isinstance(known, dict) else ()
    return {path: row for path, row in entries if isinstance(row, list) and len(row) == 5}


def _keep(path: Path, state: State, sha256: str) -> None:
    """Keep a hash. Of two processes that keep one at once, one has to hash again next time."""
    known = _known()
    known.pop(str(path), None)
    known[str(path)] = [*state, sha256]
    latest = dict(list(known.items())[-_KEPT:])
    _file().parent.mkdir(parents=True, exist_ok=True)
    files.write_atomically(_file(), json.dumps(latest, indent=1).encode())
