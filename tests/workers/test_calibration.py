"""Thresholds of duplicates are measured, not guessed: for any model, on the gallery's photos."""

from __future__ import annotations

import io
from dataclasses import asdict

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from gallery.decoding.fingerprint import SIDE
from gallery.models import Embedding, EmbeddingModel
from search.duplicates.find import thresholds
from search.duplicates.find.thresholds import MIN_PHOTOS, measure
from search.vectors.embedders.catalog import STARTER_KEY
from tests.embedders import ColourEmbedder
from tests.images import encode
from tests.scenes import scene
from tests.workers.conftest import add_photo, drain
from workers import compare_photos, jobs, tasks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PHOTOS = MIN_PHOTOS


@pytest.fixture
def gallery(ada, model) -> EmbeddingModel:
    """A gallery of unlike photos, all of them searchable."""
    for seed in range(PHOTOS):
        add_photo(ada, encode(scene(seed, (192, 144)), "PNG"))
    drain()
    return model


def test_the_command_measures_keeps_and_forgets(gallery):
    out = io.StringIO()
    call_command("calibrate_duplicates", stdout=out)
    assert "similar" in out.getvalue()
    gallery.refresh_from_db()
    found = thresholds.thresholds_of(gallery)
    assert 0 < found.candidate <= found.layout <= found.burst <= found.similar <= found.apart <= 1
    assert asdict(found) == gallery.thresholds
    assert not compare_photos.is_unmeasured(gallery)
    call_command("calibrate_duplicates", "--forget", stdout=out)
    gallery.refresh_from_db()
    assert thresholds.thresholds_of(gallery) == thresholds.CAREFUL


def different_greys() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (PHOTOS, SIDE, SIDE), np.uint8)


def test_nearer_strangers_make_them_stricter():
    rng = np.random.default_rng(1)
    pictures, greys = [np.asarray(scene(1, (192, 144)))], different_greys()
    spread = rng.normal(size=(PHOTOS, ColourEmbedder.dim)).astype(np.float32)
    found = []
    for common in (0.0, 1.0, 3.0):
        vectors = spread + common
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        found.append(measure(ColourEmbedder(), pictures, vectors, greys))
    assert found[0].similar < found[1].similar < found[2].similar < 1


def test_look_alikes_are_no_strangers():
    """What the gallery holds twice says nothing of how near different photos come."""
    pictures, greys = [np.asarray(scene(1, (192, 144)))], different_greys()
    vectors = np.eye(PHOTOS, 128, dtype=np.float32)
    alone = measure(ColourEmbedder(), pictures, vectors, greys)
    twice = measure(
        ColourEmbedder(),
        pictures,
        np.concatenate([vectors, vectors]),
        np.concatenate([greys, greys]),
    )
    assert twice.similar == alone.similar


def test_too_few_photos_are_said_to_be_too_few(ada, model):
    add_photo(ada)
    drain()
    with pytest.raises(CommandError, match="At least 50"):
        call_command("calibrate_duplicates")


def test_a_model_is_measured_unasked_once_there_are_enough_photos(ada, model, monkeypatch):
    add_photo(ada)
    drain()
    assert not compare_photos.is_unmeasured(model)
    monkeypatch.setattr(compare_photos, "ENOUGH", 1)
    assert compare_photos.is_unmeasured(model)
    tasks.index_pending()
    model.refresh_from_db()
    assert model.thresholds == {}  # One photo is not enough to measure anything.
    model.key = STARTER_KEY
    assert not compare_photos.is_unmeasured(model)


def test_what_was_compared_before_is_compared_by_what_was_measured(gallery, monkeypatch):
    monkeypatch.setattr(compare_photos, "ENOUGH", PHOTOS)
    compare_photos.compare_due(gallery)
    assert not Embedding.objects.to_compare(gallery).exists()
    tasks.index_pending()
    gallery.refresh_from_db()
    assert gallery.thresholds
    assert Embedding.objects.to_compare(gallery).count() == PHOTOS


def test_two_threads_do_not_measure_the_same_model(gallery, monkeypatch):
    monkeypatch.setattr(compare_photos, "ENOUGH", PHOTOS)
    measured = []

    def measure_while_another_looks(model):
        measured.append(model.key)
        jobs.CALIBRATE.run()
        EmbeddingModel.objects.update(thresholds=asdict(thresholds.CAREFUL))

    monkeypatch.setattr(compare_photos, "calibrate", measure_while_another_looks)
    jobs.CALIBRATE.run()
    assert measured == [gallery.key]
