"""Same picture, similar shots or neither, on pictures made for it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image, ImageOps

from gallery.decoding.fingerprint import fingerprint_of
from search.duplicates.find import judging
from search.duplicates.find.alignment import align, apply_turn
from search.duplicates.find.judging import Pair, Side, kilometres
from search.duplicates.find.thresholds import Thresholds
from search.duplicates.groups.edges import Judgement
from search.duplicates.models import Kind
from tests.scenes import CHANGES, saved, scene

THRESHOLDS = Thresholds(candidate=0.5, layout=0.8, burst=0.85, similar=0.95, apart=0.98)
NOON = datetime(2024, 5, 31, 12, tzinfo=UTC)
HERE, NEXT_TOWN = (48.858, 2.294), (48.80, 2.13)


def pixels(image: Image.Image) -> np.ndarray:
    image = image.copy()
    image.thumbnail((512, 512))
    return np.asarray(image.convert("RGB"))


def whole(image: Image.Image) -> np.ndarray:
    image = image.copy()
    image.thumbnail((1024, 1024))
    return np.asarray(image.convert("RGB"))


def judge(a: Image.Image, b: Image.Image, cosine: float = 0.0, **sides) -> Judgement | None:
    """Judge two pictures; keyword arguments are pairs of values for the two sides."""
    pictures = [pixels(a), pixels(b)]
    both = [
        Side(
            photo_id=uuid.UUID(int=place),
            grey=fingerprint_of(picture),
            width=picture.shape[1],
            height=picture.shape[0],
            **{name: values[place] for name, values in sides.items()},
        )
        for place, picture in enumerate(pictures)
    ]
    pair = Pair(both[0], both[1], cosine)
    fine = [whole(a), whole(b)]
    return judging.judge(
        [pair],
        THRESHOLDS,
        lambda photo_id: pictures[photo_id.int],
        fine=lambda photo_id: fine[photo_id.int],
    )[0]


def kind_of(judgement: Judgement | None) -> Kind | None:
    return judgement.kind if judgement else None


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", [1])
def test_a_changed_picture_is_the_same_one(seed, change):
    original = scene(seed)
    other = CHANGES[change](original)
    found = judge(original, other)
    assert kind_of(found) == Kind.SAME_PICTURE
    assert found.closeness > 0.92
    assert kind_of(judge(other, original)) == Kind.SAME_PICTURE


@pytest.mark.parametrize(
    ("change", "how"),
    [
        ("jpeg 30", ""),
        ("quarter turn", "rotated"),
        ("upside down", "rotated"),
        ("mirrored", "mirrored"),
        ("cropped corner", "cropped"),
    ],
)
def test_it_says_how_they_differ(change, how):
    found = judge(scene(4), CHANGES[change](scene(4)))
    assert kind_of(found) == Kind.SAME_PICTURE
    assert found.how == how


@pytest.mark.parametrize("shade", ["black", "white"])
@pytest.mark.parametrize("change", ["webp", "cropped corner", "mirrored"])
def test_a_border_is_no_picture(change, shade):
    original = scene(6)
    bordered = saved(ImageOps.expand(original, border=(70, 90), fill=shade))
    found = judge(bordered, CHANGES[change](original))
    assert kind_of(found) == Kind.SAME_PICTURE
    assert found.how == ("mirrored" if change == "mirrored" else "cropped")


@pytest.mark.parametrize("seed", range(2))
def test_another_picture_is_not_the_same(seed):
    assert judge(scene(seed), scene(seed + 100)) is None


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("pixels_moved", [40, 90])
def test_a_thing_that_moved_makes_it_another_picture(seed, pixels_moved):
    """As in a burst: the same camera, the same place, and something else going on."""
    found = judge(scene(seed), saved(scene(seed, moved=pixels_moved)), cosine=0.9)
    assert kind_of(found) == Kind.SIMILAR_SHOTS


def test_a_camera_that_moved_makes_it_another_picture():
    shot = scene(7, (700, 540)).rotate(2, resample=Image.Resampling.BICUBIC)
    found = judge(scene(7, (700, 540)).crop((30, 30, 670, 510)), shot.crop((30, 30, 670, 510)))
    assert found is None


def test_pictures_without_anything_in_them_are_not_compared():
    assert judge(Image.new("RGB", (64, 48), "red"), Image.new("RGB", (64, 48), "blue")) is None


def test_without_a_closer_look_nothing_is_called_the_same():
    side = Side(uuid.uuid4(), fingerprint_of(pixels(scene(1))), 512, 384)
    found = judging.judge([Pair(side, side, 1.0)], THRESHOLDS, lambda photo_id: None)
    assert kind_of(found[0]) == Kind.SIMILAR_SHOTS


@pytest.mark.parametrize(
    ("cosine", "gap", "alike"),
    [
        (0.90, timedelta(seconds=2), True),
        (0.84, timedelta(seconds=2), False),
        (0.90, timedelta(hours=3), False),
        (0.96, timedelta(hours=3), True),
        (0.96, timedelta(days=30), False),
        (0.99, timedelta(days=30), True),
    ],
)
def test_the_less_time_between_them_the_less_alike_shots_must_be(cosine, gap, alike):
    found = judge(scene(1), scene(2), cosine, taken_at=(NOON, NOON + gap))
    assert (found is not None) is alike


def test_without_times_the_middle_threshold_counts():
    assert judge(scene(1), scene(2), 0.94) is None
    assert judge(scene(1), scene(2), 0.96) is not None


def test_places_far_apart_need_the_most_likeness():
    moments = (NOON, NOON + timedelta(seconds=5))
    assert judge(scene(1), scene(2), 0.96, taken_at=moments, place=(HERE, HERE)) is not None
    assert judge(scene(1), scene(2), 0.96, taken_at=moments, place=(HERE, NEXT_TOWN)) is None


def test_kilometres():
    assert kilometres(HERE, HERE) == 0
    assert 13 < kilometres(HERE, NEXT_TOWN) < 14
    assert 20_000 < kilometres((0, 0), (0, 180)) < 20_040


def test_every_turn_can_be_told_from_the_others():
    original = fingerprint_of(pixels(scene(5)))
    views = np.stack([apply_turn(original, turn) for turn in range(8)])
    found = align(np.stack([original] * 8), views)
    for turn, way_back in enumerate(found.turn):
        assert (apply_turn(views[turn], int(way_back)) == original).all()
    assert (found.correlation > 0.999).all()


def test_what_is_judged_together_is_judged_alone():
    seeds = range(6)
    ones = np.stack([fingerprint_of(pixels(scene(seed))) for seed in seeds])
    together = align(ones, ones[::-1])
    for row in seeds:
        alone = align(ones[row : row + 1], ones[::-1][row : row + 1])
        assert alone.correlation[0] == pytest.approx(together.correlation[row], abs=1e-3)
