"""Weights as pages of a file: read when they are used, and shared by all processes.

open_clip makes a model in float32, both towers of it, and then reads the weights beside it: the
peak is more than twice of what a search needs. Here the model is made without weights, which are
then mapped from the file. The format that is served is kept in a file of its own: no other process
changes it, so that no page can vanish under a running model.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

_SUFFIX = ".safetensors"
_building = threading.Lock()


@contextmanager
def without_weights() -> Iterator[None]:
    """Make modules whose parameters have shapes only; buffers are made as ever.

    PyTorch's own way, a default device, would leave out the buffers as well, which no weight file
    has. What is made cannot move to a device yet, so it stays where it is. Only one thread at a
    time may make models, since this changes the class of all modules.
    """
    import torch

    register = torch.nn.Module.register_parameter

    def register_shape(module: torch.nn.Module, name: str, value: Any) -> None:
        register(module, name, value)
        if value is not None:
            shape = torch.nn.Parameter(value.to("meta"), requires_grad=value.requires_grad)
            module._parameters[name] = shape

    with (
        _building,
        patch.object(torch.nn.Module, "register_parameter", register_shape),
        patch.object(torch.nn.Module, "to", lambda module, *_, **__: module),
    ):
        yield


def model_of(create: Callable[[], Any], checkpoint: Path) -> Any:
    """Return the model that `create` makes, with the weights of a safetensors file mapped.

    Returns None where open_clip's own reader is needed, which knows other files, names and shapes.
    """
    if checkpoint.suffix != _SUFFIX:
        return None
    try:
        with without_weights():
            model = create()
        return model if map_weights(model, checkpoint) else None
    except Exception as error:  # noqa: BLE001 - architectures do anything with missing weights
        logger.info("%s cannot be mapped: %s", checkpoint.name, error)
        return None


def map_weights(model: torch.nn.Module, checkpoint: Path) -> bool:
    """Give a model that was made without weights those of a safetensors file, mapped.

    Returns False, the model being of no use then, if the file lacks any of them.
    """
    from safetensors import safe_open

    with safe_open(checkpoint, framework="pt", device="cpu") as file:
        names = set(file.keys())
        wanted = model.state_dict()
        if not wanted.keys() <= names:
            return False
        state = {name: file.get_tensor(name) for name in wanted}
    if any(state[name].shape != wanted[name].shape for name in wanted):
        return False
    model.load_state_dict(state, assign=True)
    return not any(value.is_meta for value in model.parameters())


def serve_from_file(module: torch.nn.Module, dtype: torch.dtype, path: Path) -> None:
    """Turn a tower into `dtype` and map its weights from `path`, which is made if it is missing.

    Without room for the file, the tower is turned in memory.
    """
    if not _mapped(module, path):
        module.to(dtype)
        if _written(module, path):
            _mapped(module, path)
    module.to(dtype)  # the buffers, which are in no file; the weights are in it already


def _mapped(module: torch.nn.Module, path: Path) -> bool:
    """Map the weights of a tower from its file; a damaged file is removed."""
    from safetensors import SafetensorError

    try:
        return path.exists() and map_weights(module, path)
    except (SafetensorError, OSError) as error:
        logger.warning("The prepared weights %s are made again: %s", path.name, error)
        with suppress(OSError):
            path.unlink()
        return False


def prepared_path(folder: Path, checkpoint: Path, tower: str, format_name: str) -> Path:
    """Return where the weights of a tower are prepared; another file for another checkpoint."""
    return folder / f"{_state(checkpoint)}-{tower}-{format_name}{_SUFFIX}"


def is_prepared(folder: Path, checkpoint: Path, tower: str) -> bool:
    """Tell whether the weights of a tower are prepared, in whatever format."""
    return any(folder.glob(f"{_state(checkpoint)}-{tower}-*{_SUFFIX}"))


def _state(checkpoint: Path) -> str:
    """Return a name for the present state of a file."""
    place = checkpoint.resolve()
    state = place.stat()
    facts = f"{place} {state.st_size} {state.st_mtime_ns} {state.st_ino}"
    return hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _written(module: torch.nn.Module, path: Path) -> bool:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    state = {name: value.contiguous() for name, value in module.state_dict().items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(dir=path.parent, suffix=".part")
        os.close(descriptor)
        try:
            save_file(state, unfinished)
            Path(unfinished).replace(path)
        finally:
            Path(unfinished).unlink(missing_ok=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        # No room, or weights that a tower uses twice, which the format cannot say.
        logger.warning("Weights cannot be prepared in %s: %s", path.parent, error)
        return False
    return True
