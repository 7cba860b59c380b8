"""The `Embedder` for every model of open_clip, and for the starter model.

PyTorch is imported inside functions, so a process that embeds nothing never pays for it.
"""

from __future__ import annotations

import copy
import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.translation import gettext as _, gettext_noop

from gallery.sentences import joined
from search.vectors.embedders import device as devices, mapped
from search.vectors.embedders.base import (
    DeviceOutOfMemory,
    LoadedModel,
    ModelUnavailable,
    Pixels,
    Tower,
    Vectors,
    embeddings_of,
    is_picture,
    unit_rows,
)
from search.vectors.embedders.catalog import STARTER, STARTER_KEY
from search.vectors.embedders.checkpoints import checkpoint, load_checkpoint
from search.vectors.embedders.device import Accelerators, Device, Format, Trial
from search.vectors.embedders.phrasing import TokenTrim
from search.vectors.embedders.preparation import Preparation
from search.vectors.embedders.self_test import probes

__all__ = ["OpenClipEmbedder", "checkpoint", "load", "probes"]

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

BATCH = 16
"""Pictures that are embedded at once on a CPU."""

CALIBRATION_S = 0.5  # seconds that a batch may take; slower models are measured on fewer

CPU_PASS = 4
"""Pictures in one pass of a convolutional network on a CPU, and the fewest of another one. The
feature maps of so many fit into the caches: measured, 1.5 (bf16) to 1.9 times (fp32) as fast as 16
at once."""

FITTING = 8  # pictures on which the memory of a GPU is measured

PREPARING = 4  # threads that prepare pictures for an accelerator
PARTS = 2 * PREPARING  # of a batch: the first is computed while the others are prepared

CONVOLUTIONAL = 10  # convolutions that make a tower convolutional: transformers have a few

KEPT_PRIMITIVES = 128
"""Compiled operations that oneDNN keeps, instead of 1,024; they take some 0.2 MB each. Each
length of a text needs about ten, and a pass of the starter's image tower 69."""


def load(
    key: str,
    *,
    towers: frozenset[Tower],
    weights: Path | None = None,
    device: str | None = None,
    calibration_file: Path | None = None,
) -> OpenClipEmbedder:
    """Load the given towers of `starter` or of an open_clip model, `ARCHITECTURE/WEIGHTS`.

    `weights` is a weight file or a folder that holds one; None means the hub and its local cache.
    `device` is the setting EMBEDDING_DEVICE (`cpu`, `cuda`, `cuda:1`, `mps`; None for the best).
    `calibration_file` keeps what was measured about number formats.

    Raises `ModelUnavailable` with one sentence when anything is missing, damaged or does not
    fit.
    """
    _tell_pytorch()
    if key == STARTER:
        key = STARTER_KEY
    place = devices.choose(device, _accelerators())
    loaded = load_checkpoint(key, towers, weights, _prepared(calibration_file))
    loaded.model.eval().requires_grad_(requires_grad=False)
    try:
        loaded.model.to(place.name)
        embedder = OpenClipEmbedder(key, loaded, place)
        embedder.choose_formats(calibration_file)
    except (RuntimeError, MemoryError) as error:
        if not devices.is_out_of_memory(error):
            raise
        message = _(
            "The model %(model)s does not fit in the memory of %(device)s; choose a smaller "
            "model or another EMBEDDING_DEVICE."
        )
        raise ModelUnavailable(message % {"model": key, "device": place.name}) from error
    gc.collect()
    return embedder


class OpenClipEmbedder:
    """An open_clip model on its device. Threads may share it; forward passes take turns."""

    def __init__(self, key: str, loaded: LoadedModel, place: Device) -> None:
        self.key = key
        self.dim = loaded.dim
        self.device = place.name
        self.device_reason: str = place.reason
        self._model = loaded.model
        self._checkpoint = loaded.checkpoint
        self._tokenizer = loaded.tokenizer
        self._preparation = Preparation(loaded.preprocess_cfg)
        self._trim = TokenTrim(loaded.model.text)
        self._lock = threading.Lock()
        self.batch = BATCH
        self.formats: dict[Tower, Format] = {}
        """The number format of each tower that is loaded."""

    def embed_images(self, images: Sequence[Pixels]) -> Vectors:
        """Return one unit row per picture, shape (len(images), dim); see `Embedder`."""
        usable = [i for i, image in enumerate(images) if is_picture(image)]
        rows = np.full((len(images), self.dim), np.nan, np.float32)
        if usable:
            pictures = [images[i] for i in usable]
            rows[usable] = self._forward("image", self._see, pictures)
        return rows

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row per text, shape (len(texts), dim)."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        if self._tokenizer is None:
            raise self._not_loaded("text")
        tokens = self._tokenizer(list(texts))
        return self._forward("text", partial(self._run, "text"), tokens)

    def _not_loaded(self, tower: Tower) -> ModelUnavailable:
        return ModelUnavailable(f"The {tower} tower of {self.key} was not loaded.")

    def choose_formats(self, calibration_file: Path | None) -> None:
        """Give each loaded tower the fastest number format that keeps its embeddings."""
        import torch

        cpu = devices.this_cpu()
        for tower, module in self._towers():
            if self.device != "cpu":
                chosen = self._accelerator_format()
            elif cpu.has_bf16:
                name = f"{self.key} {tower} | {cpu.name} | PyTorch {torch.__version__}"
                measure = partial(self._trial, tower)
                chosen = devices.choose_format(calibration_file, name, measure)
            else:
                chosen = "fp32"
            self.formats[tower] = chosen
            self._serve(tower, module, calibration_file)
            if _is_convolutional(module):
                module.to(memory_format=torch.channels_last)
        if self.device.startswith("cuda") and "image" in self.formats:
            self.batch = self._fitting_batch()
        formats = devices.format_sentence(self.device, self.formats)
        self.device_reason = joined(self.device_reason, formats)

    def _serve(self, tower: Tower, module: Any, calibration_file: Path | None) -> None:
        """Turn a tower into its format; on a CPU, its weights are pages of a file."""
        chosen = self.formats[tower]
        folder = _prepared(calibration_file)
        if self.device == "cpu" and self._checkpoint and folder:
            path = mapped.prepared_path(folder, self._checkpoint, tower, chosen)
            mapped.serve_from_file(module, _dtype(chosen), path)
        else:
            module.to(_dtype(chosen))

    def _towers(self) -> list[tuple[Tower, Any]]:
        towers: list[tuple[Tower, Any]] = [
            ("image", self._model.visual),
            ("text", self._model.text),
        ]
        return [(tower, module) for tower, module in towers if module is not None]

    def _accelerator_format(self) -> Format:
        """Return a GPU's fast format: Ampere and later have bf16, earlier ones fp16 only."""
        import torch

        if not self.device.startswith("cuda"):
            return "fp32"
        major, _minor = torch.cuda.get_device_capability(self.device)
        return "bf16" if major >= 8 else "fp16"

    def _fitting_batch(self) -> int:
        """Return how many pictures the image tower should be given at once on this GPU."""
        import torch

        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        noise = torch.rand(FITTING, 3, self._preparation.height, self._preparation.width)
        self._run("image", self._model.visual, noise)
        needed = torch.cuda.max_memory_allocated(self.device) - before
        free, _total = torch.cuda.mem_get_info(self.device)
        return devices.batch_for(free, needed // FITTING)

    def _trial(self, tower: Tower) -> Trial:
        """Measure the tower in fp32 and in bf16 on a batch like those it will be given."""
        import torch

        plain = self._model.visual if tower == "image" else self._model.text
        short = copy.deepcopy(plain).to(torch.bfloat16)
        if _is_convolutional(plain):
            plain.to(memory_format=torch.channels_last)
            short.to(memory_format=torch.channels_last)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # One thread's own time means the same on a busy machine.
        try:
            batch = self._calibration_batch(tower, plain)
            return devices.trial(
                lambda: unit_rows(self._run(tower, plain, batch)),
                lambda: unit_rows(self._run(tower, short, batch)),
            )
        finally:
            torch.set_num_threads(threads)

    def _calibration_batch(self, tower: Tower, module: Any) -> torch.Tensor:
        import torch

        if tower == "text":
            assert self._tokenizer is not None  # noqa: S101 - a text tower comes with one
            tokens: torch.Tensor = self._tokenizer(["a photo of two dogs that play in the snow"])
            return tokens
        height, width = self._preparation.height, self._preparation.width
        pictures = self._part_size(module, BATCH, lanes=1)
        noise = torch.rand(pictures, 3, height, width) * 2 - 1
        started = time.thread_time()
        self._run(tower, module, noise[:1])
        affordable = int(CALIBRATION_S / (time.thread_time() - started))
        return noise[: max(1, affordable)]

    def _forward(self, tower: Tower, run: Callable[[Any, Any], Vectors], batch: Any) -> Vectors:
        """Return the unit rows that `run` makes of a batch with a tower; callers take turns."""
        import torch

        module = self._model.visual if tower == "image" else self._model.text
        if module is None:
            raise self._not_loaded(tower)
        try:
            with self._lock:
                rows = run(module, batch)
        except (RuntimeError, MemoryError) as error:
            if not devices.is_out_of_memory(error):
                raise
            if self.device.startswith("cuda"):
                torch.cuda.empty_cache()
            raise DeviceOutOfMemory(f"{len(batch)} at once do not fit on {self.device}") from None
        return unit_rows(rows)

    def _run(self, tower: Tower, module: Any, batch: torch.Tensor) -> Vectors:
        """Run one tower, return its raw rows, float32."""
        import torch

        with torch.inference_mode():
            if tower == "text":
                features = embeddings_of(self._trim.run(module, batch.to(self.device)))
            else:
                features = self._features(module, batch)
            return _rows(features)

    def _features(self, module: Any, batch: torch.Tensor) -> torch.Tensor:
        """Run the image tower on resized pictures; an accelerator may still be computing them."""
        import torch

        numbers = self._preparation.numbers(batch.to(self.device, non_blocking=batch.is_pinned()))
        numbers = numbers.to(next(module.parameters()).dtype)
        if _is_convolutional(module):
            numbers = numbers.contiguous(memory_format=torch.channels_last)
        features: torch.Tensor = embeddings_of(module(numbers))
        return features

    def _see(self, module: Any, pictures: Sequence[Pixels]) -> Vectors:
        """Prepare pictures and run the image tower on them, in parts where that is faster."""
        return (self._in_lanes if self.device == "cpu" else self._in_a_stream)(module, pictures)

    def _in_lanes(self, module: Any, pictures: Sequence[Pixels]) -> Vectors:
        """Give each part a thread of its own, which computes alone.

        The operations of a small network are too short to be shared, and threads that share one
        wait for the slowest of them, which decoders on the same cores delay.
        """
        import torch

        def run(part: Sequence[Pixels]) -> Vectors:
            return self._run("image", module, self._preparation.resized(part))

        lanes = torch.get_num_threads()
        parts = _parts(pictures, self._part_size(module, len(pictures), lanes))
        if len(parts) == 1 or lanes == 1:
            return np.concatenate([run(part) for part in parts])
        # New threads have the priority of the one that starts them, here a worker's or a request's.
        with ThreadPoolExecutor(lanes, "embed", partial(torch.set_num_threads, 1)) as pool:
            return np.concatenate(list(pool.map(run, parts)))

    def _in_a_stream(self, module: Any, pictures: Sequence[Pixels]) -> Vectors:
        """Prepare parts in threads while the accelerator computes; only the end waits for it.

        Pictures go there as bytes, from memory that it reads by itself, and become numbers there.
        """
        import torch

        def prepare(part: Sequence[Pixels]) -> torch.Tensor:
            resized = self._preparation.resized(part).contiguous()
            return resized.pin_memory() if self.device.startswith("cuda") else resized

        with ThreadPoolExecutor(PREPARING, "prepare") as pool, torch.inference_mode():
            parts = pool.map(prepare, _parts(pictures, max(1, self.batch // PARTS)))
            return _rows(torch.cat([self._features(module, part) for part in parts]))

    def _part_size(self, module: Any, pictures: int, lanes: int) -> int:
        return CPU_PASS if _is_convolutional(module) else max(CPU_PASS, -(-pictures // lanes))


def _parts(pictures: Sequence[Pixels], size: int) -> list[Sequence[Pixels]]:
    return [pictures[start : start + size] for start in range(0, len(pictures), size)]


def _rows(features: torch.Tensor) -> Vectors:
    rows: Vectors = features.float().cpu().numpy()
    return rows


def _tell_pytorch() -> None:
    """Set what PyTorch and its libraries read from the environment when they are first used."""
    # Waiting threads must sleep, not spin: while decoders use the CPU too, spinning makes a batch
    # take five times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KEPT_PRIMITIVES))


def _prepared(calibration_file: Path | None) -> Path | None:
    """Return the folder of prepared weights, which is beside what was measured."""
    return calibration_file and calibration_file.with_name("prepared")


def _accelerators() -> Accelerators:
    """Ask PyTorch which accelerators it can use, and why it has no NVIDIA GPU."""
    import torch

    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return Accelerators(cuda=torch.cuda.get_device_name(0), cuda_count=count)
    mps = gettext_noop("Apple GPU") if torch.backends.mps.is_available() else ""
    if torch.version.cuda is None:
        why = gettext_noop("this PyTorch is built without GPU support")
        return Accelerators(mps=mps, why_no_cuda=why)
    why = gettext_noop("there is no NVIDIA GPU with a working driver here")
    return Accelerators(mps=mps, why_no_cuda=why)


def _dtype(name: Format) -> torch.dtype:
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]


def _is_convolutional(module: Any) -> bool:
    import torch

    convolutions = sum(isinstance(part, torch.nn.Conv2d) for part in module.modules())
    return convolutions >= CONVOLUTIONAL
