"""Every benchmark can be imported, and those with options say what they are."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "benchmarks").rglob("*.py"))
    if path.stem != "__init__"
]
LOAD_TORCH = ("benchmarks.training.features", "benchmarks.training.train")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in LOAD_TORCH else ()) for name in MODULES],
)
def test_a_benchmark_can_be_imported_and_tells_its_options(name, monkeypatch, capsys):
    module = import_module(name)
    assert module.__doc__
    if not hasattr(module, "argparse"):
        return
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        module.main()
    assert not end.value.code
    assert "usage: " in capsys.readouterr().out
