"""The device: the best there is, or the one asked for, and a sentence that says why."""

from __future__ import annotations

import pytest

from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.device import Accelerators, batch_for, choose, format_sentence

NOTHING = Accelerators(why_no_cuda="this PyTorch is built without GPU support")
ONE_GPU = Accelerators(cuda="NVIDIA T4", cuda_count=1)
MAC = Accelerators(mps="Apple GPU")


@pytest.mark.parametrize(
    ("forced", "found", "name", "reason"),
    [
        (None, ONE_GPU, "cuda", "GPU: NVIDIA T4."),
        (None, MAC, "mps", "GPU: Apple GPU."),
        (
            "",
            NOTHING,
            "cpu",
            "GPU: none found because this PyTorch is built without GPU support.",
        ),
        ("cpu", ONE_GPU, "cpu", "EMBEDDING_DEVICE asks for cpu."),
        (" CUDA:0 ", ONE_GPU, "cuda:0", "EMBEDDING_DEVICE asks for cuda:0 (NVIDIA T4)."),
        ("mps", MAC, "mps", "EMBEDDING_DEVICE asks for mps (Apple GPU)."),
    ],
)
def test_the_device_comes_with_its_reason(forced, found, name, reason):
    device = choose(forced, found)
    assert (device.name, device.reason) == (name, reason)


@pytest.mark.parametrize(
    ("forced", "found", "why"),
    [
        ("cuda", NOTHING, "asks for cuda, but this PyTorch is built without GPU support"),
        ("cuda:1", ONE_GPU, "this machine has 1 GPUs, numbered from 0"),
        ("mps", ONE_GPU, "not a Mac with Metal"),
        ("tpu", ONE_GPU, "is not a device"),
    ],
)
def test_a_device_that_is_not_there_is_refused_in_one_sentence(forced, found, why):
    with pytest.raises(ModelUnavailable, match=why) as refusal:
        choose(forced, found)
    assert "\n" not in str(refusal.value)
    assert "leave it empty" in str(refusal.value)


def test_the_number_formats_are_told():
    assert format_sentence("cuda", {"image": "fp16"}) == "Runs the image tower in fp16."
    assert format_sentence("cpu", {"text": "fp32"}) == "Runs the text tower in fp32."
    said = format_sentence("cpu", {"image": "bf16"})
    assert said == "Runs the image tower in bf16, which measured faster here."


@pytest.mark.parametrize(
    ("free", "each", "batch"),
    [
        (8 << 30, 8 << 20, 512),
        (8 << 30, 30 << 20, 128),
        (8 << 30, 16 << 20, 256),
        (1 << 30, 64 << 20, 64),
        (0, 0, 64),
    ],
)
def test_as_many_pictures_as_fill_half_the_free_memory_of_a_gpu(free, each, batch):
    assert batch_for(free, each) == batch
