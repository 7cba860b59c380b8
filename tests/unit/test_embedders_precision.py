"""Number formats: measured where the CPU has bf16, and remembered for the next start."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from search.vectors.embedders import open_clip
from search.vectors.embedders.device import Trial, choose_format, this_cpu, trial

FASTER = Trial(fp32_s=1.0, bf16_s=0.3, agreement=0.9999)
SLOWER = Trial(fp32_s=1.0, bf16_s=4.0, agreement=0.9999)


@pytest.mark.parametrize(
    ("found", "winner"),
    [
        (FASTER, "bf16"),
        (SLOWER, "fp32"),
        (Trial(fp32_s=1.0, bf16_s=0.95, agreement=1.0), "fp32"),
        (Trial(fp32_s=1.0, bf16_s=0.2, agreement=0.9), "fp32"),
        (Trial(fp32_s=1.0, bf16_s=0.2, agreement=0.0), "fp32"),
    ],
)
def test_bf16_must_be_clearly_faster_and_agree(found, winner):
    assert found.winner == winner


def test_a_measurement_is_made_once_for_each_name(tmp_path: Path):
    file = tmp_path / "fresh" / "calibration.json"
    measured = []

    def measure(found):
        return lambda: measured.append(found) or found

    assert choose_format(file, "one", measure(FASTER)) == "bf16"
    assert choose_format(file, "two", measure(SLOWER)) == "fp32"
    assert choose_format(file, "one", measure(SLOWER)) == "bf16"
    assert measured == [FASTER, SLOWER]
    assert json.loads(file.read_text())["two"]["bf16_ms"] == 4000.0
    assert [path.name for path in file.parent.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"one": 7}', '{"one": {"winner": "int4"}}'])
def test_a_note_that_makes_no_sense_is_measured_again(tmp_path: Path, content):
    file = tmp_path / "calibration.json"
    file.write_text(content)
    assert choose_format(file, "one", lambda: FASTER) == "bf16"
    assert json.loads(file.read_text())["one"]["winner"] == "bf16"


def test_a_folder_that_cannot_be_written_costs_only_the_memory(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert choose_format(blocked / "calibration.json", "one", lambda: FASTER) == "bf16"
    assert choose_format(None, "one", lambda: SLOWER) == "fp32"


def test_a_trial_times_both_and_compares_their_rows():
    plain = np.eye(3, dtype=np.float32)

    def slow():
        done = time.thread_time() + 0.02
        while time.thread_time() < done:
            pass
        return plain

    def waiting():
        time.sleep(0.03)
        return plain

    found = trial(slow, waiting)
    assert found.fp32_s >= 0.02 > found.bf16_s
    assert found.agreement == 1.0
    assert found.winner == "bf16"
    broken = trial(slow, lambda: np.full((3, 3), np.nan, np.float32))
    assert broken.winner == "fp32"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx2 avx512_bf16", True), ("avx512f amx_bf16 amx_tile", True), ("fpu avx2", False)],
)
def test_the_cpu_says_whether_it_has_bf16(tmp_path: Path, flags, expected):
    cpuinfo = tmp_path / "cpuinfo"
    one = f"processor\t: 0\nmodel name\t: A fast CPU\nflags\t\t: {flags}\n\n"
    cpuinfo.write_text(one + one.replace("0", "1"))
    cpu = this_cpu(cpuinfo)
    assert cpu.name == "A fast CPU"
    assert cpu.has_bf16 is expected


def test_without_cpuinfo_nothing_is_assumed(tmp_path: Path):
    assert not this_cpu(tmp_path / "none").has_bf16


def test_few_compiled_operations_are_kept_unless_the_environment_says_otherwise(monkeypatch):
    for before, kept in (({}, "128"), ({"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"}, "1024")):
        monkeypatch.setattr(os, "environ", before)
        open_clip._tell_pytorch()
        assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == kept
