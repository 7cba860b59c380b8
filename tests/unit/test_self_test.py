"""The self-test of models: what is refused, with which code, and what passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from search.vectors.embedders.base import ModelUnavailable, unit_rows
from search.vectors.embedders.self_test import (
    CAPTIONS,
    LEAST_AGREEMENT,
    Fault,
    agreement,
    fault_of,
    probes,
    require_sense,
)
from tests import embedders as fake

PAIRS, DIM = len(CAPTIONS), 64


def towers(seed: int, noise: float, cone: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings as CLIP's are: pairs alike but for noise, in two narrow cones."""
    rng = np.random.default_rng(seed)
    meaning = rng.standard_normal((PAIRS, DIM))
    cones = cone * rng.standard_normal((2, 1, DIM))
    sides = meaning + noise * rng.standard_normal((2, PAIRS, DIM)) + cones
    pictures, texts = (unit_rows(side.astype(np.float32)) for side in sides)
    return pictures, texts


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.0, 1.0, 2.0])
def test_towers_that_were_trained_together_pass(seed, noise):
    assert fault_of(*towers(seed, noise)) is None


def test_towers_that_know_nothing_of_each_other_hardly_ever_pass():
    scores = [agreement(towers(seed, 1.0)[0], towers(seed + 5000, 1.0)[1]) for seed in range(500)]
    assert sum(score >= LEAST_AGREEMENT for score in scores) <= 3
    assert abs(np.mean(scores)) < 0.3  # around chance


@pytest.mark.parametrize("seed", range(5))
def test_pairs_that_were_mixed_up_are_refused(seed):
    pictures, texts = towers(seed, 1.0)
    assert fault_of(pictures, np.roll(texts, 1, axis=0)) == Fault.NO_MATCH


@pytest.mark.parametrize("broken", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 7.0])
def test_what_is_no_unit_vector_is_refused(broken, value):
    sides = list(towers(0, 1.0))
    sides[broken] = sides[broken].copy()
    sides[broken][3] = value
    assert fault_of(*sides) == Fault.NOT_FINITE


@pytest.mark.parametrize("broken", [0, 1])
def test_a_tower_that_says_the_same_of_everything_is_refused(broken):
    sides = list(towers(0, 1.0))
    sides[broken] = unit_rows(sides[broken][:1] + 1e-3 * sides[broken])
    assert fault_of(*sides) == Fault.ALL_ALIKE


def test_the_refusal_names_the_model_the_code_and_what_to_do():
    model, shown = fake.ColourEmbedder(), fake.probes()
    require_sense(model, model, shown)
    mixed_up = replace(shown, texts=[*shown.texts[1:], shown.texts[0]])
    with pytest.raises(ModelUnavailable, match="colours failed its self-test") as told:
        require_sense(model, model, mixed_up)
    assert told.value.code == "no_match"
    assert "two different models" in str(told.value)


def test_the_built_in_pictures_are_small_and_all_there():
    shown = probes()
    assert len(shown.pictures) == len(shown.texts) == PAIRS
    assert {picture.shape for picture in shown.pictures} == {(192, 192, 3)}
