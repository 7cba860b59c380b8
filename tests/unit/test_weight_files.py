"""Folders of weights that cannot be read are told in one sentence, without their whole path."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.vectors.embedders import manifests, weights
from search.vectors.embedders.base import ModelUnavailable


def test_a_place_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(ModelUnavailable, match="Scry cannot read") as told:
        weights.locate(tmp_path / ("x" * 300), "a/model")
    assert str(tmp_path) not in str(told.value)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that reading fails")
def test_a_listed_file_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "model.json").symlink_to("/proc/self/mem")
    (tmp_path / manifests.NAME).write_text(f"{'0' * 64}  model.json\n")
    with pytest.raises(ModelUnavailable, match=r"model\.json cannot be read") as told:
        manifests.verify(tmp_path)
    assert str(tmp_path) not in str(told.value)


def test_a_listed_name_that_no_file_can_have_is_missing(tmp_path):
    name = "x" * 300
    (tmp_path / manifests.NAME).write_text(f"{'0' * 64}  {name}\n")
    with pytest.raises(ModelUnavailable, match="is missing beside the weights"):
        manifests.verify(tmp_path)
