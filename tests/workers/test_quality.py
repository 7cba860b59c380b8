"""The sharpness of photos: measured in the first decode, or by a job that gives way."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

import gallery.migrations
from gallery import files
from gallery.decoding.quality import ENGINE
from gallery.models import Photo, PhotoQuality
from gallery.models.quality import measure_again, quality_of, unmeasured
from search.duplicates.groups import groups
from search.duplicates.groups.criteria import criteria_of
from search.duplicates.groups.figures import figures_of
from search.duplicates.groups.keeper import rank
from search.duplicates.models import DuplicateEdge, DuplicateGroup, Kind
from tests.workers.conftest import add_photo, drain
from workers import jobs, measure_quality

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def scene(sigma: float = 0, name: str = "PNG", size: tuple[int, int] = (320, 240)) -> bytes:
    rng = np.random.default_rng(5)
    image = Image.fromarray(rng.integers(0, 255, (60, 80), np.uint8)).resize((320, 240))
    grain = Image.fromarray(rng.integers(60, 190, (240, 320), np.uint8))
    image = Image.blend(image, grain, 0.4).convert("RGB").filter(ImageFilter.GaussianBlur(sigma))
    buffer = io.BytesIO()
    image.resize(size).save(buffer, name)
    return buffer.getvalue()


def test_the_first_decode_measures(ada, model):
    sharp, soft = add_photo(ada, scene()), add_photo(ada, scene(2))
    drain()
    found = quality_of([sharp.pk, soft.pk])
    assert found[sharp.pk].rank > found[soft.pk].rank
    assert not unmeasured().exists()


def test_photos_from_before_are_measured_by_the_job_once(ada, model):
    photos = [add_photo(ada, scene(number)) for number in range(3)]
    costly = add_photo(ada, scene(1, "JPEG", size=(1600, 1200)))
    drain()
    assert list(unmeasured()) == [costly]
    measure_again()
    assert jobs.QUALITY.is_due()
    assert jobs.QUALITY.run() == 4
    assert not jobs.QUALITY.is_due()
    ranks = [quality_of([one.pk])[one.pk].rank for one in photos]
    assert ranks == sorted(ranks, reverse=True)


def test_the_job_stops_when_told_and_goes_on_later(ada, model, monkeypatch):
    for number in range(3):
        add_photo(ada, scene(number))
    drain()
    measure_again()
    monkeypatch.setattr(measure_quality, "AT_ONCE", 1)
    answers = iter([False, False, True])
    assert measure_quality.measure_due(stop=lambda: next(answers)) == 2
    assert measure_quality.measure_due(stop=lambda: False) == 1


def test_a_lost_original_is_not_tried_for_ever(ada, model):
    photo = add_photo(ada, scene())
    drain()
    measure_again()
    files.original(photo).unlink()
    assert measure_quality.measure_due(stop=lambda: False) == 1
    assert PhotoQuality.objects.get(photo=photo).sharpness is None
    assert not measure_quality.is_wanted()


def test_photos_in_the_trash_are_left_alone(ada, model):
    photo = add_photo(ada, scene())
    drain()
    measure_again()
    Photo.objects.filter(pk=photo.pk).update(trashed_at=photo.created_at)
    assert measure_quality.measure_due(stop=lambda: False) == 0


def test_the_sharpest_of_similar_shots_is_kept_and_the_reason_is_told(ada, model):
    soft, sharp = sorted(
        [add_photo(ada, scene(2)), add_photo(ada, scene())], key=lambda one: one.pk
    )
    if files.original(soft).read_bytes() == scene():
        soft, sharp = sharp, soft
    drain()
    measure_again()
    DuplicateEdge.objects.all().delete()
    pair = sorted([soft, sharp], key=lambda one: one.pk)
    DuplicateEdge.objects.create(
        owner=ada,
        first=pair[0],
        second=pair[1],
        kind=Kind.SIMILAR_SHOTS,
        closeness=0.9,
        model=model,
    )
    groups.regroup_all(ada.pk)
    assert measure_quality.measure_due(stop=lambda: False) == 2
    group = DuplicateGroup.objects.get(kind=Kind.SIMILAR_SHOTS)
    assert group.keeper_id == sharp.pk, "the group learns of it"
    measured = figures_of([soft.pk, sharp.pk], Kind.SIMILAR_SHOTS)
    ranked = rank([soft, sharp], criteria_of(ada.pk), {}, measured)
    assert ranked[0].photo == sharp
    assert "the sharpest of these" in ranked[0].reasons
    same = figures_of([soft.pk, sharp.pk], Kind.SAME_PICTURE)
    assert all(figures.sharpness is None for figures in same.values())


def test_another_way_of_measuring_comes_with_a_migration():
    """Marks do not say how a photo was measured, so it has to empty them."""
    folder = Path(gallery.migrations.__file__).parent
    texts = [path.read_text() for path in sorted(folder.glob("0*.py"))]
    assert f'ENGINE = "{ENGINE}"' in [text for text in texts if "ENGINE = " in text][-1]
