"""Weight files: in the local folder, in the hub's cache, or on the Hugging Face hub.

Only the headers of files are read here, with the standard library; PyTorch reads the tensors.
Left to itself, huggingface_hub retries for about half a minute before it reports that there is no
network. Here that question is answered first, within seconds.
"""

from __future__ import annotations

import json
import logging
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.utils.translation import gettext as _, gettext_noop

from gallery.sentences import Sentence
from search.vectors.embedders.base import DAMAGED_WEIGHTS, WRONG_WEIGHTS, ModelUnavailable
from search.vectors.embedders.keys import name_of

logger = logging.getLogger(__name__)

T = TypeVar("T")

Shapes = dict[str, tuple[int, ...]]

SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")
"""File types that can be read. Safetensors hold only numbers and are preferred. The others are
pickles, of which PyTorch's `weights_only` reader accepts only those that hold tensors."""

PREFERRED = ("open_clip_model", "open_clip_pytorch_model", "model", "pytorch_model")

CHECKPOINTS = (
    "open_clip_model.safetensors",
    "model.safetensors",
    "open_clip_pytorch_model.bin",
)
"""Names under which the hub's open_clip repositories keep their weights, best first."""

ANSWER_WITHIN_S = 8.0
"""Longest wait for the hub in total; name resolution alone can otherwise take 30 s."""

_HEADER_LIMIT = 100_000_000  # Bytes; safetensors' own limit.
_REQUEST_S = 3.0
_ODD_HEADER = (
    *(ValueError, LookupError, TypeError, AttributeError, struct.error),
    RecursionError,  # lists nested too deep
)


# --- files ----------------------------------------------------------------------------------------


def locate(weights: Path, key: str) -> Path:
    """Return the weight file for `key` in a file or folder; raise `ModelUnavailable`.

    A folder named like the architecture keeps several models apart; a folder without one holds a
    single model.
    """
    try:
        return _locate(weights, key)
    except OSError as error:
        message = _("Scry cannot read %(path)s (%(why)s); let its account read it.")
        raise ModelUnavailable(message % {"path": shown(weights), "why": error.strerror}) from error


def _locate(weights: Path, key: str) -> Path:
    if weights.is_file():
        if weights.suffix not in SUFFIXES:
            message = _(
                "The weight file %(file)s is of a type that cannot be read; use one that ends "
                "in %(suffixes)s."
            )
            names = {"file": shown(weights), "suffixes": ", ".join(SUFFIXES)}
            raise ModelUnavailable(message % names)
        return weights
    if not weights.is_dir():
        message = _(
            "The folder of weights %(path)s does not exist; correct EMBEDDING_WEIGHTS, or choose "
            "the model again on the settings page."
        )
        raise ModelUnavailable(message % {"path": shown(weights)})
    named = weights / name_of(key).partition("/")[0]
    folder = named if named.is_dir() else weights
    files = sorted((file for file in folder.iterdir() if file.suffix in SUFFIXES), key=_rank)
    if not files:
        message = _(
            "There is no weight file for %(model)s in %(folder)s; put its "
            "open_clip_model.safetensors there."
        )
        raise ModelUnavailable(message % {"model": key, "folder": shown(folder)})
    return files[0]


def shown(path: Path) -> str:
    """Return the end of a path for a message. Everybody who searches may see it, so it must not
    show where things are on the server."""
    return f"{path.parent.name}/{path.name}".lstrip("/")


def _rank(file: Path) -> tuple[int, int, str]:
    preference = PREFERRED.index(file.stem) if file.stem in PREFERRED else len(PREFERRED)
    return SUFFIXES.index(file.suffix), preference, file.name


def shapes(file: Path, size: int | None = None) -> Shapes:
    """Return the tensors' shapes from a safetensors header; raise `ModelUnavailable`.

    `size` is how many bytes the file will have, if it is not complete yet.
    """
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _HEADER_LIMIT:
                raise ValueError("the header is too long")
            header = json.loads(stream.read(length))
        body = (file.stat().st_size if size is None else size) - 8 - length
        tensors = {name: info for name, info in header.items() if name != "__metadata__"}
        if max((info["data_offsets"][1] for info in tensors.values()), default=0) != body:
            raise ValueError("the file is cut short")
        return {name: tuple(info["shape"]) for name, info in tensors.items()}
    except OSError as error:
        raise damage_error(file, error.strerror or "") from error
    except _ODD_HEADER as error:
        raise damage_error(file, str(error)) from error


def load_error(key: str, checkpoint: Path, error: Exception) -> ModelUnavailable:
    """Return the error to raise when a weight file does not make the model `key`."""
    if "state_dict" in str(error) or "size mismatch" in str(error):
        message = _(
            "The weight file %(file)s is not for %(model)s; correct "
            "EMBEDDING_MODEL or EMBEDDING_WEIGHTS."
        )
        return ModelUnavailable(message % {"file": shown(checkpoint), "model": key}, WRONG_WEIGHTS)
    if checkpoint.suffix != ".safetensors":
        message = _(
            "The weight file %(file)s is damaged or holds more than numbers, and code in "
            "weight files is never run; use a .safetensors file."
        )
        return ModelUnavailable(message % {"file": shown(checkpoint)}, DAMAGED_WEIGHTS)
    return damage_error(checkpoint, str(error))


def damage_error(file: Path, detail: str) -> ModelUnavailable:
    """Return the error to raise when a file cannot be right; `detail` is for who knows more."""
    why = f" ({detail.splitlines()[0][:120]})" if detail else ""
    message = _(
        "The weight file %(file)s is damaged or is not a weight file%(why)s; delete it and fetch "
        "it again."
    )
    return ModelUnavailable(message % {"file": shown(file), "why": why}, DAMAGED_WEIGHTS)


def preprocessing(source: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return mean, std and resizing: the folder's own configuration, else open_clip's table."""
    try:
        text = (folder / "open_clip_config.json").read_text(encoding="utf-8")
        own = dict(json.loads(text)["preprocess_cfg"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        own = {}
    names = ("mean", "std", "interpolation", "resize_mode")
    return {name: (source | own)[name] for name in names if name in source | own}


# --- the hub --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reach:
    """Whether the hub answers, and if not, why: completes "the hub cannot be reached: ..."."""

    ok: bool
    why: str = ""


def hub_repository(source: dict[str, Any]) -> str:
    """Return the hub repository of a row of open_clip's table of weights, or an empty string."""
    return str(source.get("hf_hub", "")).rpartition("/")[0]


def cached_file(repo: str, filename: str) -> Path | None:
    """Return a file of a hub repository from the local cache, or None."""
    from huggingface_hub import constants, try_to_load_from_cache

    found = try_to_load_from_cache(repo, filename, cache_dir=constants.HF_HUB_CACHE)
    return Path(found) if isinstance(found, str) and Path(found).is_file() else None


def cached_checkpoint(repo: str) -> Path | None:
    """Return the weights of a hub repository from the local cache, or None."""
    paths = (cached_file(repo, name) for name in CHECKPOINTS)
    return next((path for path in paths if path is not None), None)


def reach_hub(repo: str, within_s: float = ANSWER_WITHIN_S) -> Reach:
    """Ask the hub for one header of a repository; answer within `within_s` seconds.

    The request is for the weight file itself, redirects included, because a firewall may let the
    hub's pages through but not the place where it keeps large files.
    """
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return Reach(ok=False, why=Sentence(gettext_noop("HF_HUB_OFFLINE is set")))
    url = f"{constants.ENDPOINT}/{repo}/resolve/main/{CHECKPOINTS[0]}"
    answers: list[Reach] = []
    # A thread, because name resolution takes no time limit.
    request = threading.Thread(target=lambda: answers.append(_request_header(url)), daemon=True)
    request.start()
    request.join(within_s)
    if answers:
        return answers[0]
    text = gettext_noop("no answer within %(seconds)s s")
    return Reach(ok=False, why=Sentence(text, seconds=f"{within_s:g}"))


def _request_header(url: str) -> Reach:
    import httpx

    try:
        answer = httpx.head(url, timeout=_REQUEST_S, follow_redirects=True)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        text = gettext_noop("%(host)s returned %(error)s")
        host, kind = httpx.URL(url).host, type(error).__name__
        return Reach(ok=False, why=Sentence(text, host=host, error=kind))
    # A repository may keep its weights under another name: "not found" is an answer too.
    if answer.is_success or answer.status_code == httpx.codes.NOT_FOUND:
        return Reach(ok=True)
    text = gettext_noop("%(host)s returned status %(status)s")
    return Reach(ok=False, why=Sentence(text, host=answer.url.host, status=answer.status_code))


def fetch_error(key: str, error: Exception) -> ModelUnavailable:
    """Return the error to raise when the weights of the model `key` cannot be downloaded."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    message = _(
        "The weights of %(model)s could not be fetched (%(error)s); check the connection and "
        "the free disk space, or name a weight file in EMBEDDING_WEIGHTS."
    )
    return ModelUnavailable(message % {"model": key, "error": lines[0][:160]})


@contextmanager
def _offline() -> Iterator[None]:
    """Let libraries use the local cache only, without asking the hub for anything newer."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def require_hub(key: str, repo: str) -> None:
    """Raise `ModelUnavailable` with what to do if the hub does not answer."""
    answer = reach_hub(repo)
    if not answer.ok:
        message = _(
            "%(model)s is not complete on this machine and the Hugging Face hub cannot be "
            "reached (%(why)s); put its files in a folder and name it in EMBEDDING_WEIGHTS, "
            "or set EMBEDDING_MODEL=starter."
        )
        raise ModelUnavailable(message % {"model": key, "why": answer.why})


def offline_first(key: str, repo: str, action: Callable[[], T]) -> T:
    """Do `action` from local files alone; use the hub only if something is missing there.

    Libraries otherwise ask the hub at each start whether there is anything newer.
    """
    try:
        with _offline():
            return action()
    except OSError as missing:
        logger.info("Asking the hub for what %s needs: %s", key, missing)
    require_hub(key, repo)
    try:
        return action()
    except OSError as error:
        message = _(
            "A file that %(model)s needs could not be fetched (%(error)s); check the "
            "connection and try again."
        )
        raise ModelUnavailable(message % {"model": key, "error": type(error).__name__}) from error
