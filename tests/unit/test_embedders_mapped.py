"""Weights that are mapped from a file: the same model, and no memory of its own for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.vectors.embedders import mapped

pytestmark = pytest.mark.slow  # it imports PyTorch

torch = pytest.importorskip("torch")
save_file = pytest.importorskip("safetensors.torch").save_file


class Tower(torch.nn.Module):
    """A module with parameters, a buffer of the weight file and one that no file has."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(50, width)
        self.layers = torch.nn.Sequential(torch.nn.Linear(width, width), torch.nn.Linear(width, 8))
        self.register_buffer("mean", torch.randn(8))
        self.register_buffer("mask", torch.full((8,), 0.5), persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return (self.layers(self.words(tokens)).mean(0) - self.mean) * self.mask


TOKENS = torch.arange(7)


@pytest.fixture
def checkpoint(tmp_path: Path):
    torch.manual_seed(2)
    model = Tower()
    path = tmp_path / "weights.safetensors"
    save_file(model.state_dict(), path)
    return model, path


def output(model: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return model.eval()(TOKENS).float()


def is_mapped(module: torch.nn.Module, path: Path) -> bool:
    """Tell whether this process has pages of the file, and all weights lie in them."""
    lines = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(path) in line]
    spans = [[int(end, 16) for end in line.split()[0].split("-")] for line in lines]
    places = [weights.data_ptr() for weights in module.parameters()]
    return all(any(low <= place < high for low, high in spans) for place in places)


def test_a_mapped_model_is_the_model(checkpoint):
    model, path = checkpoint
    made = mapped.model_of(Tower, path)
    assert is_mapped(made, path)
    torch.testing.assert_close(output(made), output(model))


def test_making_a_model_without_weights_leaves_other_modules_alone():
    with mapped.without_weights():
        assert Tower().words.weight.is_meta
    assert not Tower().words.weight.is_meta


@pytest.mark.parametrize("fault", ["name", "shape", "noise", "pickle", "architecture"])
def test_what_cannot_be_mapped_is_left_to_the_other_reader(checkpoint, tmp_path: Path, fault):
    model, path = checkpoint
    state = dict(model.state_dict())
    create = Tower
    if fault == "name":
        state["other"] = state.pop("mean")
    elif fault == "shape":
        state["mean"] = torch.zeros(9)
    elif fault == "architecture":
        create = lambda: (_ for _ in ()).throw(RuntimeError("no data"))  # noqa: E731
    save_file(state, path)
    if fault == "noise":
        path.write_bytes(b"\xff" * 1000)
    elif fault == "pickle":
        path = path.rename(tmp_path / "weights.bin")
    assert mapped.model_of(create, path) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_towers_share_the_file_of_their_format(checkpoint, tmp_path: Path, dtype):
    model, path = checkpoint
    prepared = tmp_path / "prepared" / "text.safetensors"
    first, second = (mapped.model_of(Tower, path) for _ in range(2))
    for tower in (first, second):
        mapped.serve_from_file(tower, dtype, prepared)
        assert is_mapped(tower, prepared)
        assert {value.dtype for value in tower.state_dict().values()} == {dtype}
        assert tower.mask.dtype == dtype
    expected = output(model.to(dtype))
    torch.testing.assert_close(output(first), expected)
    torch.testing.assert_close(output(second), expected)
    assert [file.name for file in prepared.parent.iterdir()] == [prepared.name]


@pytest.mark.parametrize("damage", [b"", b"\xff" * 1000, None])
def test_a_damaged_file_is_made_again(checkpoint, tmp_path: Path, damage):
    model, path = checkpoint
    prepared = tmp_path / "text.safetensors"
    mapped.serve_from_file(mapped.model_of(Tower, path), torch.float32, prepared)
    whole = prepared.read_bytes()
    prepared.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    tower = mapped.model_of(Tower, path)
    mapped.serve_from_file(tower, torch.float32, prepared)
    assert prepared.read_bytes() == whole
    torch.testing.assert_close(output(tower), output(model))


def test_without_room_the_tower_is_turned_in_memory(checkpoint, tmp_path: Path):
    _, path = checkpoint
    (tmp_path / "file").touch()
    tower = mapped.model_of(Tower, path)
    mapped.serve_from_file(tower, torch.bfloat16, tmp_path / "file" / "text.safetensors")
    assert {value.dtype for value in tower.state_dict().values()} == {torch.bfloat16}
    assert torch.isfinite(output(tower)).all()


def test_other_weights_under_the_same_name_are_prepared_anew(checkpoint, tmp_path: Path):
    _, path = checkpoint
    before = mapped.prepared_path(tmp_path, path, "text", "bf16")
    assert mapped.prepared_path(tmp_path, path, "text", "bf16") == before
    others = {
        mapped.prepared_path(tmp_path, path, "image", "bf16"),
        mapped.prepared_path(tmp_path, path, "text", "fp32"),
    }
    path.write_bytes(path.read_bytes() + b" ")
    others.add(mapped.prepared_path(tmp_path, path, "text", "bf16"))
    assert before not in others
    assert len(others) == 3
