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
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.translation import gettext as _

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
    middle,
    unit_rows,
)
from search.vectors.embedders.catalog import STARTER, STARTER_KEY
from search.vectors.embedders.checkpoints import checkpoint, load_checkpoint
from search.vectors.embedders.device import Accelerators, Device, Format, Trial
from search.vectors.embedders.phrasing import TokenTrim
from search.vectors.embedders.self_test import probes

__all__ = ["OpenClipEmbedder", "checkpoint", "load", "probes"]

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

CALIBRATION_BATCH = 16  # pictures, as many as the indexing pipeline sends at once by default
CALIBRATION_S = 0.5  # seconds that a batch may take; slower models are measured on fewer

CPU_PASS = 4
"""Pictures in one pass of a convolutional network on a CPU. Its feature maps then fit into the
caches: measured, 1.5 (bf16) to 1.9 times (fp32) as fast as 16 at once."""

CONVOLUTIONAL = 10  # convolutions that make a tower convolutional: transformers have a few


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
    # Waiting threads must sleep, not spin: while decoders use the CPU too, spinning makes a batch
    # take five times as long. PyTorch reads this when it is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
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
        from open_clip.transform import PreprocessCfg, image_transform_v2

        self.key = key
        self.dim = loaded.dim
        self.device = place.name
        self.device_reason = place.reason
        self._model = loaded.model
        self._checkpoint = loaded.checkpoint
        self._tokenizer = loaded.tokenizer
        self._preprocess_cfg = PreprocessCfg(**loaded.preprocess_cfg)
        self._preprocess = image_transform_v2(self._preprocess_cfg, is_train=False)
        self._trim = TokenTrim(loaded.model.text)
        self._lock = threading.Lock()
        self.formats: dict[Tower, Format] = {}
        """The number format of each tower that is loaded."""

    def embed_images(self, images: Sequence[Pixels]) -> Vectors:
        """Return one unit row per picture, shape (len(images), dim); see `Embedder`."""
        import torch

        usable = [i for i, image in enumerate(images) if is_picture(image)]
        rows = np.full((len(images), self.dim), np.nan, np.float32)
        if usable:
            batch = torch.stack([self._prepared(images[i]) for i in usable])
            rows[usable] = self._forward("image", batch)
        return rows

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row per text, shape (len(texts), dim)."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        if self._tokenizer is None:
            raise self._not_loaded("text")
        return self._forward("text", self._tokenizer(list(texts)))

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
        self.device_reason += f" {devices.format_sentence(self.device, self.formats)}"

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
        size = self._preprocess_cfg.size
        height, width = (size, size) if isinstance(size, int) else size
        noise = torch.rand(CALIBRATION_BATCH, 3, height, width) * 2 - 1
        started = time.thread_time()
        self._run(tower, module, noise[:1])
        affordable = int(CALIBRATION_S / (time.thread_time() - started))
        return noise[: max(1, affordable)]

    def _prepared(self, pixels: Pixels) -> torch.Tensor:
        from PIL import Image

        if self._preprocess_cfg.resize_mode == "shortest":
            pixels = middle(pixels)
        tensor: torch.Tensor = self._preprocess(Image.fromarray(np.ascontiguousarray(pixels)))
        return tensor

    def _forward(self, tower: Tower, batch: torch.Tensor) -> Vectors:
        import torch

        module = self._model.visual if tower == "image" else self._model.text
        if module is None:
            raise self._not_loaded(tower)
        try:
            with self._lock:
                rows = self._run(tower, module, batch)
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
                features = self._see(module, batch)
            rows: Vectors = features.float().cpu().numpy()
        return rows

    def _see(self, module: Any, batch: torch.Tensor) -> Any:
        """Run the image tower, in small passes where those are faster."""
        import torch

        batch = batch.to(self.device, next(module.parameters()).dtype)
        if not _is_convolutional(module):
            return embeddings_of(module(batch))
        batch = batch.contiguous(memory_format=torch.channels_last)
        size = CPU_PASS if self.device == "cpu" else len(batch)
        return torch.cat([embeddings_of(module(part)) for part in torch.split(batch, size)])


def _prepared(calibration_file: Path | None) -> Path | None:
    """Return the folder of prepared weights, which is beside what was measured."""
    return calibration_file and calibration_file.with_name("prepared")


def _accelerators() -> Accelerators:
    """Ask PyTorch which accelerators it can use, and why it has no NVIDIA GPU."""
    import torch

    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return Accelerators(cuda=torch.cuda.get_device_name(0), cuda_count=count)
    mps = _("Apple GPU") if torch.backends.mps.is_available() else ""
    if torch.version.cuda is None:
        return Accelerators(mps=mps, why_no_cuda=_("this PyTorch is built without GPU support"))
    why = _("there is no NVIDIA GPU with a working driver here")
    return Accelerators(mps=mps, why_no_cuda=why)


def _dtype(name: Format) -> torch.dtype:
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]


def _is_convolutional(module: Any) -> bool:
    import torch

    convolutions = sum(isinstance(part, torch.nn.Conv2d) for part in module.modules())
    return convolutions >= CONVOLUTIONAL
