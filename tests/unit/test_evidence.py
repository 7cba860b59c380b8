"""What EXIF says about two shots: it tells them apart, and what is missing says nothing."""

from __future__ import annotations

import pytest

from search.duplicates.find.evidence import camera_time, moved_clock, other_shot

SHOT = {"taken_at": "2024-05-31T12:00:00", "exposure": 0.01, "f_number": 2.8, "iso": 100}


@pytest.mark.parametrize(
    "changed",
    [
        {"taken_at": "2024-05-31T12:00:01"},
        {"taken_at": "2024-05-31T12:10:00"},
        {"taken_at": "2023-05-31T12:00:00"},
        {"exposure": 0.04},
        {"iso": 400},
        {"f_number": 8},
        {"bias": -2.0},
        {"image_number": 7},
        {"image_id": "b"},
        {"subsec": "900"},
    ],
)
def test_the_shutter_opened_twice(changed):
    one = SHOT | {"bias": 0, "image_number": 6, "image_id": "a", "subsec": "100"}
    assert other_shot(one, one | changed)
    assert other_shot(one | changed, one)


@pytest.mark.parametrize(
    "other",
    [
        SHOT,
        {},
        {"taken_at": "2024-05-31T12:00:00"},
        SHOT | {"exposure": 0.0102},
        SHOT | {"taken_at": "no time"},
        SHOT | {"taken_at": "2020-01-01T00:00:00", "taken_from": "mtime"},
        SHOT | {"subsec": "450"},
        SHOT | {"exposure": "fast"},
    ],
)
def test_a_copy_may_have_lost_some_of_it(other):
    assert not other_shot(SHOT, other)
    assert not other_shot(other, SHOT)


def test_whole_hours_may_be_a_corrected_time_zone():
    moved = SHOT | {"taken_at": "2024-05-31T14:00:00"}
    assert not other_shot(SHOT, moved)
    assert moved_clock(SHOT, moved)
    assert not moved_clock(SHOT, SHOT)
    assert other_shot(SHOT, moved | {"exposure": 0.04})
    assert other_shot(SHOT, SHOT | {"taken_at": "2024-06-03T12:00:00"})


def test_sub_seconds_are_part_of_the_time():
    assert camera_time(SHOT | {"subsec": "25"}).microsecond == 250_000
    assert camera_time(SHOT | {"subsec": "²"}).microsecond == 0
    assert camera_time({}) is None
