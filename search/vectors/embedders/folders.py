"""Where the weights of models are on this machine, and which model the settings page chose.

Both are kept in `DATA_DIR/models`, which all processes of a gallery share: weights that were
uploaded in one folder for each architecture, and the choice in a file.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from gallery import files
from gallery.user_errors import UserError
from search.vectors.embedders import catalog, manifests, weights as weight_files
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.catalog import Choice, RecommendedModel


class FolderRefused(UserError):
    """A folder or upload holds no model that can be used; the sentence says why."""

    code = "bad_weights"


@dataclass
class Record:
    """The file: the key of the chosen model, empty for none, and the folder of each key."""

    chosen: str = ""
    folders: dict[str, str] = field(default_factory=dict)


def own() -> Path:
    """Return Scry's own folder of models."""
    return Path(settings.DATA_DIR) / "models"


def _record_file() -> Path:
    return own() / "choice.json"


def _record() -> Record:
    try:
        return Record(**json.loads(_record_file().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Record()


# --- the choice -----------------------------------------------------------------------------------


def version() -> int:
    """Return a number that changes with each choice, so that workers notice it."""
    try:
        return _record_file().stat().st_mtime_ns
    except OSError:
        return 0


def require_choice() -> None:
    """Raise a 409 if EMBEDDING_MODEL names a model, which leaves the settings page no choice."""
    if not catalog.is_automatic(settings.EMBEDDING_MODEL):
        message = _("EMBEDDING_MODEL names a model; set it to auto to choose one here.")
        raise UserError(message, code="model_is_set", status=409)


def chosen() -> str:
    """Return the key of the model that the settings page chose; empty if it did not or may not."""
    return _record().chosen if catalog.is_automatic(settings.EMBEDDING_MODEL) else ""


def wanted() -> Choice:
    """Return the model that the gallery is to work with, within 10 s."""
    return catalog.choose(
        settings.EMBEDDING_MODEL,
        weights=settings.EMBEDDING_WEIGHTS,
        chosen=chosen(),
        own_folder=own(),
    )


def choose(model: RecommendedModel, folder: Path) -> None:
    """Choose a model whose files are in `folder`; the workers take it up within seconds."""
    with alone():
        record = _record()
        record.chosen = model.key
        record.folders[model.key] = str(folder)
        _write(record)


def choose_automatically() -> None:
    """Take back the choice. Folders stay known, as the model answers until another one does."""
    with alone():
        record = _record()
        record.chosen = ""
        _write(record)


def _write(record: Record) -> None:
    files.write_atomically(_record_file(), json.dumps(asdict(record), indent=1).encode())


@contextmanager
def alone() -> Iterator[None]:
    """Change Scry's own folder while no other thread or process does. Not to be nested."""
    own().mkdir(parents=True, exist_ok=True)
    descriptor = os.open(own(), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


# --- the folders ----------------------------------------------------------------------------------


def weights_of(key: str) -> Path | None:
    """Return the weight file or folder to load a model from; None means the hub and its cache."""
    record = _record()
    known = Path(record.folders[key]) if key in record.folders else None
    if known is not None and key == chosen():
        return known
    setting = Path(settings.EMBEDDING_WEIGHTS) if settings.EMBEDDING_WEIGHTS else None
    model = next((model for model in catalog.MODELS if model.key == key), None)
    if model is not None:
        for place in (setting, known, own() / model.architecture):
            if place is not None and catalog.holds(place, model):
                return place
    return setting


def inspect(text: str) -> tuple[RecommendedModel, Path]:
    """Return the recommended model in a folder of the server, and the folder of its files.

    Raises `FolderRefused`. Reads headers only; the checksums are compared when the model is loaded.
    """
    folder = Path(text.strip())
    if not folder.is_absolute() or "\0" in text:
        raise FolderRefused(_("Give the whole path of the folder, from its first slash on."))
    try:
        is_folder = folder.is_dir()
        if is_folder:
            next(folder.iterdir(), None)
    except OSError as error:
        message = _("Scry cannot read %(folder)s (%(why)s); let its account read the folder.")
        raise FolderRefused(message % {"folder": folder, "why": error.strerror}) from error
    if not is_folder:
        raise FolderRefused(_("The server has no folder %(folder)s.") % {"folder": folder})
    return recognised(folder)


def recognised(folder: Path) -> tuple[RecommendedModel, Path]:
    """Return the recommended model in a folder that exists, and the folder of its files."""
    model = catalog.first_held(folder)
    if model is None:
        raise FolderRefused(_unknown_weights(folder))
    home = weight_files.locate(folder, model.key).parent
    try:
        manifests.require_files(home)
    except ModelUnavailable as error:
        raise FolderRefused(str(error)) from error
    require_tokenizer(model, {path.name for path in home.iterdir()})
    return model, home


def require_tokenizer(model: RecommendedModel, names: set[str]) -> None:
    """Raise `FolderRefused` if the model's tokenizer is not among the files and not cached."""
    missing = {"tokenizer.json", "tokenizer_config.json"} - names
    if not model.tokenizer_from_hub or not missing:
        return
    if any(weight_files.cached_file(model.repo, name) is None for name in missing):
        message = _(
            "%(model)s needs %(file)s beside its weights; the command fetch_model fetches all of "
            "its files."
        )
        raise FolderRefused(message % {"model": model.title, "file": min(missing)})


def _unknown_weights(folder: Path) -> str:
    """Return the sentence on a folder without the weights of a recommended model."""
    found = [*folder.glob("*.safetensors"), *folder.glob("*/*.safetensors")]
    if not found:
        return _(
            "There is no weight file in the folder; it must hold a recommended model's "
            "open_clip_model.safetensors."
        )
    try:
        weight_files.shapes(found[0])
    except ModelUnavailable as error:
        return str(error)
    return _(
        "The weights in the folder are those of no recommended model; name another model in "
        "EMBEDDING_MODEL and its folder in EMBEDDING_WEIGHTS."
    )
