"""Downloads of models that an administrator asks for on the settings page.

The page writes which model is wanted into a file of `DATA_DIR/models`. A worker that looks there
fetches it (`workers/fetch_models.py`), tells how far it is in another file, and chooses the model
when all of it is here. What was fetched stays when a download breaks off, so that the next one
goes on from there; only a cancelled one leaves nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from gallery import files, model_change, sentences
from gallery.user_errors import UserError
from search.vectors.embedders import catalog, fetch, folders, received, weights as weight_files
from search.vectors.embedders.catalog import RecommendedModel

_TOLD_EVERY = 1.0
"""Seconds between two words on the progress, and between two looks whether it was cancelled."""
_STAGING = "download"


class Cancelled(Exception):
    """Somebody cancelled the download, or the process ends."""


@dataclass(frozen=True)
class Download:
    """A download that was asked for: how much of it is here, and why it stopped if it did.

    `total` is 0 until the hub has said it, `rate` is in bytes a second. `problem` is a sentence,
    empty while the download waits or runs.
    """

    model: RecommendedModel
    received: int = 0
    total: int = 0
    rate: float = 0.0
    problem: str = ""

    @property
    def share(self) -> float:
        """How much of it is here, from 0 to 1."""
        return self.received / self.total if self.total else 0.0

    @property
    def seconds_left(self) -> int | None:
        """How long it takes at the present rate, None while nobody knows."""
        left = self.total - self.received
        return round(left / self.rate) if self.rate > 0 and left > 0 else None


def ask_for(key: str) -> RecommendedModel:
    """Have a worker download a recommended model, or use it at once if it is here; return it.

    Raises `UserError` if there is no such model, or downloads are forbidden.
    """
    model = next((model for model in catalog.MODELS if model.repo and model.key == key), None)
    if model is None:
        raise UserError(_("There is no such model to download."), code="unknown_model", status=404)
    here = place_of(model)
    if here is not None:
        model_change.release_holds()
        folders.choose(model, here)
        return model
    if fetch.is_offline():
        message = _("HF_HUB_OFFLINE is set, so Scry downloads nothing. Unset it and restart Scry.")
        raise UserError(message, code="offline", status=409)
    with folders.alone():
        _progress_file().unlink(missing_ok=True)
        files.write_atomically(_wish_file(), json.dumps({"model": model.key}).encode())
    return model


def cancel() -> None:
    """Ask for nothing any more. The worker at it removes what is here; without one, this does."""
    _wish_file().unlink(missing_ok=True)
    with _only_one() as is_alone:
        if is_alone:
            _leave_nothing()


def current() -> Download | None:
    """Return the download that is asked for, or None."""
    model = _wanted()
    if model is None:
        return None
    try:
        told = json.loads(_progress_file().read_text(encoding="utf-8"))
        problem = sentences.unpacked(told["problem"])
        return Download(model, told["received"], told["total"], told["rate"], problem)
    except (OSError, ValueError, LookupError, TypeError):
        return Download(model)


def place_of(model: RecommendedModel) -> Path | None:
    """Return the folder on this machine that holds all of a model, or None."""
    own = folders.own() / model.architecture
    if catalog.holds(own, model):
        return own
    cached = weight_files.cached_checkpoint(model.repo) if catalog.is_downloaded(model) else None
    return cached.parent if cached else None


def run_if_asked(stop: Callable[[], bool]) -> bool:
    """Do the download that is asked for, unless another worker does or it failed; True if done."""
    download = current()
    if download is None or download.problem:
        return False
    with _only_one() as is_alone:
        return is_alone and _run(download.model, stop)


def _run(model: RecommendedModel, stop: Callable[[], bool]) -> bool:
    progress = _Progress(model, stop)
    try:
        folder = _fetch(model, progress)
        progress.require_wanted()
        _use(model, folder)
    except Cancelled:
        if _wanted() is None:
            _leave_nothing()
        return False
    except fetch.FetchFailed as error:
        progress.tell(sentences.said_by(error))
        return False
    _wish_file().unlink(missing_ok=True)
    _leave_nothing()
    return True


def _fetch(model: RecommendedModel, progress: _Progress) -> Path:
    """Fetch a model; as long as more of it arrives, go on after each interruption."""
    while True:
        before = progress.received
        try:
            return fetch.fetch(model, _staging(), progress.note, progress.announce)
        except fetch.Interrupted:
            if progress.received <= before:
                raise


def _use(model: RecommendedModel, folder: Path) -> None:
    """Put a complete folder in its place and choose its model."""
    target = folders.own() / model.architecture
    with folders.alone():
        received.put_in_place(folder, target)
    model_change.release_holds()
    folders.choose(model, target)


@dataclass
class _Progress:
    """Counts what arrives, tells others once a second, and stops when nobody wants it any more."""

    model: RecommendedModel
    stop: Callable[[], bool]
    total: int = 0
    _here: dict[str, int] = field(default_factory=dict)
    _began: tuple[float, int] | None = None
    _told_at: float = 0.0

    @property
    def received(self) -> int:
        """The bytes that are here."""
        return sum(self._here.values())

    def announce(self, total: int) -> None:
        """Take how many bytes there are in all."""
        self.total = total
        self.tell()

    def note(self, name: str, here: int, size: int) -> None:
        """Take how much of a file is here."""
        if name not in self._here and self._began is not None:
            # What was here before was not received at this rate.
            self._began = self._began[0], self._began[1] + here
        self._here[name] = here
        if self._began is None:
            self._began = time.monotonic(), here
        if time.monotonic() - self._told_at > _TOLD_EVERY:
            self.require_wanted()
            self.tell()

    def require_wanted(self) -> None:
        """Raise `Cancelled` if the process ends, or another model or none is asked for."""
        if self.stop() or _wanted() != self.model:
            raise Cancelled

    def tell(self, problem: str = "") -> None:
        """Write down how far it is, and why it stopped."""
        self._told_at = time.monotonic()
        told: dict[str, Any] = {
            "received": self.received,
            "total": self.total,
            "rate": self._rate(),
            "problem": sentences.packed(problem),
        }
        files.write_atomically(_progress_file(), json.dumps(told).encode())

    def _rate(self) -> float:
        if self._began is None:
            return 0.0
        since, before = self._began
        return (self.received - before) / max(time.monotonic() - since, 0.1)


# --- files ----------------------------------------------------------------------------------------


def _wish_file() -> Path:
    return folders.own() / "download.json"


def _progress_file() -> Path:
    return folders.own() / "download-progress.json"


def _staging() -> Path:
    return folders.own() / _STAGING


def _wanted() -> RecommendedModel | None:
    try:
        key = json.loads(_wish_file().read_text(encoding="utf-8"))["model"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return next((model for model in catalog.MODELS if model.key == key), None)


def _leave_nothing() -> None:
    shutil.rmtree(_staging(), ignore_errors=True)
    _progress_file().unlink(missing_ok=True)


@contextmanager
def _only_one() -> Iterator[bool]:
    """Tell whether no other process downloads, and keep others from it meanwhile."""
    folders.own().mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folders.own() / ".download-lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        is_alone = False
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_alone = True
        yield is_alone
    finally:
        os.close(descriptor)
