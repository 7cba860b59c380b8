"""Where the weights of models are on this machine, and which model the settings page chose.

Both are kept in `DATA_DIR/models`, which all processes of a gallery share: weights that were
uploaded in one folder for each architecture, and the choice in a file.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from gallery import files
from gallery.user_errors import UserError
from search.vectors.embedders import (
    adapter,
    catalog,
    digests,
    keys,
    manifests,
    weights as weight_files,
)
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


def version() -> tuple[object, ...]:
    """Return what changes with each choice and each exchange of weights: workers look at it."""
    name = _record().chosen if _is_automatic() else settings.EMBEDDING_MODEL
    return tuple(map(_state, [_record_file(), *_weight_files(name)]))


def _weight_files(name: str) -> list[Path]:
    found = []
    for place in _places(name, catalog.of_key(name)):
        with suppress(ModelUnavailable):
            found.append(weight_files.locate(place, name))
    return found


def _state(path: Path) -> digests.State | None:
    try:
        return digests.state_of(path)
    except OSError:
        return None


def _is_automatic() -> bool:
    return catalog.is_automatic(settings.EMBEDDING_MODEL)


def require_choice() -> None:
    """Raise a 409 if EMBEDDING_MODEL names a model, which leaves the settings page no choice."""
    if not _is_automatic():
        message = _("EMBEDDING_MODEL names a model; set it to auto to choose one here.")
        raise UserError(message, code="model_is_set", status=409)


def chosen() -> str:
    """Return the key of the model that the settings page chose; empty if it did not or may not."""
    return _record().chosen if _is_automatic() else ""


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
    """Return the weight file or folder to load a model from; None means the hub and its cache.

    Of several places that hold weights of that name, it is the one whose weights the key names.
    """
    name, digest = keys.name_of(key), keys.digest_of(key)
    model = catalog.of_key(key)
    places = _places(name, model)
    if digest:
        for place in [*places, kept_folder(key)]:
            if _has_weights(place, key):
                return place
        cached = weight_files.cached_checkpoint(model.repo) if model and model.repo else None
        if cached is not None and digests.sha256_of(cached).startswith(digest):
            return None
    return places[0] if places else None


def has_weights(key: str) -> bool:
    """Return whether the weights of a key are on this machine, as far as is known here.

    False only if there are others of that name instead, or those of the starter have gone.
    """
    if catalog.is_replaced(key):
        return False
    if not keys.digest_of(key) or key == catalog.STARTER_KEY:
        return True
    place = weights_of(key)
    return place is None or _has_weights(place, key)


def _places(name: str, model: RecommendedModel | None) -> list[Path]:
    """Return where the weights of that name may be, the likeliest first."""
    record = _record()
    known = Path(record.folders[name]) if name in record.folders else None
    setting = Path(settings.EMBEDDING_WEIGHTS) if settings.EMBEDDING_WEIGHTS else None
    places = [known] if known is not None and name == chosen() else []
    if model is not None:
        held = (setting, known, own() / model.architecture)
        places += [place for place in held if place is not None and catalog.holds(place, model)]
    if setting is not None and not places:
        places.append(setting)
    return places


def _has_weights(place: Path, key: str) -> bool:
    try:
        digests.require(weight_files.locate(place, key), key)
    except ModelUnavailable:
        return False
    return True


def kept_folder(key: str) -> Path:
    """Return the folder in Scry's own for weights that an upload took the place of."""
    architecture = keys.name_of(key).partition("/")[0]
    return own() / keys.key_of(architecture, keys.digest_of(key))


def remove_kept_except(known: set[str]) -> None:
    """Remove the folders of weights that uploads took the place of, but for those of known keys."""
    wanted = {kept_folder(key) for key in known}
    for folder in own().glob(f"*{keys.MARK}*"):
        if folder not in wanted:
            shutil.rmtree(folder, ignore_errors=True)


def note_refusal(code: str, message: str) -> None:
    """Keep why the chosen model is not in use, for the settings page; empty when it is."""
    if (code, message) != refusal():
        own().mkdir(parents=True, exist_ok=True)
        note = {"code": code, "message": message}
        files.write_atomically(_refusal_file(), json.dumps(note).encode())


def refusal() -> tuple[str, str]:
    """Return the reason code and the sentence, both empty if all is well."""
    try:
        note = json.loads(_refusal_file().read_text(encoding="utf-8"))
        return str(note["code"]), str(note["message"])
    except (OSError, ValueError, LookupError, TypeError):
        return "", ""


def _refusal_file() -> Path:
    return own() / "refusal.json"


def present_key(name: str) -> str:
    """Return the key of the weights of that name that are here now; fetch them if they are not.

    A key is returned as it is, and so is a name that no weight files belong to. Reading the weights
    for the first time takes seconds. Raises `ModelUnavailable`.
    """
    if keys.digest_of(name):
        return name
    file = adapter().checkpoint(name, weights_of(name))
    return name if file is None else keys.key_of(name, digests.sha256_of(file))


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
